"""Guarantees of gateway/keeper/usage.py: every use is counted once, whatever the store and the clock do."""

import asyncio
import logging
from collections import Counter as Tally
from collections.abc import Sequence

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.core.keys import ApiKey
from gateway.keeper.days import UsageDay
from gateway.keeper.ports import StoreUnavailable, Use
from gateway.keeper.usage import Usage
from gateway.store.memory import MemoryKeyStore
from tests.support.raw_connection import eventually
from tests.unit.keeper.stage import EPOCH_S, Counter, HandClock, key_of, settled

DOWN = StoreUnavailable("the disk is full")
BUG = ZeroDivisionError("bug")


class GatedStore(MemoryKeyStore):
    """A store in which each batch waits for the test: let in, or refused."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[Sequence[Use]] = []
        self.days: list[Sequence[UsageDay]] = []
        self.gate: asyncio.Future[None] | None = None
        self.is_open = True

    async def record_uses(self, uses: Sequence[Use], days: Sequence[UsageDay] = ()) -> None:
        self.batches.append(uses)
        self.days.append(days)
        if not self.is_open:
            self.gate = asyncio.get_running_loop().create_future()
            await self.gate
        await super().record_uses(uses, days)

    def let_in(self) -> None:
        if self.gate is not None and not self.gate.done():
            self.gate.set_result(None)

    def refuse(self, trouble: BaseException) -> None:
        if self.gate is not None and not self.gate.done():
            self.gate.set_exception(trouble)


class Parts:
    """A usage and everything around it, with one key in the store."""

    def __init__(self) -> None:
        self.store = GatedStore()
        self.clock = HandClock()
        self.errors = Counter()
        self.usage = Usage(self.store, self.clock, self.errors)

    async def written(self) -> ApiKey:
        key = await self.store.get("k1")
        assert key is not None
        return key


@pytest.fixture
async def parts() -> Parts:
    made = Parts()
    await made.store.insert(key_of(1))
    return made


async def test_a_use_is_true_in_memory_at_once(parts: Parts) -> None:
    parts.usage.note("k1", "a", EPOCH_S)
    parts.usage.note("k1", "b", EPOCH_S + 1)
    seen = parts.usage.latest(key_of(1))
    assert (seen.last_used_at, seen.last_used_from, seen.use_count) == (EPOCH_S + 1, "b", 2)
    assert seen.previous_secret_last_used_at is None
    assert parts.usage.latest(key_of(2)) == key_of(2)
    assert parts.store.batches == []


async def test_the_last_use_is_known_here_while_no_later_one_can_be_in_the_store(parts: Parts) -> None:
    assert parts.usage.last_of("k1") is None
    parts.usage.note("k1", "a", EPOCH_S)
    assert parts.usage.last_of("k1") == (EPOCH_S, "a")
    await parts.usage.flush()
    assert parts.usage.last_of("k1") is None
    parts.usage.note("k1", "b", EPOCH_S)
    assert parts.usage.last_of("k1") == (EPOCH_S, "b")
    parts.usage.note("k2", "c", EPOCH_S - 1)
    assert parts.usage.last_of("k2") is None


async def test_a_later_use_that_is_being_written_counts_as_known(parts: Parts) -> None:
    parts.store.is_open = False
    parts.usage.note("k1", "a", EPOCH_S + 1)
    flush = asyncio.ensure_future(parts.usage.flush())
    await settled()
    parts.usage.note("k1", "b", EPOCH_S)
    assert parts.usage.last_of("k1") == (EPOCH_S + 1, "a")
    parts.store.let_in()
    await flush
    assert parts.usage.last_of("k1") is None


async def test_when_keys_were_last_used_is_told_as_long_as_it_is_not_written(parts: Parts) -> None:
    parts.store.is_open = False
    assert parts.usage.unwritten() == {}
    parts.usage.note("k1", "a", EPOCH_S + 1)
    parts.usage.note("k2", "a", EPOCH_S)
    flush = asyncio.ensure_future(parts.usage.flush())
    await settled()
    parts.usage.note("k1", "b", EPOCH_S)
    parts.usage.note("k2", "b", EPOCH_S + 2)
    parts.usage.note("k3", "b", EPOCH_S + 3)
    assert parts.usage.unwritten() == {"k1": EPOCH_S + 1, "k2": EPOCH_S + 2, "k3": EPOCH_S + 3}
    parts.store.let_in()
    await flush
    assert parts.usage.unwritten() == {"k1": EPOCH_S, "k2": EPOCH_S + 2, "k3": EPOCH_S + 3}
    parts.store.is_open = True
    await parts.usage.flush()
    assert parts.usage.unwritten() == {}


async def test_a_flush_writes_one_batch_and_leaves_nothing(parts: Parts) -> None:
    await parts.store.insert(key_of(2))
    for _ in range(3):
        parts.usage.note("k1", "a", EPOCH_S)
    parts.usage.note("k2", "b", EPOCH_S + 1, previous=True)
    assert parts.usage.pending == 2
    assert await parts.usage.flush()
    assert parts.store.batches == [
        [Use("k1", EPOCH_S, "a", 3, None), Use("k2", EPOCH_S + 1, "b", 1, EPOCH_S + 1, "b")]
    ]
    assert parts.usage.pending == 0
    key = await parts.written()
    assert (key.use_count, key.last_used_at, key.last_used_from) == (3, EPOCH_S, "a")
    assert parts.usage.latest(key) == key


async def test_without_uses_the_store_is_left_alone(parts: Parts) -> None:
    assert await parts.usage.flush()
    assert parts.store.batches == []


async def test_uses_noted_while_a_batch_is_written_are_counted_on_top_and_written_next(parts: Parts) -> None:
    parts.store.is_open = False
    parts.usage.note("k1", "a", EPOCH_S)
    flush = asyncio.ensure_future(parts.usage.flush())
    await settled()
    parts.usage.note("k1", "b", EPOCH_S + 1)
    seen = parts.usage.latest(key_of(1))
    assert (seen.use_count, seen.last_used_from, parts.usage.pending) == (2, "b", 2)
    parts.store.let_in()
    assert not await flush
    assert (await parts.written()).use_count == 1
    parts.store.is_open = True
    assert await parts.usage.flush()
    assert (await parts.written()).use_count == 2


@pytest.mark.parametrize(
    ("first", "then", "at", "peer"),
    [
        pytest.param(EPOCH_S, EPOCH_S + 1, EPOCH_S + 1, "b", id="forward"),
        pytest.param(EPOCH_S, EPOCH_S, EPOCH_S, "b", id="same-moment"),
        pytest.param(EPOCH_S, EPOCH_S - 86_400, EPOCH_S, "a", id="the-clock-was-put-back"),
    ],
)
@pytest.mark.parametrize("between", ["nothing", "a-flush", "a-failed-flush", "a-flush-under-way"])
async def test_times_never_move_backwards(
    parts: Parts, first: float, then: float, at: float, peer: str, between: str
) -> None:
    parts.usage.note("k1", "a", first, previous=True)
    parts.store.is_open = between in {"nothing", "a-flush"}
    flush = asyncio.ensure_future(parts.usage.flush()) if between != "nothing" else None
    await settled()
    if between == "a-failed-flush":
        parts.usage.note("k1", "b", then, previous=True)
        parts.store.refuse(DOWN)
        await settled()
    else:
        parts.usage.note("k1", "b", then, previous=True)
    seen = parts.usage.latest(await parts.written())
    assert (seen.last_used_at, seen.last_used_from, seen.use_count) == (at, peer, 2)
    assert (seen.previous_secret_last_used_at, seen.previous_secret_last_used_from) == (at, peer)
    parts.store.let_in()
    parts.store.is_open = True
    await (flush or settled())
    assert await parts.usage.flush()
    assert await parts.written() == seen


async def test_a_store_that_is_down_is_told_and_nothing_is_lost(
    parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    parts.store.is_open = False
    parts.usage.note("k1", "a", EPOCH_S)
    flush = asyncio.ensure_future(parts.usage.flush())
    await settled()
    parts.store.refuse(DOWN)
    assert not await flush
    assert parts.errors.count == 1
    assert [record.getMessage() for record in caplog.records] == [
        "usage of 1 keys not written yet: the disk is full"
    ]
    assert parts.usage.pending == 1
    parts.store.is_open = True
    assert await parts.usage.flush()
    assert (await parts.written()).use_count == 1


async def test_an_accident_is_raised_and_nothing_is_lost(parts: Parts) -> None:
    parts.store.is_open = False
    parts.usage.note("k1", "a", EPOCH_S)
    flush = asyncio.ensure_future(parts.usage.flush())
    await settled()
    parts.store.refuse(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await flush
    parts.store.is_open = True
    assert await parts.usage.flush()
    assert (await parts.written()).use_count == 1


async def test_a_cancelled_flush_goes_on_by_itself(parts: Parts) -> None:
    parts.store.is_open = False
    parts.usage.note("k1", "a", EPOCH_S)
    flush = asyncio.ensure_future(parts.usage.flush())
    await settled()
    flush.cancel()
    await settled()
    assert flush.cancelled()
    parts.store.let_in()
    await settled()
    assert ((await parts.written()).use_count, parts.usage.pending) == (1, 0)


async def test_the_last_flush_waits_for_the_one_under_way_and_then_takes_the_rest(parts: Parts) -> None:
    parts.store.is_open = False
    parts.usage.note("k1", "a", EPOCH_S)
    first = asyncio.ensure_future(parts.usage.flush())
    await settled()
    parts.usage.note("k1", "b", EPOCH_S)
    last = [asyncio.ensure_future(parts.usage.flush()) for _ in range(2)]
    await settled()
    assert len(parts.store.batches) == 1
    parts.store.let_in()
    parts.store.is_open = True
    assert await asyncio.gather(first, *last) == [False, True, True]
    assert len(parts.store.batches) == 2
    assert (await parts.written()).use_count == 2


async def test_the_lag_is_the_age_of_the_oldest_use_not_written(parts: Parts) -> None:
    usage, clock = parts.usage, parts.clock
    assert usage.lag_s() == 0
    usage.note("k1", "a", EPOCH_S)
    clock.mono += 3
    usage.note("k1", "a", EPOCH_S)
    assert usage.lag_s() == 3
    parts.store.is_open = False
    flush = asyncio.ensure_future(usage.flush())
    await settled()
    clock.mono += 2
    usage.note("k1", "a", EPOCH_S)
    parts.store.refuse(DOWN)
    await flush
    assert usage.lag_s() == 5
    flush = asyncio.ensure_future(usage.flush())
    await settled()
    clock.mono += 1
    usage.note("k1", "a", EPOCH_S)
    parts.store.let_in()
    await flush
    assert usage.lag_s() == 1
    parts.store.is_open = True
    await usage.flush()
    assert usage.lag_s() == 0


async def test_flushing_by_itself_outlives_every_trouble(
    parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    store, usage = parts.store, parts.usage
    store.is_open = False
    running = asyncio.ensure_future(usage.run(0))
    usage.note("k1", "a", EPOCH_S)
    await eventually(lambda: len(store.batches) == 1, "the first batch")
    store.refuse(DOWN)
    await eventually(lambda: len(store.batches) == 2, "the second batch")
    store.refuse(BUG)
    await eventually(lambda: len(store.batches) == 3, "the third batch")
    store.let_in()
    store.is_open = True
    await eventually(lambda: not usage.pending, "everything written")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (await parts.written()).use_count == 1
    assert parts.errors.count == 2
    assert [record.levelno for record in caplog.records] == [logging.WARNING, logging.ERROR]
    assert caplog.records[1].exc_info is not None


IDS = st.sampled_from(["k0", "k1", "gone"])
DRIFTS = st.sampled_from([-3_600.0, -1.0, 0.0, 0.5, 60.0])


class UsageMachine(RuleBasedStateMachine):
    """Notes, flushes, failures and cancellations in any order: no use is lost, none is counted twice."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.store = GatedStore()
        self.store.is_open = False
        self.usage = Usage(self.store, HandClock(), Counter())
        self.wall = EPOCH_S
        self.noted: Tally[str] = Tally()
        self.last: dict[str, float] = {}
        self.previous: dict[str, float] = {}
        self.waiting: list[asyncio.Future[bool]] = []
        for number in range(2):
            self.loop.run_until_complete(self.store.insert(key_of(number)))

    def teardown(self) -> None:
        try:
            self.store.is_open = True
            self.store.let_in()
            while not self.loop.run_until_complete(self.usage.flush()):
                pass
            assert [key.use_count for key in self.seen()] == [self.noted[key.id] for key in self.seen()]
            for flush in self.waiting:
                self.loop.run_until_complete(asyncio.wait([flush]))
                assert flush.cancelled() or flush.exception() in (None, BUG)
        finally:
            self.loop.close()

    def seen(self) -> list[ApiKey]:
        return self.loop.run_until_complete(self.store.list_keys())

    @rule(key_id=IDS, drift=DRIFTS, previous=st.booleans())
    def note(self, key_id: str, drift: float, previous: bool) -> None:
        self.wall += drift
        self.usage.note(key_id, "a", self.wall, previous=previous)
        self.noted[key_id] += 1
        self.last[key_id] = max(self.wall, self.last.get(key_id, 0.0))
        if previous:
            self.previous[key_id] = max(self.wall, self.previous.get(key_id, 0.0))

    @rule()
    def flush(self) -> None:
        self.waiting.append(asyncio.ensure_future(self.usage.flush(), loop=self.loop))
        self.loop.run_until_complete(settled())

    @rule(at=st.integers(0, 9))
    def cancel(self, at: int) -> None:
        if self.waiting:
            self.waiting[at % len(self.waiting)].cancel()
        self.loop.run_until_complete(settled())

    @rule()
    def succeed(self) -> None:
        self.store.let_in()
        self.loop.run_until_complete(settled())

    @rule(trouble=st.sampled_from([DOWN, BUG]))
    def fail(self, trouble: Exception) -> None:
        self.store.refuse(trouble)
        self.loop.run_until_complete(settled())

    @invariant()
    def every_use_is_counted_once_and_no_time_goes_back(self) -> None:
        for key in self.seen():
            latest = self.usage.latest(key)
            assert latest.use_count == self.noted[key.id]
            assert latest.last_used_at == self.last.get(key.id)
            assert latest.previous_secret_last_used_at == self.previous.get(key.id)


TestUsageMachine = UsageMachine.TestCase
TestUsageMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
