"""Guarantees of gateway/admin/sessions.py: two halves, both secret, both needed, for a bounded time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.admin.sessions import (
    IDLE_S,
    LIFE_S,
    OF_ONE_MAX,
    SESSIONS_MAX,
    Opened,
    Sessions,
    Shown,
    cookie_name,
    shown_in,
)
from tests.support.records import StillClock, digest, repeatable_entropy

SECRET = digest("secret")


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def sessions(clock: StillClock) -> Sessions:
    return Sessions(clock, repeatable_entropy())


def shown(opened: Opened, *, is_background: bool = False) -> Shown:
    return Shown((opened.cookie,), opened.token, is_background)


def test_cookie_and_token_together_stand_for_the_secret_that_was_shown(sessions: Sessions) -> None:
    assert sessions.holder(shown(sessions.begin(SECRET))) == SECRET


def test_neither_half_is_worth_anything_alone(sessions: Sessions) -> None:
    one, other = sessions.begin(SECRET), sessions.begin(SECRET)
    for cookies, token in [
        ((one.cookie,), ""),
        ((one.cookie,), other.token),
        ((one.cookie,), one.token[:-1]),
        ((one.cookie,), one.cookie),
        ((), one.token),
        ((one.token,), one.token),
    ]:
        assert sessions.holder(Shown(cookies, token, is_background=False)) is None


def test_a_strange_cookie_before_ours_changes_nothing(sessions: Sessions) -> None:
    opened = sessions.begin(SECRET)
    assert sessions.holder(Shown(("strange", opened.cookie), opened.token, is_background=False)) == SECRET


def test_strange_cookies_of_every_path_before_ours_keep_nobody_out(sessions: Sessions) -> None:
    """A server on another port of the host can set one for each piece of a path; no browser sends more."""
    opened = sessions.begin(SECRET)
    strange = tuple(map(str, range(15)))
    assert sessions.holder(Shown((*strange, opened.cookie), opened.token, is_background=False)) == SECRET
    late = (*strange, "more", opened.cookie)
    assert sessions.holder(Shown(late, opened.token, is_background=False)) is None


def test_it_ends_after_half_an_hour_of_rest(sessions: Sessions, clock: StillClock) -> None:
    opened = sessions.begin(SECRET)
    clock.time += IDLE_S - 1
    assert sessions.holder(shown(opened)) == SECRET
    clock.time += IDLE_S - 1
    assert sessions.holder(shown(opened)) == SECRET
    clock.time += IDLE_S
    assert sessions.holder(shown(opened)) is None
    assert len(sessions) == 0


def test_what_a_page_asks_by_itself_does_not_keep_it(sessions: Sessions, clock: StillClock) -> None:
    opened = sessions.begin(SECRET)
    clock.time += IDLE_S - 1
    assert sessions.holder(shown(opened, is_background=True)) == SECRET
    clock.time += 1
    assert sessions.holder(shown(opened)) is None


def test_it_ends_after_half_a_day_however_busy(sessions: Sessions, clock: StillClock) -> None:
    opened = sessions.begin(SECRET)
    for _ in range(int(LIFE_S // 600) - 1):
        clock.time += 600
        assert sessions.holder(shown(opened)) == SECRET
    assert sessions.ends_in_s(shown(opened)) == 600
    clock.time += 600
    assert sessions.holder(shown(opened)) is None
    assert sessions.ends_in_s(shown(opened)) == 0


class SleepingClock(StillClock):
    """Of a machine that sleeps: the moment goes on, what counts durations stands still meanwhile."""

    asleep_s = 0.0

    def monotonic(self) -> float:
        return self.time - self.asleep_s

    def sleep(self, seconds: float) -> None:
        self.time += seconds
        self.asleep_s += seconds


@pytest.mark.parametrize("slept", [IDLE_S, LIFE_S])
def test_it_does_not_outlive_the_night_on_a_machine_that_slept(slept: float) -> None:
    clock = SleepingClock()
    sessions = Sessions(clock, repeatable_entropy())
    opened = sessions.begin(SECRET)
    clock.sleep(slept - 1)
    assert sessions.ends_in_s(shown(opened)) == (LIFE_S - slept + 1 if slept == IDLE_S else 0)
    clock.sleep(1)
    assert sessions.holder(shown(opened)) is None


def test_a_clock_that_is_set_back_gives_it_no_more_time() -> None:
    still = SleepingClock()
    sessions = Sessions(still, repeatable_entropy())
    opened = sessions.begin(SECRET)
    still.sleep(-86_400)
    still.time += IDLE_S
    assert sessions.holder(shown(opened)) is None


def test_who_signs_out_is_out(sessions: Sessions) -> None:
    opened, other = sessions.begin(SECRET), sessions.begin(SECRET)
    sessions.end(Shown((opened.cookie,), "", is_background=False))
    assert sessions.holder(shown(opened)) == SECRET  # a cookie alone ends nothing either
    sessions.end(shown(opened))
    assert sessions.holder(shown(opened)) is None
    assert sessions.holder(shown(other)) == SECRET


def test_of_too_many_the_one_that_rested_longest_goes(sessions: Sessions, clock: StillClock) -> None:
    first, second = sessions.begin(SECRET), sessions.begin(SECRET)
    clock.time += 1
    sessions.holder(shown(first))
    for number in range(SESSIONS_MAX - 1):
        sessions.begin(digest(f"secret {number}"))
    assert len(sessions) == SESSIONS_MAX
    assert sessions.holder(shown(first)) == SECRET
    assert sessions.holder(shown(second)) is None


def test_who_signs_in_again_and_again_pushes_nobody_else_out(sessions: Sessions, clock: StillClock) -> None:
    other = sessions.begin(digest("other"))
    clock.time += 1
    first, second = sessions.begin(SECRET), sessions.begin(SECRET)
    clock.time += 1
    sessions.holder(shown(first))
    for _ in range(OF_ONE_MAX - 1):
        sessions.begin(SECRET)
    assert len(sessions) == OF_ONE_MAX + 1
    assert sessions.holder(shown(other)) == digest("other")
    assert sessions.holder(shown(first)) == SECRET
    assert sessions.holder(shown(second)) is None


def test_those_that_ended_make_room_first(sessions: Sessions, clock: StillClock) -> None:
    for _ in range(3):
        sessions.begin(SECRET)
    clock.time += IDLE_S
    sessions.begin(SECRET)
    assert len(sessions) == 1


def test_no_half_is_kept_or_shown(sessions: Sessions) -> None:
    opened = sessions.begin(SECRET)
    kept = repr(vars(sessions)) + repr(opened) + repr(shown(opened))
    assert opened.cookie not in kept
    assert opened.token not in kept
    assert (len(opened.cookie), len(opened.token)) == (64, 64)


def test_without_tls_the_name_of_the_cookie_says_the_port() -> None:
    assert cookie_name(b"localhost:8081", is_tls=False) == "keyhatch_session_8081"
    assert cookie_name(b"[::1]:8081", is_tls=False) == "keyhatch_session_8081"
    assert cookie_name(b"localhost", is_tls=False) == "keyhatch_session"
    assert cookie_name(b"localhost:8081", is_tls=True) == "__Host-keyhatch_session"


def test_both_names_are_looked_for_and_that_of_tls_counts_first() -> None:
    found = shown_in(
        (
            (b"host", b"localhost:8081"),
            (b"cookie", b"a=b; keyhatch_session_8081=plain; keyhatch_session_9=else; x"),
            (b"cookie", b"__Host-keyhatch_session=tls"),
            (b"x-keyhatch-csrf", b"token"),
            (b"x-keyhatch-background", b"1"),
        )
    )
    assert (found.cookies, found.token, found.is_background) == (("tls", "plain"), "token", True)


@pytest.mark.parametrize("headers", [(), ((b"cookie", b"keyhatch_session="),), ((b"cookie", b"other=1"),)])
def test_who_shows_nothing_of_a_session_means_none(headers: tuple[tuple[bytes, bytes], ...]) -> None:
    assert not shown_in(headers)


@given(st.binary(), st.binary())
def test_no_bytes_of_a_cookie_or_token_are_an_accident(cookie: bytes, token: bytes) -> None:
    sessions = Sessions(StillClock(), repeatable_entropy())
    headers = ((b"host", b"h"), (b"cookie", b"keyhatch_session=" + cookie), (b"x-keyhatch-csrf", token))
    assert sessions.holder(shown_in(headers)) is None
