"""Guarantees of gateway/keeper/imported.py: all digests or none are known, and no change is lost."""

import asyncio

import pytest

from gateway.core.keys import digest_of
from gateway.core.refusal import Deny, Reason
from gateway.keeper.gatekeeper import Gatekeeper
from gateway.keeper.ports import StoreUnavailable
from tests.unit.keeper.stage import (
    Counter,
    DictStore,
    HandClock,
    decided,
    keeper_of,
    key_of,
    reason_of,
    settled,
    view_of,
)

TEXT = "sk-q7ZbR2mX9tLw4VnKc8DsPe"
OTHER = "sk-another-q7ZbR2mX9tLw4V"
KEY = key_of(1, digest=digest_of(TEXT))
HOLDERS = {digest_of(TEXT): "k1"}


class Elsewhere(DictStore):
    """A store with an imported key, whose digests are read when the test says so."""

    def __init__(self) -> None:
        super().__init__(KEY)
        self.elsewhere = {digest_of(TEXT)}
        self.may_tell = asyncio.Event()
        self.may_tell.set()
        self.trouble: Exception | None = None
        self.reads = 0

    async def imported(self) -> dict[bytes, str]:
        found = await super().imported()
        self.reads += 1
        await self.may_tell.wait()
        if self.trouble is not None:
            raise self.trouble
        return found


async def loaded(store: DictStore | None = None) -> Gatekeeper:
    keeper = keeper_of(store or Elsewhere())
    await keeper.load()
    return keeper


async def test_what_was_imported_before_the_start_counts_once_it_is_loaded() -> None:
    keeper = await loaded()
    assert reason_of(await decided(keeper, TEXT)) is None
    assert reason_of(await decided(keeper, OTHER)) is Reason.CREDENTIAL_FOREIGN


async def test_what_is_imported_counts_at_once_and_ours_is_another_object() -> None:
    store = DictStore()
    keeper = await loaded(store)
    before = keeper.ours
    assert reason_of(await decided(keeper, TEXT)) is Reason.CREDENTIAL_FOREIGN
    store.put(KEY)
    keeper.key_changed("k1", KEY)
    keeper.imported(HOLDERS)
    assert keeper.ours is not before
    assert keeper.prefix == "kh"
    assert type(keeper.ours.imported) is frozenset
    assert keeper.ours.imported == frozenset({digest_of(TEXT)})
    assert reason_of(await decided(keeper, TEXT)) is None
    same = keeper.ours
    keeper.imported({})
    keeper.key_changed("k1", KEY)
    assert keeper.ours is same


async def test_a_deleted_key_is_foreign_again_and_a_revoked_one_is_not() -> None:
    store = Elsewhere()
    keeper = await loaded(store)
    revoked = key_of(1, digest=digest_of(TEXT), revoked_at=1.0)
    store.put(revoked)
    keeper.key_changed("k1", revoked)
    assert reason_of(await decided(keeper, TEXT)) is Reason.KEY_REVOKED
    store.drop("k1")
    keeper.key_changed("k1", None)
    assert reason_of(await decided(keeper, TEXT)) is Reason.CREDENTIAL_FOREIGN
    keeper.key_changed("k1", None)


async def test_where_they_cannot_be_read_no_foreign_credential_passes() -> None:
    store = Elsewhere()
    keeper = keeper_of(store)
    store.trouble = StoreUnavailable("the disk is gone")
    with pytest.raises(StoreUnavailable):
        await keeper.load()
    for path in ("/chat", "/open"):
        refused = keeper.peek(view_of(OTHER, path))
        assert isinstance(refused, Deny)
        assert refused.reason is Reason.STORE_UNAVAILABLE
    keeper.imported(HOLDERS)
    keeper.key_changed("k1", None)
    assert keeper.ours.imported is None
    store.trouble = None
    await keeper.data_changed()
    assert reason_of(await decided(keeper, TEXT)) is None


async def test_a_change_behind_our_back_is_read_anew() -> None:
    store = Elsewhere()
    keeper = await loaded(store)
    store.elsewhere = set()
    await keeper.data_changed()
    assert reason_of(await decided(keeper, TEXT)) is Reason.CREDENTIAL_FOREIGN


async def test_an_import_while_they_are_read_is_not_lost() -> None:
    store = Elsewhere()
    keeper = await loaded(store)
    store.may_tell.clear()
    reading = asyncio.ensure_future(keeper.data_changed())
    await settled()
    assert store.reads == 2
    other = key_of(2, digest=digest_of(OTHER))
    store.put(other)
    store.elsewhere.add(digest_of(OTHER))
    keeper.key_changed("k2", other)
    keeper.imported({digest_of(OTHER): "k2"})
    store.may_tell.set()
    await reading
    assert keeper.ours.imported == frozenset(map(digest_of, (TEXT, OTHER)))
    assert store.reads == 3


async def test_a_reading_ends() -> None:
    store, clock = Elsewhere(), HandClock()
    keeper = keeper_of(store, clock, Counter(), look_up_timeout_s=0.01)
    store.may_tell.clear()
    with pytest.raises(StoreUnavailable, match="no answer within"):
        await keeper.load()

    class Restless(Elsewhere):
        async def imported(self) -> dict[bytes, str]:
            clock.mono += 1
            keeper.key_changed("k9", None)
            return {}

    keeper = keeper_of(Restless(), clock)
    with pytest.raises(StoreUnavailable, match="again and again"):
        await keeper.load()
    assert keeper.ours.imported is None
