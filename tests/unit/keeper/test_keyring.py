"""Guarantees of gateway/keeper/keyring.py beyond the desk's contract: a whole life, and leaving early."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway.core.keys import ApiKey, digest_of
from gateway.keeper.audit import Act, Once
from gateway.keeper.desk import KeyDraft, KeyEdit, NotAllowed, Outdated, Rotation, RuleBroken
from gateway.keeper.keyring import Keyring
from gateway.keeper.ports import CHANGE, CREATE, DELETE, OnceDone, OnceTaken
from gateway.store.memory import MemoryKeyStore
from tests.support.records import NOW, StillClock, digest, repeatable_entropy

OWNER_MOST = 3


def make_keyring(
    store: MemoryKeyStore,
    clock: StillClock,
    on_change: Callable[[str, ApiKey | None], None] = lambda _id, _key: None,
    **options: Any,
) -> Keyring:
    return Keyring(
        store,
        clock,
        prefix="kh",
        default_expiry_s=None,
        max_active_per_owner=OWNER_MOST,
        catalogue={},
        entropy=repeatable_entropy(),
        on_change=on_change,
        **options,
    )


class SlowStore(MemoryKeyStore):
    """Writes wait at the gate until the test opens it."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived = asyncio.Event()
        self.gate = asyncio.Event()
        self.waiting: list[None] = []

    async def insert(self, key: ApiKey, act: Act = CREATE) -> None:
        await self._wait()
        await super().insert(key, act)

    async def update(self, key_id: str, change: Callable[[ApiKey], ApiKey], act: Act = CHANGE) -> ApiKey:
        await self._wait()
        return await super().update(key_id, change, act)

    async def delete(self, key_id: str, act: Act = DELETE) -> None:
        await self._wait()
        await super().delete(key_id, act)

    async def _wait(self) -> None:
        self.arrived.set()
        self.waiting.append(None)
        await self.gate.wait()


async def test_every_act_is_recorded_under_the_name_of_who_does_it() -> None:
    store = MemoryKeyStore()
    keyring = make_keyring(store, StillClock(), lambda *_: None)
    admin = keyring.acting("key_admin", "req-7")
    key, _ = await admin.create(KeyDraft(name="laptop"))
    await admin.rotate(key.id, Rotation(overlap_s=60, end_previous=True))
    await admin.disable(key.id)
    await admin.disable(key.id)
    await admin.enable(key.id)
    await keyring.revoke(key.id)
    await keyring.delete(key.id)
    entries = await store.audit()
    assert [(entry.act, entry.actor, entry.request_id) for entry in entries] == [
        ("create", "key_admin", "req-7"),
        ("rotate", "key_admin", "req-7"),
        ("disable", "key_admin", "req-7"),
        ("enable", "key_admin", "req-7"),
        ("revoke", "host", None),
        ("delete", "host", None),
    ]
    assert {entry.at for entry in entries} == {StillClock().now()}


@pytest.mark.parametrize("act", ["create", "revoke", "rotate", "delete"])
async def test_a_write_that_was_begun_is_finished_and_told_of_when_its_caller_leaves(act: str) -> None:
    store = SlowStore()
    told: list[str] = []
    keyring = make_keyring(store, StillClock(), lambda key_id, _: told.append(key_id))
    store.gate.set()
    key, _ = await keyring.create(KeyDraft(name="laptop"))
    if act == "delete":
        await keyring.revoke(key.id)
    before = await store.list_keys()
    told.clear()
    store.gate.clear()
    store.arrived.clear()
    acts: dict[str, Callable[[], Any]] = {
        "create": lambda: keyring.create(KeyDraft(name="another")),
        "revoke": lambda: keyring.revoke(key.id),
        "rotate": lambda: keyring.rotate(key.id, Rotation(overlap_s=0, end_previous=True)),
        "delete": lambda: keyring.delete(key.id),
    }
    task = asyncio.ensure_future(acts[act]())
    await store.arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert told == []
    store.gate.set()
    async with asyncio.timeout(5):
        while not told:  # noqa: ASYNC110 - on_change is a plain call
            await asyncio.sleep(0)
    assert await store.list_keys() != before


async def test_nobody_changes_a_key_that_they_may_not_change_at_that_moment() -> None:
    """Asked with the record as it stands in the transaction of the change, not as it stood before."""
    store = MemoryKeyStore()
    keyring = make_keyring(store, StillClock())
    key, _ = await keyring.create(KeyDraft(name="laptop"))
    seen: list[int] = []

    def refuse(record: ApiKey) -> None:
        seen.append(record.revision)
        raise NotAllowed("not yours")

    guarded = keyring.acting("key_ann", assert_may=refuse)
    acts = [
        guarded.edit(key.id, KeyEdit(note="mine")),
        guarded.rotate(key.id, Rotation(overlap_s=0)),
        guarded.undo_rotation(key.id),
        guarded.finish_rotation(key.id),
        guarded.disable(key.id),
        guarded.enable(key.id),
        guarded.revoke(key.id),
        guarded.delete(key.id),
    ]
    for act in acts:
        with pytest.raises(NotAllowed):
            await act
    assert await store.list_keys() == [key]
    assert seen == [1] * len(acts)


async def test_of_two_rotations_at_once_one_is_refused_and_nobody_holds_a_dead_secret() -> None:
    store = SlowStore()
    keyring = make_keyring(store, StillClock())
    store.gate.set()
    key, _ = await keyring.create(KeyDraft(name="laptop"))
    store.gate.clear()
    store.waiting.clear()
    at_once = Rotation(overlap_s=0, end_previous=True)
    both = [asyncio.ensure_future(keyring.rotate(key.id, at_once)) for _ in range(2)]
    while len(store.waiting) < 2:  # noqa: ASYNC110 - both have read the record by then
        await asyncio.sleep(0)
    store.gate.set()
    outcomes = await asyncio.gather(*both, return_exceptions=True)
    [issued] = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    [refusal] = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert isinstance(refusal, Outdated)
    assert (await keyring.verify(issued[1].reveal())).reason is None


async def test_what_has_a_name_is_done_once_and_found_again_under_it() -> None:
    keyring = make_keyring(MemoryKeyStore(), StillClock())
    once = keyring.acting("key_admin", once=Once("order-7", digest("a laptop")))
    key, _ = await once.create(KeyDraft(name="laptop"))
    for again in (once.create(KeyDraft(name="laptop")), once.rotate(key.id, Rotation(overlap_s=0))):
        with pytest.raises(OnceTaken):
            await again
    assert await once.done_once("order-7") == OnceDone(digest("a laptop"), "create", key.id)
    assert await once.done_once("order-8") is None
    assert await keyring.done_once("order-7") is None
    assert [each.id for each in await keyring.list_keys()] == [key.id]


async def test_many_asking_at_once_do_not_exceed_an_owners_share() -> None:
    store = MemoryKeyStore()
    keyring = make_keyring(store, StillClock())
    outcomes = await asyncio.gather(
        *(keyring.create(KeyDraft(name=f"key {number}", owner="ann")) for number in range(10)),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, RuleBroken) for outcome in outcomes) == 10 - OWNER_MOST
    assert len(await store.list_keys()) == OWNER_MOST


async def test_uses_not_yet_written_show_in_every_answer_and_never_in_what_is_told() -> None:
    told: list[ApiKey | None] = []
    keyring = make_keyring(
        MemoryKeyStore(),
        StillClock(),
        lambda _, key: told.append(key),
        latest=lambda key: replace(key, use_count=key.use_count + 7),
    )
    key, secret = await keyring.create(KeyDraft(name="laptop"))
    answers = [
        await keyring.resolve(key.id),
        *await keyring.list_keys(),
        (await keyring.verify(secret.reveal())).key,
        await keyring.disable(key.id),
        (await keyring.verify(secret.reveal())).key,
        await keyring.enable(key.id),
        (await keyring.rotate(key.id, Rotation(overlap_s=0, end_previous=True)))[0],
        await keyring.revoke(key.id),
        await keyring.delete(key.id),
    ]
    assert [answer.use_count for answer in answers if answer is not None] == [7] * 9
    assert all(key is None or key.use_count == 0 for key in told)


async def test_only_the_digest_of_a_secret_is_kept() -> None:
    store = MemoryKeyStore()
    keyring = make_keyring(store, StillClock())
    key, secret = await keyring.create(KeyDraft(name="laptop"))
    [stored] = await store.list_keys()
    assert stored.digest == digest_of(secret.reveal())
    assert secret.reveal() not in repr(stored)
    assert secret.reveal() not in repr((key, secret))


async def test_new_rules_count_from_the_next_key_on() -> None:
    keyring = make_keyring(MemoryKeyStore(), StillClock())
    keyring.rules = replace(keyring.rules, prefix="acme", default_expiry_s=60.0)
    key, secret = await keyring.create(KeyDraft(name="laptop"))
    assert secret.reveal().startswith("acme_")
    assert key.expires_at == NOW + 60


async def test_an_id_that_names_no_record_may_still_be_an_imported_name() -> None:
    store = MemoryKeyStore()
    keyring = make_keyring(store, StillClock())
    key, _ = await keyring.create(KeyDraft(name="laptop"))
    await store.update(key.id, lambda key: replace(key, name="key_0123456789abcdef"))
    assert (await keyring.resolve("key_0123456789abcdef")).id == key.id
