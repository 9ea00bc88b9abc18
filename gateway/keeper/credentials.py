"""Credentials of upstreams as they are kept, told and managed; how they are sealed stands in `keeper.seal`.

Nothing here holds the value of a credential but `put`, which takes one. A record is told without it: by its
name, its preview, and how it stands (`CredentialState`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from gateway.keeper.audit import Act, Described
from gateway.keeper.ports import KeyNotFound, KeyStore, Recorder

PREVIEW_CHARS_MIN: Final = 20
"""Of a shorter credential nothing is shown: what is left would be guessed too easily."""

MASK: Final = "****"


class CredentialState(StrEnum):
    """How a credential of the vault stands."""

    OK = "ok"
    LOCKED = "locked"
    """There is no vault key, or another one than it was sealed with."""
    DAMAGED = "damaged"
    """It was sealed with this key and yet cannot be opened: somebody changed it, or the disk did."""
    REFUSED = "refused"
    """The upstream answered 401 to it, and has not taken it since."""


class TrialResult(StrEnum):
    """What came of showing a credential to an upstream."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    UNCLEAR = "unclear"
    LOCKED = "locked"


class CredentialNotFound(KeyNotFound):
    """There is no credential of this name in the vault."""

    def __init__(self, message: str = "there is no such credential: keyhatch credentials list") -> None:
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class SealedCredential:
    """A credential as the store has it. `key_id` names the vault key that it was sealed with."""

    name: str
    version: int
    key_id: bytes = field(repr=False)
    nonce: bytes = field(repr=False)
    sealed: bytes = field(repr=False)
    preview: str
    set_at: float
    set_by: str
    last_used_at: float | None = None
    refused_at: float | None = None


@dataclass(frozen=True, slots=True)
class CredentialRecord:
    """A credential as people see it. `why` says what is wrong and what to do, empty where all is well."""

    name: str
    preview: str
    state: CredentialState
    set_at: float
    set_by: str
    last_used_at: float | None
    refused_at: float | None
    upstreams: tuple[str, ...]
    why: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """What one upstream said to a credential. `asked` is what was sent, in words; `status` its answer's."""

    upstream: str
    result: TrialResult
    asked: str = ""
    status: int | None = None


@dataclass(frozen=True, slots=True)
class CredentialNote:
    """What use left behind, to be written: absolute, so that it may be written twice."""

    name: str
    last_used_at: float | None
    refused_at: float | None


class CredentialStore(Protocol):
    """Where sealed credentials live. Every method may raise `StoreUnavailable`."""

    async def credentials(self) -> list[SealedCredential]:
        """All of them, by name."""

    async def put_credentials(self, sealed: Sequence[SealedCredential], act: Act) -> None:
        """Add or replace, all or none, an entry of the audit for each.

        Raises `StoreUnavailable` where one does not follow the version that is there.
        """

    async def remove_credential(self, name: str, act: Act) -> None:
        """Remove one; raises `CredentialNotFound`."""

    async def note_credentials(self, notes: Sequence[CredentialNote]) -> None:
        """Write what use left behind. Last uses never move backwards; unknown names are passed over."""


class Store(KeyStore, CredentialStore, Recorder, Protocol):
    """A store whole: keys, and credentials of upstreams."""


class CredentialDesk(Protocol):
    """What can be asked about credentials. Refusals are those of `keeper.desk`."""

    def acting(self, actor: str, request_id: str | None = None) -> "CredentialDesk":
        """The same desk, for somebody whose acts are recorded under this name."""

    async def list_credentials(self) -> list[CredentialRecord]:
        """All of them, by name."""

    async def get_credential(self, name: str) -> CredentialRecord:
        """One of them; raises `CredentialNotFound`."""

    async def put_credential(self, name: str, value: str) -> CredentialRecord:
        """Set or replace one; raises `RuleBroken`, or `StateConflict` while the vault has no key."""

    async def remove_credential(self, name: str) -> CredentialRecord:
        """Remove one, and tell what it was."""

    async def test_credential(self, name: str) -> list[Trial]:
        """Show it to each upstream that is lent it, and tell what they say."""

    async def rekey(self, raw: bytes) -> int:
        """Seal all of them anew with another vault key; how many there were.

        Raises `StateConflict` where one cannot be opened, and then none was changed. The other key is the
        vault's from then on, until a configuration says otherwise.
        """


def preview_of(value: str) -> str:
    """How a credential looks to people: its ends, or nothing of a short one."""
    return f"{value[:4]}…{value[-3:]}" if len(value) >= PREVIEW_CHARS_MIN else MASK


def described(sealed: SealedCredential | None) -> Described | None:
    """What an entry of the audit says of a credential."""
    if sealed is None:
        return None
    told = {"credential": sealed.name, "preview": sealed.preview, "version": sealed.version}
    return {**told, "vault_key": sealed.key_id.hex()}


def assert_follows(before: SealedCredential | None, after: SealedCredential) -> str | None:
    """Why a record cannot take the place of another; None if it can. Versions only ever grow."""
    if before is not None and after.version <= before.version:
        return f"credential {after.name} was changed by somebody else meanwhile"
    return None
