"""Guarantees of gateway/keeper/usage_days.py: each exchange of a key is counted once, on the day it ended."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from gateway.core.refusal import Reason
from gateway.keeper.days import UsageDay, UsageQuery
from gateway.keeper.ports import Exchange, StoreUnavailable, Use
from gateway.keeper.usage import Usage
from gateway.keeper.usage_days import UsageDays
from gateway.store.memory import MemoryKeyStore
from tests.unit.keeper.stage import EPOCH_S, Counter, HandClock, key_of, settled

DAY, NEXT = date(2027, 1, 15), date(2027, 1, 16)
EVERYTHING = UsageQuery()
EXCHANGE = Exchange(
    request_id="r",
    kind="plain",
    method="GET",
    path="/",
    route_id="all",
    upstream="main",
    key_id="k1",
    key_name="key 1",
    peer="10.0.0.1",
    status=200,
    reason=None,
    cut=None,
    bytes_in=3,
    bytes_out=4,
    duration_s=0.1,
    first_byte_s=0.1,
    own_s=0.1,
)
AFTER_THE_DECISION = [
    Reason.UPSTREAM_UNREACHABLE,
    Reason.UPSTREAM_PROTOCOL,
    Reason.UPSTREAM_TIMEOUT,
    Reason.BODY_TOO_LARGE,
    Reason.REQUEST_MALFORMED,
    Reason.REQUEST_TIMEOUT,
]
REFUSING = [
    Reason.SCOPE_MISSING,
    Reason.ADDRESS_NOT_ALLOWED,
    Reason.KEY_REVOKED,
    Reason.KEY_EXPIRED,
    Reason.KEY_DISABLED,
    Reason.KEY_ROTATED,
    Reason.KEY_UNKNOWN,
]


class SlowStore(MemoryKeyStore):
    """A store that takes a batch, or reads, when the test says so; and fails if it says so."""

    def __init__(self) -> None:
        super().__init__()
        self.may_write, self.may_read = asyncio.Event(), asyncio.Event()
        self.may_write.set()
        self.may_read.set()
        self.trouble: Exception | None = None

    async def record_uses(self, uses: Sequence[Use], days: Sequence[UsageDay] = ()) -> None:
        await self.may_write.wait()
        if self.trouble is not None:
            raise self.trouble
        await super().record_uses(uses, days)

    async def usage(self, query: UsageQuery) -> list[UsageDay]:
        found = await super().usage(query)
        await self.may_read.wait()
        return found


class Parts:
    """Days of usage as a gateway has them: flushed with the last uses."""

    def __init__(self) -> None:
        self.store, self.clock, self.errors = SlowStore(), HandClock(), Counter()
        self.usage = Usage(self.store, self.clock, self.errors)
        self.days = self.usage.days

    def count(self, **fields: Any) -> None:
        self.days.exchange_began()
        self.days.exchange_ended(replace(EXCHANGE, **fields))

    async def told(self, query: UsageQuery = EVERYTHING) -> list[UsageDay]:
        return await self.days.page(self.store, query)


@pytest.fixture
async def parts() -> Parts:
    made = Parts()
    await made.store.insert(key_of(1))
    await made.store.insert(key_of(2))
    return made


async def test_exchanges_are_added_up_and_told_before_they_are_written(parts: Parts) -> None:
    parts.count()
    parts.count(bytes_in=10, bytes_out=20, peer="::1")
    assert await parts.told() == [UsageDay("k1", DAY, 2, {}, 13, 24, "::1")]
    assert await parts.store.usage(EVERYTHING) == []
    assert await parts.usage.flush()
    assert (
        await parts.told()
        == await parts.store.usage(EVERYTHING)
        == [UsageDay("k1", DAY, 2, {}, 13, 24, "::1")]
    )


async def test_all_keys_together_are_told_with_what_is_not_written_yet(parts: Parts) -> None:
    parts.count()
    await parts.usage.flush()
    parts.count(key_id="k2", reason=Reason.SCOPE_MISSING)
    parts.count()
    refusals = {Reason.SCOPE_MISSING: 1}
    for _ in range(2):
        [total] = await parts.told(UsageQuery(per="total"))
        assert (total.key_id, total.day, total.requests, total.refusals) == ("", DAY, 2, refusals)
        await parts.usage.flush()


async def test_without_a_key_nothing_is_counted(parts: Parts) -> None:
    parts.count(key_id=None, reason=Reason.KEY_UNKNOWN)
    assert (parts.days.pending, await parts.told()) == (0, [])


@pytest.mark.parametrize("reason", REFUSING)
async def test_a_refusal_is_counted_under_its_reason_and_is_no_request(parts: Parts, reason: Reason) -> None:
    parts.count(reason=Reason.KEY_EXPIRED)
    for _ in range(2):
        parts.count(reason=reason)
    refusals = {Reason.KEY_EXPIRED: 1}
    refusals[reason] = refusals.get(reason, 0) + 2
    assert await parts.told() == [UsageDay("k1", DAY, 0, refusals, 9, 12, "10.0.0.1")]


@pytest.mark.parametrize("reason", AFTER_THE_DECISION)
async def test_trouble_after_the_decision_leaves_it_a_request(parts: Parts, reason: Reason) -> None:
    parts.count(reason=reason)
    assert await parts.told() == [UsageDay("k1", DAY, 1, {}, 3, 4, "10.0.0.1")]


async def test_an_exchange_belongs_to_the_day_in_utc_on_which_it_ended(parts: Parts) -> None:
    midnight = EPOCH_S // 86_400 * 86_400 + 86_400
    for parts.clock.wall in (midnight - 0.001, midnight, midnight + 1, midnight - 60):
        parts.count()
    assert [(day.day, day.requests) for day in await parts.told()] == [(NEXT, 2), (DAY, 2)]
    await parts.usage.flush()
    assert [(day.day, day.requests) for day in await parts.told()] == [(NEXT, 2), (DAY, 2)]


async def test_what_waits_is_bounded_by_keys_and_days_however_long_the_store_fails(parts: Parts) -> None:
    parts.store.trouble = StoreUnavailable("the disk is full")
    for _ in range(3):
        for _ in range(50):
            parts.count()
            parts.count(key_id="k2", reason=Reason.SCOPE_MISSING)
            assert not await parts.usage.flush()
        parts.clock.wall += 86_400
    assert parts.days.pending == 6
    parts.store.trouble = None
    assert await parts.usage.flush()
    assert sum(day.requests for day in await parts.store.usage(EVERYTHING)) == 150


async def test_a_store_that_is_down_is_told_and_nothing_is_lost_or_counted_twice(
    parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    parts.count(reason=Reason.SCOPE_MISSING)
    parts.count(key_id="k2")
    parts.store.trouble = StoreUnavailable("the disk is full")
    parts.store.may_write.clear()
    flush = asyncio.ensure_future(parts.usage.flush())
    await settled()
    parts.count(peer="::1")
    parts.count(reason=Reason.SCOPE_MISSING, peer="::1")
    parts.count(reason=Reason.KEY_REVOKED, key_id="k2", peer="::2")
    parts.clock.wall += 86_400
    parts.count()
    parts.store.may_write.set()
    assert not await flush
    assert parts.errors.count == 1
    assert [record.getMessage() for record in caplog.records] == [
        "usage of 2 keys not written yet: the disk is full"
    ]
    whole = [
        UsageDay("k1", NEXT, 1, {}, 3, 4, "10.0.0.1"),
        UsageDay("k1", DAY, 1, {Reason.SCOPE_MISSING: 2}, 9, 12, "::1"),
        UsageDay("k2", DAY, 1, {Reason.KEY_REVOKED: 1}, 6, 8, "::2"),
    ]
    assert await parts.told() == whole
    parts.store.trouble = None
    assert await parts.usage.flush()
    assert await parts.told() == await parts.store.usage(EVERYTHING) == whole


async def test_an_accident_is_raised_and_nothing_is_lost(parts: Parts) -> None:
    parts.count()
    parts.store.trouble = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        await parts.usage.flush()
    parts.store.trouble = None
    assert await parts.usage.flush()
    assert [day.requests for day in await parts.store.usage(EVERYTHING)] == [1]


async def test_what_is_counted_while_a_batch_is_written_comes_on_top(parts: Parts) -> None:
    parts.store.may_write.clear()
    parts.count()
    flush = asyncio.ensure_future(parts.usage.flush())
    await settled()
    parts.count()
    assert parts.days.pending == 2
    told = asyncio.ensure_future(parts.told())
    await settled()
    assert not told.done(), "it waits for the batch, so that no exchange is told twice or not at all"
    parts.store.may_write.set()
    assert not await flush
    assert [day.requests for day in await told] == [2]
    assert await parts.usage.flush()
    assert [day.requests for day in await parts.told()] == [2]


async def test_a_batch_that_falls_due_while_a_page_is_read_waits_for_it(parts: Parts) -> None:
    parts.count()
    parts.store.may_read.clear()
    told = asyncio.ensure_future(parts.told())
    await settled()
    flush = asyncio.ensure_future(parts.usage.flush())
    await settled()
    assert not flush.done()
    parts.store.may_read.set()
    assert [day.requests for day in await told] == [1]
    assert await flush


async def test_a_page_that_fails_holds_nobody_up(parts: Parts) -> None:
    parts.count()
    reading = asyncio.ensure_future(UsageDays(parts.clock.now).page(parts.store, EVERYTHING))
    assert await reading == []
    parts.store.may_read.clear()
    told = asyncio.ensure_future(parts.told())
    await settled()
    told.cancel()
    await settled()
    assert await parts.usage.flush()
