"""Guarantees of gateway/wire/targets.py: who may be chosen, whose turn it is, and failures."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.targets import (
    EJECT_GROWTH_MAX,
    Balance,
    Check,
    Crew,
    Eject,
    Origin,
    Standing,
    State,
    Tls,
    UpstreamTarget,
)

CHECK = Check("/health", rise=2, fall=3)
EJECT = Eject(failures=3, for_s=10.0)


def target(name: str, port: int = 1, path: str = "") -> UpstreamTarget:
    return UpstreamTarget(name, "http", "127.0.0.1", port, path)


def crew(*names: str, balance: Balance = "round_robin") -> Crew:
    return Crew([target(name) for name in names], balance, EJECT)


def named(standing: Standing | None) -> str | None:
    return None if standing is None else standing.target.name


def fail(standing: Standing, times: int, now: float = 0.0) -> None:
    for _ in range(times):
        standing.failed(now, EJECT, "refused")


@pytest.mark.parametrize(
    ("place", "authority"),
    [
        pytest.param(("http", "10.0.0.1", 80), "10.0.0.1", id="own-port"),
        pytest.param(("https", "ai.test", 443), "ai.test", id="own-port-of-https"),
        pytest.param(("http", "ai.test", 443), "ai.test:443", id="another-port"),
        pytest.param(("http", "::1", 8080), "[::1]:8080", id="ipv6"),
    ],
)
def test_a_targets_authority_is_what_host_says(place: tuple[str, str, int], authority: str) -> None:
    assert UpstreamTarget("a", *place).authority == authority


def test_connections_are_alike_only_where_place_and_security_are_the_same() -> None:
    tls = Tls(server_name="ai.test")
    plain = target("a")
    assert plain.origin == target("b").origin == Origin("http", "127.0.0.1", 1)
    assert plain.origin != target("a", path="/run/a.sock").origin
    assert UpstreamTarget("a", "https", "h", 1, tls=tls).origin == Origin("https", "h", 1, "", tls)
    assert tls != Tls(server_name="ai.test")


# --- The choice -------------------------------------------------------------------------------------------


def test_the_only_target_is_asked_however_it_stands_unless_it_is_drained() -> None:
    one = crew("a")
    (only,) = one.standings
    fail(only, 9)
    assert one.pick(0.0) is only
    assert one.pick(0.0, (only,)) is None
    only.drain(0.0, drained=True)
    assert one.pick(0.0) is None


def test_targets_take_turns() -> None:
    three = crew("a", "b", "c")
    assert [named(three.pick(0.0)) for _ in range(6)] == ["a", "b", "c", "a", "b", "c"]


def test_least_busy_means_fewest_under_way_and_turns_among_equals() -> None:
    three = crew("a", "b", "c", balance="least_busy")
    three.standings[0].busy = 2
    assert [named(three.pick(0.0)) for _ in range(4)] == ["b", "c", "b", "c"]
    three.standings[1].busy = three.standings[2].busy = 3
    assert named(three.pick(0.0)) == "a"


def test_who_was_tried_is_not_tried_again() -> None:
    two = crew("a", "b")
    a, b = two.standings
    assert two.pick(0.0, (a,)) is b
    assert two.pick(0.0, (a, b)) is None


def test_where_all_are_out_they_are_tried_anyway_but_never_the_drained() -> None:
    three = crew("a", "b", "c")
    a, b, c = three.standings
    a.drain(0.0, drained=True)
    fail(b, 3)
    for _ in range(3):
        c.checked(0.0, CHECK, "503")
    assert {named(three.pick(1.0)) for _ in range(6)} == {"b", "c"}


def test_a_drained_target_comes_back_when_it_is_resumed() -> None:
    two = crew("a", "b")
    two.standings[0].drain(5.0, drained=True)
    two.standings[0].drain(6.0, drained=True)
    assert (two.standings[0].state, two.standings[0].since) == (State.DRAINED, 5.0)
    assert {named(two.pick(7.0)) for _ in range(4)} == {"b"}
    two.standings[0].drain(8.0, drained=False)
    assert {named(two.pick(9.0)) for _ in range(4)} == {"a", "b"}


# --- Ejection ---------------------------------------------------------------------------------------------


def test_failures_in_a_row_eject_for_a_time_and_an_answer_between_them_counts_anew() -> None:
    two = crew("a", "b")
    a = two.standings[0]
    fail(a, 2)
    assert a.worked(0.0) is None
    fail(a, 2)
    assert a.state is State.UP
    assert a.failed(1.0, EJECT, "refused") is State.EJECTED
    assert (a.since, a.last_error, a.ejections_total) == (1.0, "refused", 1)
    assert {named(two.pick(10.9)) for _ in range(4)} == {"b"}


def test_after_its_time_one_request_tries_it_while_the_others_go_elsewhere() -> None:
    two = crew("a", "b")
    a, _ = two.standings
    fail(a, 3)
    chosen = [named(two.pick(10.0)) for _ in range(6)]
    assert chosen.count("a") == 1
    assert a.worked(11.0) is State.UP
    assert {named(two.pick(11.0)) for _ in range(2)} == {"a", "b"}


def test_each_ejection_is_twice_as_long_up_to_a_bound() -> None:
    one = crew("a", "b").standings[0]
    now, times = 0.0, []
    for _ in range(7):
        fail(one, 3, now)
        times.append(one.out_until - now)
        now = one.out_until
    most = EJECT.for_s * EJECT_GROWTH_MAX
    assert times == [10.0, 20.0, 40.0, 80.0, 160.0, most, most]
    assert one.ejections_total == 7


def test_failures_while_it_is_out_do_not_make_its_time_longer() -> None:
    one = crew("a", "b").standings[0]
    fail(one, 30)
    assert (one.out_until, one.ejections) == (10.0, 1)


# --- Checks -----------------------------------------------------------------------------------------------


def test_a_target_is_down_after_fall_checks_in_a_row_and_up_after_rise() -> None:
    one = crew("a", "b").standings[0]
    told = [one.checked(float(at), CHECK, fault) for at, fault in enumerate(["x", "x", None, "x", "x", "x"])]
    assert told == [None, None, None, None, None, State.DOWN]
    assert (one.state, one.since, one.last_error) == (State.DOWN, 5.0, "x")
    told = [one.checked(float(at), CHECK, fault) for at, fault in enumerate([None, "y", None, None], 6)]
    assert told == [None, None, None, State.UP]


def test_a_good_check_ends_an_ejection_whose_time_is_over_and_none_before() -> None:
    one = crew("a", "b").standings[0]
    fail(one, 3)
    assert one.checked(9.0, CHECK, None) is None
    assert one.state is State.EJECTED
    assert one.checked(10.0, CHECK, None) is State.UP


def test_what_checks_found_is_forgotten_when_nobody_checks_any_more() -> None:
    one = crew("a", "b").standings[0]
    for _ in range(3):
        one.checked(0.0, CHECK, "503")
    one.unchecked()
    assert one.state is State.UP


# --- Reloads ----------------------------------------------------------------------------------------------


def test_a_standing_survives_a_reload_by_name_and_place() -> None:
    before = Crew([target("a", 1), target("b", 2), target("c", 3)])
    before.standings[0].drain(1.0, drained=True)
    before.standings[1].drain(1.0, drained=True)
    after = Crew([target("a", 1), target("b", 9)])
    after.take_over(before, 7.0)
    assert after.standings[0] is before.standings[0]
    assert after.find("b") is not before.find("b")
    assert [each.state for each in after.standings] == [State.DRAINED, State.UP]
    assert [each.since for each in after.standings] == [1.0, 7.0]
    assert after.find("c") is None


def test_the_only_target_stays_the_only_one() -> None:
    before, after = Crew([target("a")]), Crew([target("a")])
    after.take_over(before, 0.0)
    assert after.only is before.only
    fresh = Crew([target("a")])
    fresh.take_over(None, 3.0)
    assert fresh.only is not None
    assert fresh.only.since == 3.0


# --- Whatever happens -------------------------------------------------------------------------------------


@dataclass
class Model:
    """What is known of a target as plain numbers."""

    drained: bool = False
    down: bool = False
    alike: int = 0
    failures: int = 0
    ejections: int = 0
    ejected_until: float = 0.0
    held_until: float = 0.0
    history: list[str] = field(default_factory=list)

    def is_out(self, now: float) -> bool:
        return self.drained or self.down or max(self.ejected_until, self.held_until) > now


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["pick", "fail", "work", "drain", "resume", "good", "bad", "wait"]),
        st.integers(0, 3),
    ),
    max_size=60,
)


def _tell(model: Model, standing: Standing, event: str, now: float) -> None:
    if event == "fail":
        standing.failed(now, EJECT, "x")
        model.failures += 1
        if model.failures >= EJECT.failures and model.ejected_until <= now:
            model.ejected_until = now + EJECT.for_s * min(2**model.ejections, EJECT_GROWTH_MAX)
            model.ejections += 1
        model.held_until = 0.0
    elif event == "work":
        standing.worked(now)
        model.failures = model.ejections = 0
        model.ejected_until = model.held_until = 0.0
    elif event in ("drain", "resume"):
        standing.drain(now, drained=event == "drain")
        if model.drained != (event == "drain"):
            model.drained, model.held_until = event == "drain", 0.0
    elif event in ("good", "bad"):
        standing.checked(now, CHECK, "503" if event == "bad" else None)
        model.held_until = 0.0
        if event == "good" and model.ejections and model.ejected_until <= now:
            model.failures = model.ejections = 0
            model.ejected_until = 0.0
        if (event == "bad") == model.down:
            model.alike = 0
        else:
            model.alike += 1
            if model.alike >= (CHECK.rise if model.down else CHECK.fall):
                model.down, model.alike = not model.down, 0


@given(EVENTS, st.sampled_from(["round_robin", "least_busy"]), st.integers(1, 4))
def test_the_choice_is_right_whatever_happens(
    events: list[tuple[str, int]], balance: Balance, count: int
) -> None:
    team = crew(*"abcd"[:count], balance=balance)
    models = [Model() for _ in team.standings]
    now = 1.0
    for event, which in events:
        index = which % count
        if event == "wait":
            now += 4.0 * (which + 1)
        elif event == "pick":
            chosen = team.pick(now)
            may = [not model.drained for model in models]
            better = [not model.is_out(now) for model in models]
            if chosen is None:
                assert not any(may)
                continue
            at = team.standings.index(chosen)
            assert may[at], "a drained target was chosen"
            assert better[at] or not any(better) or count == 1, (
                "one that is out was chosen before a better one"
            )
            if better[at] and models[at].ejections and count > 1:
                models[at].held_until = now + EJECT.for_s
        else:
            _tell(models[index], team.standings[index], event, now)


@given(
    st.sampled_from(["round_robin", "least_busy"]),
    st.lists(st.booleans(), min_size=2, max_size=6),
)
def test_nobody_who_may_be_chosen_starves(balance: Balance, drained: list[bool]) -> None:
    team = crew(*"abcdef"[: len(drained)], balance=balance)
    for standing, is_drained in zip(team.standings, drained, strict=True):
        standing.drain(0.0, drained=is_drained)
    free = {standing for standing in team.standings if not standing.is_drained}
    chosen = [team.pick(0.0) for _ in range(2 * len(free))]
    for _ in free:
        assert set(chosen[: len(free)]) == set(chosen[len(free) :]) == free
