"""Guarantees of gateway/keeper/live.py: no exchange outlives its key."""

import asyncio
import logging
from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.core.keys import ApiKey
from gateway.core.policy import standing
from gateway.core.refusal import Deny, Reason
from gateway.keeper.live import LiveExchanges
from tests.support.raw_connection import eventually
from tests.unit.keeper.stage import EPOCH_S, HandClock, key_of, no_end

GONE = Deny(Reason.KEY_UNKNOWN)
OLD = b"o" * 32
ROTATED = key_of(1, previous_digest=OLD, rotated_at=EPOCH_S - 10, previous_secret_valid_until=EPOCH_S + 10)


class Ends:
    """Remembers how exchanges were ended."""

    def __init__(self) -> None:
        self.denied: list[Deny] = []

    def __call__(self, deny: Deny) -> None:
        self.denied.append(deny)

    @property
    def reasons(self) -> list[Reason]:
        return [deny.reason for deny in self.denied]


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def live(clock: HandClock) -> LiveExchanges:
    return LiveExchanges(clock)


def test_an_exchange_is_there_until_it_leaves_and_may_leave_twice(live: LiveExchanges) -> None:
    key = key_of(1)
    first = live.register(key, key.digest, no_end)
    second = live.register(key, key.digest, no_end)
    other = live.register(key_of(2), key_of(2).digest, no_end)
    assert (len(live), live.key_ids()) == (3, ["k1", "k2"])
    first()
    first()
    assert (len(live), live.key_ids()) == (2, ["k1", "k2"])
    second()
    other()
    other()
    assert (len(live), live.key_ids()) == (0, [])


def test_leaving_late_takes_nobody_else_along(live: LiveExchanges) -> None:
    key = key_of(1)
    leave = live.register(key, key.digest, Ends())
    live.changed("k1", None, GONE)
    ends = Ends()
    live.register(key, key.digest, ends)
    leave()
    live.changed("k1", None, GONE)
    assert ends.reasons == [Reason.KEY_UNKNOWN]


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        pytest.param(key_of(1, revoked_at=EPOCH_S), Reason.KEY_REVOKED, id="revoked"),
        pytest.param(key_of(1, disabled_at=EPOCH_S), Reason.KEY_DISABLED, id="disabled"),
        pytest.param(key_of(1, expires_at=EPOCH_S), Reason.KEY_EXPIRED, id="expired"),
        pytest.param(key_of(1, digest=b"n" * 32), Reason.KEY_ROTATED, id="rotated-without-overlap"),
        pytest.param(None, Reason.KEY_UNKNOWN, id="deleted"),
    ],
)
def test_a_change_that_kills_the_key_ends_its_exchanges_at_once_and_once(
    live: LiveExchanges, key: ApiKey | None, reason: Reason
) -> None:
    ends, spared = Ends(), Ends()
    for _ in range(3):
        live.register(key_of(1), key_of(1).digest, ends)
    live.register(key_of(2), key_of(2).digest, spared)
    live.changed("k1", key, GONE)
    assert ends.reasons == [reason] * 3
    assert spared.denied == []
    assert (len(live), live.key_ids()) == (1, ["k2"])
    live.changed("k1", key, GONE)
    live.sweep()
    assert len(ends.denied) == 3


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(key_of(1, name="renamed"), id="renamed"),
        pytest.param(key_of(1, scopes=frozenset()), id="scopes-taken-away"),
        pytest.param(key_of(1, expires_at=EPOCH_S + 1), id="will-expire"),
    ],
)
def test_a_change_that_leaves_the_key_alive_ends_nothing(live: LiveExchanges, key: ApiKey) -> None:
    live.register(key_of(1), key_of(1).digest, no_end)
    live.changed("k1", key, GONE)
    live.sweep()
    assert len(live) == 1


def test_a_change_to_a_key_without_exchanges_is_nothing(live: LiveExchanges) -> None:
    live.changed("k1", None, GONE)
    live.sweep()
    assert len(live) == 0


def test_a_key_that_expires_takes_its_exchanges_with_it(live: LiveExchanges, clock: HandClock) -> None:
    ends = Ends()
    key = key_of(1, expires_at=EPOCH_S + 10)
    live.register(key, key.digest, ends)
    clock.wall = EPOCH_S + 9.999
    live.sweep()
    assert ends.denied == []
    clock.wall = EPOCH_S + 10
    live.sweep()
    since = {"since": "2027-01-15T08:00:10Z"}
    assert ends.denied == [Deny(Reason.KEY_EXPIRED, since, key_id="k1", key_name="key 1")]


def test_an_expiry_that_was_set_later_counts(live: LiveExchanges, clock: HandClock) -> None:
    ends = Ends()
    live.register(key_of(1), key_of(1).digest, ends)
    live.changed("k1", key_of(1, expires_at=EPOCH_S + 10), GONE)
    clock.wall = EPOCH_S + 10
    live.sweep()
    assert ends.reasons == [Reason.KEY_EXPIRED]


def test_the_end_of_an_overlap_ends_the_old_secret_alone(live: LiveExchanges, clock: HandClock) -> None:
    ends = Ends()
    live.register(ROTATED, OLD, ends)
    live.register(ROTATED, ROTATED.digest, no_end)
    clock.wall = EPOCH_S + 9.999
    live.sweep()
    assert ends.denied == []
    clock.wall = EPOCH_S + 10
    live.sweep()
    assert ends.reasons == [Reason.KEY_ROTATED]
    assert len(live) == 1


def test_an_exchange_that_cannot_be_ended_keeps_no_other_alive(
    live: LiveExchanges, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_deny: Deny) -> None:
        raise ZeroDivisionError("bug")

    ends = Ends()
    for end in (ends, broken, ends):
        live.register(ROTATED, OLD, end)
        live.register(ROTATED, ROTATED.digest, end)
    live.changed("k1", key_of(1, revoked_at=EPOCH_S), GONE)
    assert ends.reasons == [Reason.KEY_REVOKED] * 4
    assert len(live) == 0
    assert [(record.levelno, bool(record.exc_info)) for record in caplog.records] == [
        (logging.ERROR, True)
    ] * 2


def test_an_exchange_that_leaves_while_others_are_ended_is_not_ended(live: LiveExchanges) -> None:
    key = key_of(1)
    leave: list[Callable[[], object]] = []

    def end(_: Deny) -> None:
        leave[0]()

    live.register(key, key.digest, end)
    leave.append(live.register(key, key.digest, no_end))
    live.changed("k1", None, GONE)
    assert len(live) == 0


async def test_it_sweeps_by_itself_until_it_is_cancelled(live: LiveExchanges, clock: HandClock) -> None:
    ends = Ends()
    key = key_of(1, expires_at=EPOCH_S + 10)
    live.register(key, key.digest, ends)
    running = asyncio.ensure_future(live.run(0))
    clock.wall = EPOCH_S + 10
    await eventually(lambda: ends.denied, "the exchange ended")
    running.cancel()
    await asyncio.wait([running])
    assert running.cancelled()


SECRETS = (b"a" * 32, b"b" * 32)
IDS = st.sampled_from(["k0", "k1"])


class LiveMachine(RuleBasedStateMachine):
    """Whatever happens to keys and clock: after a sweep or a change only what stands is left."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = HandClock()
        self.live = LiveExchanges(self.clock)
        self.keys = {f"k{number}": key_of(number, digest=SECRETS[0]) for number in range(2)}
        self.under_way: dict[int, tuple[str, bytes, Callable[[], object]]] = {}
        self.ended: list[int] = []
        self.count = 0

    def dead(self, key_id: str, digest: bytes) -> bool:
        return standing(self.keys[key_id], digest, self.clock.wall) is not None

    @rule(key_id=IDS, digest=st.sampled_from(SECRETS))
    def begin(self, key_id: str, digest: bytes) -> None:
        if not self.dead(key_id, digest):
            self.count += 1
            number = self.count
            leave = self.live.register(self.keys[key_id], digest, lambda _: self.ended.append(number))
            self.under_way[number] = (key_id, digest, leave)

    @rule(at=st.integers(0, 99))
    def leave(self, at: int) -> None:
        if self.under_way:
            number = sorted(self.under_way)[at % len(self.under_way)]
            self.under_way.pop(number)[2]()

    @rule(
        key_id=IDS,
        revoked=st.booleans(),
        expires_in_s=st.sampled_from([None, -1.0, 5.0]),
        rotated=st.booleans(),
    )
    def change(self, key_id: str, revoked: bool, expires_in_s: float | None, rotated: bool) -> None:
        now = self.clock.wall
        self.keys[key_id] = key_of(
            int(key_id[1]),
            digest=SECRETS[rotated],
            previous_digest=SECRETS[not rotated],
            previous_secret_valid_until=now + 3,
            revoked_at=now if revoked else None,
            expires_at=None if expires_in_s is None else now + expires_in_s,
        )
        self.live.changed(key_id, self.keys[key_id], GONE)
        self.expect({key_id})

    @rule(seconds=st.sampled_from([1.0, 2.0, 4.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.wall += seconds
        self.live.sweep()
        self.expect(set(self.keys))

    def expect(self, looked_at: set[str]) -> None:
        for number, (key_id, digest, _) in list(self.under_way.items()):
            if key_id in looked_at and self.dead(key_id, digest):
                assert self.ended.count(number) == 1
                del self.under_way[number]

    @invariant()
    def what_is_left_is_what_is_under_way(self) -> None:
        assert len(self.live) == len(self.under_way)
        assert self.live.key_ids() == sorted({key_id for key_id, _, _ in self.under_way.values()})
        assert not set(self.ended) & set(self.under_way)
        assert len(set(self.ended)) == len(self.ended)


TestLiveMachine = LiveMachine.TestCase
TestLiveMachine.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
