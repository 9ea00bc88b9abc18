"""The words of the control socket: what may be asked, how a record travels, which refusals there are.

A closed set: what is not declared here is refused before anything is done. Records travel without digests;
whoever asks over the socket has no use for them, and gets records whose digest is empty.
"""

from dataclasses import fields
from datetime import date
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.core.keys import ApiKey, Secret, Shape, Status
from gateway.core.refusal import Reason
from gateway.keeper.audit import ActName, AuditEntry, AuditQuery, as_data
from gateway.keeper.days import USAGE_LIMIT_MAX, Per, UsageDay, UsageQuery
from gateway.keeper.desk import (
    KeyDraft,
    KeyEdit,
    LimitReached,
    NameAmbiguous,
    NotAllowed,
    Outdated,
    Rotation,
    RuleBroken,
    SignedAddress,
    StateConflict,
    Verification,
)
from gateway.keeper.ports import KeyNotFound, StoreUnavailable

ASKED_BYTES_MAX: Final = 65_536
TEXT_CHARS_MAX: Final = 4_096
AUDIT_LIMIT_MAX: Final = 1_000

Moment = Annotated[float, Field(allow_inf_nan=False)]


class Words(BaseModel):
    """Every shape here: nothing extra, nothing converted, nothing changed afterwards."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


def places(error: ValidationError) -> str:
    """Which parts of a message are wrong, without repeating what stood there."""
    return ", ".join(sorted({".".join(map(str, each["loc"])) or "all of it" for each in error.errors()}))


class AskNothing(Words):
    """For acts that need no words."""


class AskCreate(Words):
    """A draft."""

    name: str
    scopes: tuple[str, ...]
    owner: str
    note: str
    allow_from: tuple[str, ...]
    expires_at: Moment | Literal["default"] | None
    created_by: str
    in_path: bool

    def draft(self) -> KeyDraft:
        """The words as a draft."""
        return KeyDraft(**{name: getattr(self, name) for name in type(self).model_fields})


class AskList(Words):
    """Which keys to list."""

    status: Status | Literal["all"] | None
    owner: str | None


class AskOne(Words):
    """Which key is meant."""

    id_or_name: str


class AskEdit(AskOne):
    """Which key to change, and what about it."""

    name: str | None
    scopes: tuple[str, ...] | None
    owner: str | None
    note: str | None
    allow_from: tuple[str, ...] | None
    expires_at: Moment | Literal["default", "unchanged"] | None
    in_path: bool | None

    def edit(self) -> KeyEdit:
        """The words as an edit."""
        return KeyEdit(**{field.name: getattr(self, field.name) for field in fields(KeyEdit)})


class AskRotate(AskOne):
    """Which key to rotate, and how the secret before ends."""

    overlap_s: Moment | None
    until_first_use: bool
    end_previous: bool

    def rotation(self) -> Rotation:
        """The words as a rotation."""
        return Rotation(**{field.name: getattr(self, field.name) for field in fields(Rotation)})


class AskSign(AskOne):
    """Which key is to stand behind an address, and for how long."""

    address: str = Field(repr=False)
    life_s: Moment


class AskAudit(Words):
    """Which entries of the audit."""

    after: int = Field(ge=0)
    limit: int = Field(ge=1, le=AUDIT_LIMIT_MAX)
    key_id: str | None
    act: ActName | None
    actor: str | None
    newest_first: bool

    def query(self) -> AuditQuery:
        """The words as a query."""
        return AuditQuery(**{name: getattr(self, name) for name in type(self).model_fields})


class AskUsage(Words):
    """Which days of usage, of one key or of all."""

    id_or_name: str | None
    since: date
    until: date
    per: Per
    limit: int = Field(ge=1, le=USAGE_LIMIT_MAX)
    after: tuple[date, str] | None

    def query(self) -> UsageQuery:
        """The words as a query."""
        return UsageQuery(
            **{name: getattr(self, name) for name in type(self).model_fields if name != "id_or_name"}
        )


class AskVerify(Words):
    """A text that may be a secret."""

    text: str = Field(repr=False)


class TellDone(Words):
    """It was heard."""


class TellKey(Words):
    """A record without its digests."""

    model_config = ConfigDict(from_attributes=True, strict=True, frozen=True)

    id: str
    name: str
    preview: str
    scopes: frozenset[str]
    created_at: float
    created_by: str
    owner: str
    note: str
    allow_from: tuple[IPv4Network | IPv6Network, ...]
    expires_at: float | None
    disabled_at: float | None
    revoked_at: float | None
    rotated_at: float | None
    previous_preview: str | None
    previous_secret_valid_until: float | None
    previous_until_first_use: bool
    previous_secret_last_used_at: float | None
    previous_secret_last_used_from: str | None
    last_used_at: float | None
    last_used_from: str | None
    use_count: int
    revision: int
    in_path: bool

    def key(self) -> ApiKey:
        """The record; its digest is empty."""
        return ApiKey(digest=b"", **{name: getattr(self, name) for name in type(self).model_fields})


class TellKeys(Words):
    """Records, newest first."""

    keys: tuple[TellKey, ...]


class TellEntry(Words):
    """One entry of the audit, its hashes in hexadecimal."""

    number: int
    at: float
    actor: str
    act: str
    key_id: str | None
    request_id: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    previous: str
    hash: str

    @classmethod
    def of(cls, entry: AuditEntry) -> "TellEntry":
        """The entry in words."""
        return cls(**as_data(entry))

    def entry(self) -> AuditEntry:
        """The words as an entry; raises `ValueError` for a hash that is none."""
        told = {name: getattr(self, name) for name in type(self).model_fields}
        told |= {"previous": bytes.fromhex(self.previous), "hash": bytes.fromhex(self.hash)}
        return AuditEntry(**told)


class TellAudit(Words):
    """Entries, in the order asked for."""

    entries: tuple[TellEntry, ...]


class TellUsageDay(Words):
    """What one key did on one day."""

    model_config = ConfigDict(from_attributes=True, strict=True, frozen=True)

    key_id: str
    day: date
    requests: int
    refusals: dict[Reason, int]
    bytes_in: int
    bytes_out: int
    last_address: str

    def value(self) -> UsageDay:
        """The words as a value."""
        return UsageDay(**{name: getattr(self, name) for name in type(self).model_fields})


class TellUsage(Words):
    """Days of usage, in the order of `gateway.keeper.days`."""

    days: tuple[TellUsageDay, ...]


class TellIssued(Words):
    """A record and its new secret: the only answer that holds one."""

    key: TellKey
    secret: str = Field(repr=False)

    @classmethod
    def of(cls, key: ApiKey, secret: Secret) -> "TellIssued":
        """Both in words."""
        return cls(key=TellKey.model_validate(key), secret=secret.reveal())


class TellVerification(Words):
    """What a text is."""

    shape: Shape
    looks_like: str | None
    key: TellKey | None
    reason: Reason | None
    facts: dict[str, str]

    @classmethod
    def of(cls, found: Verification) -> "TellVerification":
        """The finding in words."""
        return cls(
            shape=found.shape,
            looks_like=found.looks_like,
            key=None if found.key is None else TellKey.model_validate(found.key),
            reason=found.reason,
            facts=dict(found.facts),
        )

    def verification(self) -> Verification:
        """The words as a finding."""
        return Verification(
            shape=self.shape,
            looks_like=self.looks_like,
            key=None if self.key is None else self.key.key(),
            reason=self.reason,
            facts=self.facts,
        )


class TellSigned(Words):
    """An address that opens by itself."""

    key_id: str
    address: str = Field(repr=False)
    expires_at: float

    def signed(self) -> SignedAddress:
        """The words as the address."""
        return SignedAddress(self.key_id, self.address, self.expires_at)


class TellProblem(Words):
    """What is wrong with one field."""

    field: str
    message: str


class TellRefusal(Words):
    """Which refusal, and its message for the person asking."""

    kind: str
    message: str
    problems: tuple[TellProblem, ...] = ()


REFUSALS: Final[tuple[tuple[str, int, type[Exception]], ...]] = (
    ("key_not_found", 404, KeyNotFound),
    ("name_ambiguous", 409, NameAmbiguous),
    ("outdated", 409, Outdated),
    ("limit_reached", 409, LimitReached),
    ("state_conflict", 409, StateConflict),
    ("rule_broken", 422, RuleBroken),
    ("not_allowed", 403, NotAllowed),
    ("store_unavailable", 503, StoreUnavailable),
)
"""Kind, HTTP status and exception: what is raised on one side is raised on the other."""
