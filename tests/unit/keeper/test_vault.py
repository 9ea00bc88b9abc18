"""Guarantees of gateway/keeper/vault.py beside the contract: locks, damage, and keys that change."""

import asyncio
from dataclasses import replace

import pytest

from gateway.keeper.audit import Act
from gateway.keeper.credentials import CredentialState, SealedCredential, Trial, TrialResult
from gateway.keeper.desk import StateConflict
from gateway.store.memory import MemoryKeyStore
from tests.support.records import NOW
from tests.support.vaults import OTHER_RAW, RAW, VALUE, VaultStand, sealed


async def holding(*records: SealedCredential) -> VaultStand:
    """A vault that was unlocked, with these in its store."""
    stand = VaultStand()
    await stand.store.put_credentials(records, Act("set_credential"))
    stand.vault.hold(await stand.store.credentials())
    return stand


async def state(stand: VaultStand, name: str = "openai") -> tuple[CredentialState, str]:
    told = await stand.vault.get_credential(name)
    return told.state, told.why


async def test_a_value_is_revealed_by_name() -> None:
    stand = await holding(sealed())
    assert stand.vault.reveal("openai") == VALUE
    assert stand.vault.reveal("nobody") is None
    assert stand.vault.why_not("openai") == ""
    assert "keyhatch credentials set nobody" in stand.vault.why_not("nobody")


async def test_without_a_key_records_are_told_and_none_is_revealed() -> None:
    stand = await holding(sealed())
    stand.vault.lock("put the key back")
    assert stand.vault.reveal("openai") is None
    assert await state(stand) == (CredentialState.LOCKED, "put the key back")
    assert stand.vault.why_not("openai") == "put the key back"
    stand.vault.unlock(RAW)
    assert stand.vault.reveal("openai") == VALUE


async def test_with_another_key_they_are_locked_and_not_damaged() -> None:
    stand = await holding(sealed())
    stand.vault.unlock(OTHER_RAW)
    told, why = await state(stand)
    assert (told, stand.vault.reveal("openai")) == (CredentialState.LOCKED, None)
    assert "another vault key" in why


async def test_a_damaged_one_is_told_and_the_others_open() -> None:
    stand = await holding(replace(sealed(), nonce=bytes(12)), sealed("other"))
    told, why = await state(stand)
    assert (told, stand.vault.reveal("openai")) == (CredentialState.DAMAGED, None)
    assert "set it anew" in why
    assert stand.vault.reveal("other") == VALUE


async def test_a_locked_one_can_be_removed() -> None:
    stand = await holding(sealed())
    stand.vault.lock("")
    await stand.vault.remove_credential("openai")
    assert await stand.vault.list_credentials() == []
    assert stand.changes == 1


async def test_a_new_value_counts_when_it_is_written_and_is_refused_no_more() -> None:
    stand = await holding(sealed())
    stand.uses.refuse("openai")
    assert (await state(stand))[0] is CredentialState.REFUSED
    await stand.vault.put_credential("openai", "sk-new-0123456789abcdef")
    assert (stand.vault.reveal("openai"), stand.changes) == ("sk-new-0123456789abcdef", 1)
    assert (await state(stand))[0] is CredentialState.OK
    assert [each.version for each in await stand.store.credentials()] == [2]


async def test_the_last_use_outlives_a_new_value() -> None:
    stand = await holding(replace(sealed(), last_used_at=NOW - 5))
    assert (await stand.vault.put_credential("openai", VALUE)).last_used_at == NOW - 5


@pytest.mark.parametrize(
    ("results", "is_refused"),
    [
        ([TrialResult.ACCEPTED], False),
        ([TrialResult.ACCEPTED, TrialResult.REFUSED], True),
        ([TrialResult.UNCLEAR, TrialResult.UNREACHABLE], True),
        ([], True),
    ],
    ids=str,
)
async def test_a_trial_counts_as_a_use_does(results: list[TrialResult], *, is_refused: bool) -> None:
    stand = await holding(sealed())
    stand.uses.refuse("openai")
    stand.trials = [Trial("main", result) for result in results]
    await stand.vault.test_credential("openai")
    assert ((await state(stand))[0] is CredentialState.REFUSED) is is_refused


async def test_two_changes_at_once_are_made_one_after_the_other() -> None:
    stand = await holding()
    put = stand.vault.put_credential
    await asyncio.gather(put("openai", VALUE), put("openai", VALUE), put("openai", VALUE))
    assert [each.version for each in await stand.store.credentials()] == [3]


async def test_a_change_is_finished_although_whoever_asked_has_left() -> None:
    class Slow(MemoryKeyStore):
        async def put_credentials(self, sealed: object, act: object) -> None:
            await may_write.wait()
            await super().put_credentials(sealed, act)  # type: ignore[arg-type]

    may_write = asyncio.Event()
    stand = VaultStand(store=Slow())
    asking = asyncio.ensure_future(stand.vault.put_credential("openai", VALUE))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    may_write.set()
    for _ in range(5):
        await asyncio.sleep(0)
    assert (stand.vault.reveal("openai"), stand.changes) == (VALUE, 1)


async def test_all_are_sealed_anew_with_another_key_and_stay_what_they_were() -> None:
    stand = await holding(sealed(), sealed("other", "sk-2"))
    stand.uses.refuse("openai")
    assert await stand.vault.rekey(OTHER_RAW) == 2
    assert (stand.vault.reveal("openai"), stand.vault.reveal("other")) == (VALUE, "sk-2")
    assert (await state(stand))[0] is CredentialState.REFUSED
    stand.vault.unlock(RAW)
    assert stand.vault.reveal("openai") is None
    assert [each.set_by for each in await stand.store.credentials()] == ["host:1000", "host:1000"]


async def test_where_one_cannot_be_opened_none_is_sealed_anew() -> None:
    stand = await holding(sealed(), sealed("other", raw=OTHER_RAW))
    with pytest.raises(StateConflict, match="other"):
        await stand.vault.rekey(OTHER_RAW)
    assert [each.version for each in await stand.store.credentials()] == [1, 1]
    assert stand.vault.reveal("openai") == VALUE
