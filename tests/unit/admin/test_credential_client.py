"""gateway/admin/credential_client.py is held to the contract of desks; here is what it does alone."""

from pathlib import Path

import pytest

from gateway.admin.control import ControlServer
from gateway.admin.control_client import RemoteKeyring
from gateway.admin.credential_client import RemoteCredentials
from gateway.keeper.desk import RuleBroken
from tests.contract.desk_stand import near
from tests.support.records import StillClock
from tests.support.vaults import VALUE, VaultStand


async def test_a_server_that_keeps_none_says_so(tmp_path: Path) -> None:
    keyring = near(StillClock()).desk
    server = ControlServer(lambda: keyring, tmp_path / "keys.db")
    await server.start()
    desk = RemoteCredentials(RemoteKeyring(tmp_path / "keys.db"))
    with pytest.raises(RuleBroken, match="no credentials are managed here"):
        await desk.list_credentials()
    await server.stop()


async def test_what_cannot_be_said_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    desk = RemoteCredentials(RemoteKeyring(tmp_path / "keys.db"))
    with pytest.raises(RuleBroken) as refusal:
        await desk.put_credential("openai", VALUE * 10_000)
    assert VALUE not in str(refusal.value)


async def test_what_is_no_key_seals_nothing_anew(tmp_path: Path) -> None:
    stand, keyring = VaultStand(), near(StillClock()).desk
    server = ControlServer(lambda: keyring, tmp_path / "keys.db", credentials=lambda: stand.vault)
    await server.start()
    with pytest.raises(RuleBroken, match="no key of a vault"):
        await RemoteCredentials(RemoteKeyring(tmp_path / "keys.db")).rekey(b"short")
    await server.stop()
