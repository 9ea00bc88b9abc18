"""Guarantees of gateway/service/forgetting.py: what is too old goes, in batches, come what may."""

import asyncio
import logging
from datetime import UTC, date, datetime, timedelta

import pytest

from gateway.core.refusal import Reason
from gateway.keeper.days import UsageDay, UsageQuery
from gateway.keeper.desk import KeyDraft
from gateway.keeper.ports import StoreUnavailable
from gateway.service import forgetting as module
from gateway.service.forgetting import AFTER_TROUBLE_S, INTERVAL_S, REST_S, Forgetting
from gateway.store.memory import MemoryKeyStore
from gateway.store.sqlite import open_sqlite
from tests.support.records import NOW, StillClock, record
from tests.unit.service.houses import House

TODAY = date(2027, 1, 15)
DAY_S = 86_400.0


class Forgetful(MemoryKeyStore):
    """A store that keeps what it was asked, and can be broken."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[date, int]] = []
        self.troubles: list[Exception] = []

    async def forget_usage(self, before: date, limit: int) -> int:
        self.asked.append((before, limit))
        if self.troubles:
            raise self.troubles.pop(0)
        return await super().forget_usage(before, limit)


class Rests:
    """Stands for `asyncio.sleep`: keeps how long, and ends the task after so many."""

    def __init__(self, most: int) -> None:
        self.taken: list[float] = []
        self.most = most

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)
        if len(self.taken) == self.most:
            raise asyncio.CancelledError


class Parts:
    """A forgetting over a store that holds a key's days."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.patch = monkeypatch
        self.store, self.clock, self.errors = Forgetful(), StillClock(), 0
        self.forgetting = Forgetting(self.store, self.clock, self.count, 2 * DAY_S)

    def count(self) -> None:
        self.errors += 1

    async def fill(self, days: int) -> None:
        await self.store.insert(record())
        made = [
            UsageDay("key_1", TODAY - timedelta(days=number), 1, {Reason.SCOPE_MISSING: 1}, 0, 0, "::1")
            for number in range(days)
        ]
        await self.store.record_uses([], made)

    async def left(self) -> list[date]:
        return [day.day for day in await self.store.usage(UsageQuery())]

    def rests(self, most: int = 99) -> Rests:
        rests = Rests(most)
        self.patch.setattr("gateway.service.forgetting.asyncio.sleep", rests)
        return rests

    async def run(self, rests: Rests) -> list[float]:
        with pytest.raises(asyncio.CancelledError):
            await self.forgetting.run()
        return rests.taken


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> Parts:
    return Parts(monkeypatch)


async def test_days_that_ended_longer_ago_than_they_are_kept_are_forgotten(parts: Parts) -> None:
    await parts.fill(6)
    assert await parts.forgetting.forget() == 3
    assert await parts.left() == [TODAY - timedelta(days=number) for number in range(3)]
    parts.forgetting.kept_s = 0.5
    assert await parts.forgetting.forget() == 2
    assert await parts.left() == [TODAY], "today's stays, however short it is kept"


async def test_many_days_go_in_batches_with_rests_between(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH_DAYS", 4)
    await parts.fill(13)
    rests = parts.rests()
    assert await parts.forgetting.forget() == 10
    assert [limit for _, limit in parts.store.asked] == [4, 4, 4]
    assert rests.taken == [REST_S, REST_S]


async def test_it_forgets_at_the_start_and_then_every_day(parts: Parts) -> None:
    assert await parts.run(parts.rests(2)) == [INTERVAL_S, INTERVAL_S]
    assert [before for before, _ in parts.store.asked] == [TODAY - timedelta(days=2)] * 2


async def test_trouble_is_told_and_it_is_tried_again_soon(
    parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    parts.store.troubles = [StoreUnavailable("the disk is full"), ZeroDivisionError()]
    assert await parts.run(parts.rests(3)) == [AFTER_TROUBLE_S, AFTER_TROUBLE_S, INTERVAL_S]
    assert parts.errors == 2
    assert [record.levelno for record in caplog.records] == [logging.WARNING, logging.ERROR]
    assert caplog.records[0].getMessage() == "old days of usage not forgotten yet: the disk is full"


async def test_old_usage_is_forgotten_at_the_start_for_as_long_as_was_configured(house: House) -> None:
    gateway = await house.start()
    key, _ = await gateway.keyring.create(KeyDraft(name="laptop"))
    await gateway.stop()
    store = await open_sqlite(house.store)
    today = datetime.fromtimestamp(NOW, UTC).date()
    days = [UsageDay(key.id, today - timedelta(days=ago), 1, {}, 0, 0, "::1") for ago in (0, 7, 8, 400)]
    await store.record_uses([], days)
    await store.close()
    gateway = await house.start(keys={"usage_kept": "7d"})
    while (left := await gateway.keyring.usage()) != days[:2]:
        assert len(left) > 2
    gateway.reload(house.written(keys={"usage_kept": "1d"}))
    await gateway._forgetting.forget()
    assert await gateway.keyring.usage() == days[:1]
