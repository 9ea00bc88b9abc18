"""What every store guarantees of credentials: kept sealed, replaced in order, each change in the audit."""

import itertools

import pytest

from gateway.keeper.audit import Act, verify_chain
from gateway.keeper.credentials import CredentialNote, CredentialNotFound, Store, described
from gateway.keeper.ports import StoreUnavailable
from tests.support.records import NOW
from tests.support.vaults import sealed

SET = Act("set_credential", "host:1000", at=NOW)
REMOVE = Act("remove_credential", "host:1000", at=NOW)


async def test_what_was_put_is_told_by_name(store: Store) -> None:
    assert await store.credentials() == []
    await store.put_credentials([sealed("b"), sealed("a")], SET)
    assert await store.credentials() == [sealed("a"), sealed("b")]


async def test_a_later_version_takes_the_place_of_the_one_before(store: Store) -> None:
    await store.put_credentials([sealed()], SET)
    await store.note_credentials([CredentialNote("openai", NOW + 5, NOW + 6)])
    await store.put_credentials([sealed(value="sk-new", version=2)], SET)
    [found] = await store.credentials()
    assert (found.version, found.last_used_at, found.refused_at) == (2, NOW + 5, None)
    assert found.sealed == sealed(value="sk-new", version=2).sealed


async def test_one_that_does_not_follow_changes_nothing_at_all(store: Store) -> None:
    await store.put_credentials([sealed(version=2)], SET)
    for version in (1, 2):
        with pytest.raises(StoreUnavailable, match="changed by somebody else"):
            await store.put_credentials([sealed("other"), sealed(value="x", version=version)], SET)
    assert await store.credentials() == [sealed(version=2)]
    assert len(await store.audit()) == 1


async def test_what_was_removed_is_gone(store: Store) -> None:
    await store.put_credentials([sealed()], SET)
    await store.remove_credential("openai", REMOVE)
    assert await store.credentials() == []
    with pytest.raises(CredentialNotFound):
        await store.remove_credential("openai", REMOVE)
    await store.put_credentials([sealed()], SET)


async def test_each_change_is_an_entry_of_the_audit_without_the_value(store: Store) -> None:
    old, new = sealed(), sealed(value="sk-new", version=2)
    await store.put_credentials([old], SET)
    await store.put_credentials([new], SET)
    await store.remove_credential("openai", REMOVE)
    entries = await store.audit()
    verify_chain(entries)
    told = [None, described(old), described(new), None]
    assert [(each.before, each.after) for each in entries] == list(itertools.pairwise(told))
    assert [each.act for each in entries] == ["set_credential", "set_credential", "remove_credential"]
    assert {each.key_id for each in entries} == {None}


async def test_uses_never_move_backwards_and_unknown_names_are_passed_over(store: Store) -> None:
    await store.put_credentials([sealed()], SET)
    for note in (
        CredentialNote("openai", NOW + 9, NOW),
        CredentialNote("openai", NOW + 5, None),
        CredentialNote("openai", None, NOW + 1),
        CredentialNote("nobody", NOW, NOW),
    ):
        await store.note_credentials([note])
    await store.note_credentials([])
    [found] = await store.credentials()
    assert (found.last_used_at, found.refused_at) == (NOW + 9, NOW + 1)
    assert len(await store.audit()) == 1


async def test_one_that_was_never_used_stays_so_when_it_is_refused(store: Store) -> None:
    await store.put_credentials([sealed()], SET)
    await store.note_credentials([CredentialNote("openai", None, NOW)])
    [found] = await store.credentials()
    assert (found.last_used_at, found.refused_at) == (None, NOW)


async def test_a_closed_store_tells_and_takes_none(store: Store) -> None:
    await store.close()
    for ask in (
        store.credentials(),
        store.put_credentials([sealed()], SET),
        store.remove_credential("openai", REMOVE),
        store.note_credentials([CredentialNote("openai", NOW, None)]),
    ):
        with pytest.raises(StoreUnavailable):
            await ask
