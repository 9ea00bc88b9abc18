"""The desk where people manage keys: what can be asked there, in which words, and how it refuses.

`KeyDesk` has two makes: `gateway.keeper.keyring.Keyring`, which holds the store, and
`gateway.admin.control_client.RemoteKeyring`, which asks the process that does. Whoever manages keys (CLI,
management API, console) needs to know neither.

Refusals at the desk are `KeyringError`s and `KeyNotFound`; their message is for the person asking: what is
wrong, and what to do. No message ever repeats a text that might be a secret.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from gateway.core.keys import ApiKey, Secret, Shape, Status
from gateway.core.refusal import Reason
from gateway.keeper.audit import FIRST_ENTRIES, AuditEntry, AuditQuery
from gateway.keeper.batch import PAGE_KEYS_MAX, Imported, KeyImport
from gateway.keeper.days import UsageDay, UsageQuery
from gateway.keeper.ports import WholeKey

StatusFilter = Status | Literal["all"] | None
"""Which keys to list: those of one status, all of them, or (None) all that are not revoked."""

_SECRET: Final = re.compile(r"[a-z][a-z0-9]{0,15}_[0-9A-Za-z]{32,}")


class KeyringError(Exception):
    """The desk refuses. The message says why and what to do."""


class NameAmbiguous(KeyringError):
    """Several keys have this name; the message lists their ids."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one field of what was asked; the message names the rule and the mend."""

    field: str
    message: str


class RuleBroken(KeyringError):
    """What was asked breaks a rule; the message names the rule and the mend.

    `problems` has each broken rule with its field, where fields can be told.
    """

    def __init__(self, message: str, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class StateConflict(RuleBroken):
    """How things stand does not admit it: the key's state, or how many keys there are."""


class LimitReached(StateConflict):
    """An owner has as many keys as they may have."""


class Outdated(StateConflict):
    """Somebody else changed the key in the meantime; look again, then decide anew."""


class NotAllowed(KeyringError):
    """Whoever asks may not manage these keys; the message says who may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDraft:
    """A key to be made. Texts as a person wrote them; `Keyring.create` holds them to the rules.

    `expires_at` is a moment (seconds since 1970, UTC), None for never, or `"default"`: the configured
    `keys.default_expiry` from now.
    """

    name: str
    scopes: tuple[str, ...] = ()
    owner: str = ""
    note: str = ""
    allow_from: tuple[str, ...] = ()
    expires_at: float | Literal["default"] | None = "default"
    created_by: str = ""
    in_path: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEdit:
    """What to change about a key; None changes nothing. Texts as in `KeyDraft`, held to the same rules.

    `expires_at` is as in `KeyDraft`, and `"unchanged"`.
    """

    name: str | None = None
    scopes: tuple[str, ...] | None = None
    owner: str | None = None
    note: str | None = None
    allow_from: tuple[str, ...] | None = None
    expires_at: float | Literal["default", "unchanged"] | None = "unchanged"
    in_path: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """How the secret before ends: `overlap_s` seconds from now, None: with the key itself.

    `until_first_use`: or as soon as the new one is used. `end_previous`: although the overlap of an earlier
    rotation still runs; the secret before that one ends now then.
    """

    overlap_s: float | None
    until_first_use: bool = False
    end_previous: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a text is, and how it would fare as a credential right now.

    `looks_like` names another kind of credential (`an OpenAI key`) where the text is not ours. `key` is the
    record it leads to. `reason` is the refusal it would get, None if the key itself would pass (route,
    scopes and address are another question); `facts` fill the refusal's sentence.
    """

    shape: Shape
    looks_like: str | None = None
    key: ApiKey | None = None
    reason: Reason | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SignedAddress:
    """An address that opens without a key until `expires_at`, by the right of this one."""

    key_id: str
    address: str = field(repr=False)
    expires_at: float


def holds_secret(text: str) -> bool:
    """Whether a key's secret, or most of one, seems to stand in the text, whatever its prefix."""
    return _SECRET.search(text) is not None


def quoted(text: str) -> str:
    """The text as a message may repeat it: short, in quotes, and not at all if it might hold a secret."""
    return "(a key's secret, not shown)" if holds_secret(text) else repr(text[:60])


class KeyDesk(Protocol):
    """What can be asked about keys. Every method may raise `StoreUnavailable`.

    `id_or_name` is an exact id or the exact name of exactly one key; `KeyNotFound` and `NameAmbiguous` say
    that it is neither. Acts that would change nothing (revoking twice) succeed and change nothing.
    """

    def acting(self, actor: str, request_id: str | None = None) -> "KeyDesk":
        """The same desk, for somebody whose acts are recorded under this name."""

    async def create(self, draft: KeyDraft) -> tuple[ApiKey, Secret]:
        """Make a key. The secret exists in this answer and nowhere else."""

    async def list_keys(self, status: StatusFilter = None, owner: str | None = None) -> list[ApiKey]:
        """Records, newest first."""

    async def resolve(self, id_or_name: str) -> ApiKey:
        """The one record that is meant."""

    async def revoke(self, id_or_name: str) -> ApiKey:
        """End a key for good. Its record stays."""

    async def disable(self, id_or_name: str) -> ApiKey:
        """Switch a key off until it is enabled again. A revoked one cannot be switched."""

    async def enable(self, id_or_name: str) -> ApiKey:
        """Switch a disabled key on again."""

    async def edit(self, id_or_name: str, edit: KeyEdit) -> ApiKey:
        """Change what a key is called, may do, or whose it is. A revoked one cannot be changed."""

    async def rotate(self, id_or_name: str, rotation: Rotation) -> tuple[ApiKey, Secret]:
        """Give a key a new secret. The one before still works for as long as the rotation says."""

    async def undo_rotation(self, id_or_name: str) -> ApiKey:
        """Within the overlap: the secret before is the key's own again, and the new one ends at once."""

    async def finish_rotation(self, id_or_name: str) -> ApiKey:
        """End the overlap at once. Where none runs that changes nothing."""

    async def delete(self, id_or_name: str) -> ApiKey:
        """Remove the record of a revoked key, and return what it was."""

    async def revoke_by_value(self, text: str) -> ApiKey:
        """End the secret that this text is, by the right of holding it.

        The key's own secret: the key is revoked. The one before, within the overlap: that one ends now.
        Raises `KeyNotFound` for a text that is no living or revoked key's secret.
        """

    async def verify(self, text: str) -> Verification:
        """Say what a text is and why it would be refused. It may be any text at all."""

    async def sign(self, id_or_name: str, address: str, life_s: float) -> SignedAddress:
        """An address that opens for so many seconds by the right of this key: a path or a whole URL."""

    async def audit(self, query: AuditQuery = FIRST_ENTRIES) -> list[AuditEntry]:
        """What was done, in the order asked for."""

    async def usage(self, id_or_name: str | None = None, query: UsageQuery | None = None) -> list[UsageDay]:
        """What keys did, or one key, day by day and newest first, what was not written yet included.

        Where `query.per` says so, one sum for each key, in the order of their ids, or one for each day. What
        lies behind the last value is asked for with `query.after`; `query.key_id` says nothing here.
        """

    async def import_keys(self, asked: KeyImport) -> Imported:
        """Make keys of existing strings, or of records of another gateway; all of them or none."""

    async def export_keys(self, after: int = 0, limit: int = PAGE_KEYS_MAX) -> list[tuple[int, WholeKey]]:
        """Records with numbers beyond `after`, oldest first, with the digests that lead to them."""

    async def verify_digests(self, digests: Sequence[bytes]) -> list[Verification]:
        """What `verify` says, of secrets whose digests are given; at most `DIGESTS_MAX` of them."""
