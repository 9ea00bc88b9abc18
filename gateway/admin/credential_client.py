"""The desk of credentials at a distance: asks the process that holds the store, over its control socket."""

from base64 import b64encode
from typing import Final

from gateway.admin.control_client import RemoteKeyring, worded
from gateway.admin.control_words import AskNothing
from gateway.admin.credential_words import (
    AskCredential,
    AskPutCredential,
    AskRekey,
    TellCredential,
    TellCredentials,
    TellRekeyed,
    TellTrials,
)
from gateway.keeper.credentials import CredentialRecord, Trial

TIMEOUT_TRIAL_S: Final = 60.0


class RemoteCredentials:
    """Raises what the vault would have raised there. A value travels there and never back."""

    def __init__(self, remote: RemoteKeyring) -> None:
        self._remote = remote

    def acting(self, actor: str, request_id: str | None = None) -> "RemoteCredentials":  # noqa: ARG002
        """Itself: the process that holds the store sees for itself who asks."""
        return self

    async def list_credentials(self) -> list[CredentialRecord]:
        """All of them, by name."""
        told = await self._remote.ask("list_credentials", worded(AskNothing), TellCredentials)
        return [each.record() for each in told.credentials]

    async def get_credential(self, name: str) -> CredentialRecord:
        """One of them."""
        return (await self._one("get_credential", worded(AskCredential, name=name))).record()

    async def put_credential(self, name: str, value: str) -> CredentialRecord:
        """Set or replace one."""
        asked = worded(AskPutCredential, name=name, value=value)
        return (await self._one("put_credential", asked)).record()

    async def remove_credential(self, name: str) -> CredentialRecord:
        """Remove one."""
        return (await self._one("remove_credential", worded(AskCredential, name=name))).record()

    async def test_credential(self, name: str) -> list[Trial]:
        """Show it to its upstreams."""
        asked = worded(AskCredential, name=name)
        told = await self._remote.ask("test_credential", asked, TellTrials, TIMEOUT_TRIAL_S)
        return [each.trial() for each in told.trials]

    async def rekey(self, raw: bytes) -> int:
        """Seal all of them anew with another vault key."""
        asked = worded(AskRekey, key=b64encode(raw).decode("ascii"))
        return (await self._remote.ask("rekey", asked, TellRekeyed)).count

    async def _one(self, act: str, asked: bytes) -> TellCredential:
        return await self._remote.ask(act, asked, TellCredential)
