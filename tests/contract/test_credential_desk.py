"""What every desk of credentials guarantees, the vault itself and the one that asks it over the socket."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.admin.control import ControlServer
from gateway.admin.control_client import RemoteKeyring
from gateway.admin.credential_client import RemoteCredentials
from gateway.keeper.credentials import (
    CredentialDesk,
    CredentialState,
    Trial,
    TrialResult,
)
from gateway.keeper.desk import RuleBroken, StateConflict
from gateway.keeper.ports import KeyNotFound
from tests.contract.desk_stand import near
from tests.support.records import NOW, StillClock
from tests.support.vaults import OTHER_RAW, RAW, VALUE, VaultStand


@pytest.fixture
def stand() -> VaultStand:
    return VaultStand()


@pytest.fixture(params=["vault", "remote"])
async def desk(
    request: pytest.FixtureRequest, stand: VaultStand, tmp_path: Path
) -> AsyncIterator[CredentialDesk]:
    if request.param == "vault":
        yield stand.vault
        return
    path = tmp_path / "keys.db"
    keyring = near(StillClock()).desk
    server = ControlServer(lambda: keyring, path, credentials=lambda: stand.vault)
    await server.start()
    yield RemoteCredentials(RemoteKeyring(path))
    await server.stop()


async def test_what_is_set_is_told_without_its_value(desk: CredentialDesk) -> None:
    told = await desk.put_credential("openai", VALUE)
    assert (told.name, told.preview, told.state) == ("openai", "sk-r…def", CredentialState.OK)
    assert (told.set_at, told.upstreams, told.why) == (NOW, ("main", "second"), "")
    assert [await desk.get_credential("openai")] == await desk.list_credentials() == [told]
    assert VALUE not in repr(told)


async def test_what_breaks_a_rule_is_refused_with_each_field_and_without_the_value(
    desk: CredentialDesk,
) -> None:
    with pytest.raises(RuleBroken) as refusal:
        await desk.put_credential("Open AI", "Bearer sk-1")
    assert [each.field for each in refusal.value.problems] == ["name", "value"]
    assert "sk-1" not in str(refusal.value)


async def test_while_it_is_locked_nothing_can_be_set_and_the_mend_is_told(
    desk: CredentialDesk, stand: VaultStand
) -> None:
    stand.vault.lock("the key is missing: put it back")
    with pytest.raises(StateConflict, match="the key is missing: put it back"):
        await desk.put_credential("openai", VALUE)


async def test_what_is_removed_is_told_once_more_and_is_gone(desk: CredentialDesk) -> None:
    await desk.put_credential("openai", VALUE)
    assert (await desk.remove_credential("openai")).upstreams == ("main", "second")
    for ask in (
        desk.remove_credential("openai"),
        desk.get_credential("openai"),
        desk.test_credential("openai"),
    ):
        with pytest.raises(KeyNotFound, match="no credential"):
            await ask


async def test_what_upstreams_said_to_it_is_told(desk: CredentialDesk, stand: VaultStand) -> None:
    await desk.put_credential("openai", VALUE)
    stand.trials = [
        Trial("main", TrialResult.REFUSED, "GET /v1/models", 401),
        Trial("second", TrialResult.UNREACHABLE, "GET /v1/models"),
    ]
    assert await desk.test_credential("openai") == stand.trials
    assert (await desk.get_credential("openai")).state is CredentialState.REFUSED


async def test_acts_are_recorded_under_whoever_asks(desk: CredentialDesk, stand: VaultStand) -> None:
    await desk.acting("key_admin", "req-1").put_credential("openai", VALUE)
    [told] = await desk.list_credentials()
    assert told.set_by in {"key_admin", f"host:{os.getuid()}"}
    assert stand.changes == 1


async def test_all_are_sealed_anew_or_none(desk: CredentialDesk, stand: VaultStand) -> None:
    await desk.put_credential("openai", VALUE)
    await desk.put_credential("other", VALUE)
    assert await desk.rekey(OTHER_RAW) == 2
    assert stand.vault.reveal("openai") == VALUE
    stand.vault.unlock(RAW)
    with pytest.raises(StateConflict, match="nothing was changed: openai, other"):
        await desk.rekey(OTHER_RAW)
