"""Guarantees of gateway/keeper/look_up.py: the store is asked once, answers are true, and waiting ends."""

import asyncio
import gc
from typing import Any

import pytest

from gateway.core.keys import ApiKey
from gateway.keeper.cache import KeyCache
from gateway.keeper.look_up import LookUps
from gateway.keeper.ports import StoreUnavailable
from tests.unit.keeper.stage import HandClock, SteppedStore, key_of, settled

ONE, TWO = key_of(1), key_of(2)


class Place:
    """Look-ups in a store that answers when the test says so."""

    def __init__(self, *keys: ApiKey, timeout_s: float = 6) -> None:
        self.store = SteppedStore(*keys)
        self.cache = KeyCache()
        self.clock = HandClock()
        self.look_ups = LookUps(self.store, self.cache, self.clock, timeout_s)

    def by_digest(self, key: ApiKey) -> asyncio.Future[ApiKey | None]:
        return asyncio.ensure_future(self.look_ups.by_digest(key.digest))

    def by_id(self, key: ApiKey) -> asyncio.Future[ApiKey | None]:
        return asyncio.ensure_future(self.look_ups.by_id(key.id))

    async def overtake(self, seconds: int) -> int:
        """Let every answer be older than some change, once a second; how often the store was asked."""
        for _ in range(seconds):
            await settled()
            for call in list(self.store.calls):
                call.look()
                self.cache.changed("k9", key_of(9))
                call.arrive()
            self.clock.mono += 1
        await settled()
        return len(self.store.asked)


# --- One look-up for all --------------------------------------------------------------------------


async def test_however_many_wait_the_store_is_asked_once() -> None:
    place = Place(ONE, TWO)
    waiting = [place.by_digest(ONE) for _ in range(50)]
    other = place.by_digest(TWO)
    await settled()
    assert place.store.asked == [ONE.digest, TWO.digest]
    for call in list(place.store.calls):
        call.arrive()
    assert await asyncio.gather(*waiting, other) == [*[ONE] * 50, TWO]
    assert place.look_ups._flights == {}
    assert place.cache.look_up(ONE.digest) == ONE


async def test_a_caller_that_leaves_takes_no_other_along() -> None:
    place = Place(ONE)
    leaving, staying = (place.by_digest(ONE) for _ in range(2))
    await settled()
    leaving.cancel()
    await settled()
    assert leaving.cancelled()
    place.store.calls[0].arrive()
    assert await staying == ONE
    assert len(place.store.asked) == 1


async def test_a_look_up_that_fails_after_all_have_left_is_nobodys_accident() -> None:
    troubles: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: troubles.append(context))
    place = Place(ONE)
    waiting = place.by_digest(ONE)
    await settled()
    waiting.cancel()
    await settled()
    place.store.calls[0].fail(StoreUnavailable("down"))
    await settled()
    del waiting
    gc.collect()  # asyncio complains when it throws a task away
    assert (place.look_ups._flights, troubles) == ({}, [])


# --- The truth, or an end -------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["by_digest", "by_id"])
async def test_answers_that_are_always_overtaken_are_an_outage_after_the_bound(by: str) -> None:
    place = Place(ONE)
    waiting = getattr(place, by)(ONE)
    assert await place.overtake(20) == 6
    assert waiting.done()
    with pytest.raises(StoreUnavailable, match="the store changed again and again for 6 s"):
        await waiting
    assert place.store.calls == []


@pytest.mark.parametrize("by", ["by_digest", "by_id"])
async def test_answers_that_are_overtaken_for_a_while_end_in_the_truth(by: str) -> None:
    place = Place(ONE)
    waiting = getattr(place, by)(ONE)
    assert await place.overtake(4) == 5
    place.store.put(key_of(1, name="new"))
    place.store.calls[0].arrive()
    assert (await waiting).name == "new"


@pytest.mark.parametrize("by", ["by_digest", "by_id"])
async def test_a_store_that_does_not_answer_is_an_outage(by: str) -> None:
    place = Place(ONE, timeout_s=0)
    with pytest.raises(StoreUnavailable, match="no answer within 0 s"):
        await getattr(place, by)(ONE)
    assert place.store.calls == []


async def test_a_record_that_was_looked_up_for_a_signature_is_remembered_under_its_id() -> None:
    place = Place(ONE)
    waiting = [asyncio.ensure_future(place.look_ups.by_signed_id(ONE.id)) for _ in range(5)]
    await settled()
    [call] = place.store.calls
    call.arrive()
    assert await asyncio.gather(*waiting) == [ONE] * 5
    assert place.cache.look_up(ONE.id.encode()) == ONE
    place.cache.changed(ONE.id, None)
    assert place.cache.look_up(ONE.id.encode()) is None
