"""The shapes of the management API: what may be asked, how answers look. OpenAPI is made of them.

Nothing extra, nothing converted: a number is no text, and a field that nobody knows is an error. What a field
must mean (which scopes there are, what a good name is) is judged at the desk (`gateway.keeper.terms`), so
that one set of rules holds for whoever asks.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from gateway.core.keys import Shape, Status
from gateway.core.refusal import Reason
from gateway.keeper.audit import ActName
from gateway.keeper.batch import KEYS_MAX
from gateway.keeper.days import Per
from gateway.keeper.desk import RuleBroken
from gateway.keeper.expiry import parse_moment
from gateway.keeper.terms import NAME_CHARS_MAX, NETWORKS_MAX, NOTE_CHARS_MAX, SCOPES_MAX

PAGE_MAX = 200
KEY_ID = r"^key_[0-9A-Za-z]{16}$"

Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""RFC 3339 in UTC, to the second."""

Text = Annotated[str, Field(max_length=NAME_CHARS_MAX)]
Scopes = Annotated[list[str], Field(max_length=SCOPES_MAX, examples=[["models:read", "chat:*"]])]
Networks = Annotated[list[str], Field(max_length=NETWORKS_MAX, examples=[["192.168.1.0/24"]])]
Expires = Annotated[
    str,
    Field(
        max_length=40,
        description="When it ends, as on the command line: `90m`, `90d`, `2027-01-31`, RFC 3339, `never`.",
        examples=["90d"],
    ),
]
ExpiresAt = Annotated[
    str,
    Field(
        max_length=40,
        description="When it ends, in RFC 3339; null is never.",
        json_schema_extra={"format": "date-time"},
        examples=["2027-01-31T23:59:59Z"],
    ),
]


class Asked(BaseModel):
    """Every body and every query."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class CreateKey(Asked):
    """A key to be made."""

    name: Text = Field(
        min_length=1, description="Who uses it, and for what.", examples=["Inventory Integration"]
    )
    scopes: Scopes = Field(default=[], description="What it may do; nobody gives more than they hold.")
    owner: Text = Field(default="", description="Whose it is.", examples=["ann"])
    note: str = Field(default="", max_length=NOTE_CHARS_MAX, description="Whatever helps to know it again.")
    allow_from: Networks = Field(default=[], description="Networks it works from; empty is anywhere.")
    in_path: bool = Field(
        default=False, description="May lead a path (`/k/<key>/…`); such addresses are kept by many programs."
    )
    expires: Expires = Field(default_factory=str, description="Left out: `keys.default_expiry`.")
    expires_at: ExpiresAt | None = Field(default=None, description="The same as a moment; null is never.")


class EditKey(Asked):
    """What to change about a key. What is left out stays as it is."""

    name: Text = Field(default_factory=str, min_length=1)
    scopes: Scopes = Field(default_factory=list)
    owner: Text = Field(default_factory=str)
    note: str = Field(default_factory=str, max_length=NOTE_CHARS_MAX)
    allow_from: Networks = Field(default_factory=list)
    in_path: bool = Field(default_factory=bool)
    expires: Expires = Field(default_factory=str)
    expires_at: ExpiresAt | None = Field(default=None, description="The same as a moment; null is never.")


class RotateKey(Asked):
    """How the secret before ends."""

    overlap: str | None = Field(
        default=None,
        max_length=13,
        pattern=r"^(now|[0-9]{1,12}[smhd])$",
        description="How long it still works: `now`, `1h`, `24h`, `7d`, `30d`. Left out: 24h, or with "
        "`until_first_use` as long as the key itself.",
        examples=["24h"],
    )
    until_first_use: bool = Field(default=False, description="It ends as soon as the new one is used.")
    end_previous: bool = Field(
        default=False,
        description="Rotate although an earlier overlap still runs; the secret before that one ends now.",
    )


class Nothing(Asked):
    """No field at all."""


class ShowKey(Asked):
    """A text that may be a key. It is neither stored nor logged."""

    key: str = Field(min_length=1, max_length=4_096, repr=False, json_schema_extra={"format": "password"})


class ExplainRequest(Asked):
    """A request of which to tell what would happen to it. Nothing is sent anywhere."""

    method: str = Field(min_length=1, max_length=20, pattern=r"^[A-Z]+$", examples=["GET"])
    path: str = Field(min_length=1, max_length=4_096, examples=["/v1/models"])
    key_id: str | None = Field(default=None, pattern=KEY_ID, description="Judge this key too.")
    address: str | None = Field(
        default=None, max_length=64, description="Where the caller is.", examples=["192.168.1.20"]
    )


class Paged(Asked):
    """A piece of a list."""

    limit: int = Field(default=50, ge=1, le=PAGE_MAX, description="How many at most.")
    cursor: str | None = Field(
        default=None, min_length=1, max_length=80, description="`next_cursor` of the answer before."
    )


def _is_moment(text: str) -> str:
    try:
        parse_moment(text)
    except RuleBroken:
        raise ValueError("is no moment: write one like 2027-01-31T12:00:00Z") from None
    return text


Since = Annotated[
    str,
    Field(max_length=40, examples=["2027-01-31T12:00:00Z"], json_schema_extra={"format": "date-time"}),
    AfterValidator(_is_moment),
]
"""RFC 3339 with any offset. `+` is a space in a query, and is written `%2B` there."""


class ListKeys(Paged):
    """Which keys to list."""

    status: Literal["active", "expiring", "expired", "disabled", "revoked", "all"] | None = Field(
        default=None, description="Left out: any but revoked."
    )
    owner: Text | None = Field(default=None, description="Whose.")
    q: str | None = Field(
        default=None, min_length=1, max_length=100, description="Stands in name, owner, note or preview."
    )
    used_since: Since | None = Field(default=None, description="Last used then or later.")
    unused_since: Since | None = Field(
        default=None, description="Made by then, and not used since: never, or last used before."
    )


class ListAudit(Paged):
    """Which entries of the audit to list."""

    order: Literal["asc", "desc"] = Field(default="asc", description="`desc` is newest first.")
    key_id: str | None = Field(default=None, pattern=KEY_ID, description="Acts on this key alone.")
    act: ActName | None = Field(default=None, description="Such acts alone.")
    actor: Text | None = Field(
        default=None,
        min_length=1,
        description="What they did alone: a key's id, or `host:UID`.",
        examples=["host:1000"],
    )


Day = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", examples=["2027-01-31"], json_schema_extra={"format": "date"}
    ),
]
"""A day in UTC."""


class ListUsage(Paged):
    """Which days of usage to list."""

    key_id: str | None = Field(default=None, pattern=KEY_ID, description="What this key did alone.")
    since: Day | None = Field(default=None, description="The first day. Left out: 30 days ago.")
    until: Day | None = Field(default=None, description="The last day. Left out: today.")
    per: Per = Field(
        default="day",
        description="A value for each key and day, a sum for each key, or (`total`) one a day for all keys.",
    )


class ImportKeys(Asked):
    """What to import: records of another gateway, or existing strings as they stand in a list."""

    records: list[dict[str, Any]] | None = Field(
        default=None, max_length=KEYS_MAX, description="As `GET /keys/export` tells them.", repr=False
    )
    text: str | None = Field(default=None, description="The list.", repr=False)
    format: Literal["lines", "env", "digests"] | None = Field(
        default=None, description="`NAME,STRING` lines, `NAME=STRING` lines, or `NAME,SHA-256` lines."
    )
    only: list[str] = Field(
        default=[], max_length=100, description="Of an env file: names to take, as patterns."
    )
    scopes: Scopes = Field(default=[], description="Of all keys that are made of strings.")
    owner: Text = ""
    note: str = Field(default="", max_length=NOTE_CHARS_MAX)
    expires: Expires = Field(default_factory=str)
    expires_at: ExpiresAt | None = None
    skip_existing: bool = Field(default=False, description="Pass over what is here already.")
    dry_run: bool = Field(default=False, description="Check, and change nothing.")


class Told(BaseModel):
    """Every answer. Further fields may come with later versions."""

    model_config = ConfigDict(extra="allow", json_schema_serialization_defaults_required=True)


class KeyRecord(Told):
    """A key, without its secret."""

    id: str = Field(pattern=KEY_ID)
    name: str
    preview: str = Field(examples=["kh_AbCd…wXyZ"])
    owner: str
    note: str
    scopes: list[str]
    allow_from: list[str]
    in_path: bool = Field(description="Whether it may lead a path: `/k/<key>/…`.")
    status: Status
    created_at: Moment
    created_by: str
    expires_at: Moment | None
    last_used_at: Moment | None
    last_used_from: str | None
    use_count: int = Field(ge=0)
    disabled_at: Moment | None
    revoked_at: Moment | None
    rotated_at: Moment | None
    previous_secret_valid_until: Moment | None
    previous_until_first_use: bool
    previous_secret_last_used_at: Moment | None
    previous_secret_last_used_from: str | None


class IssuedKey(KeyRecord):
    """A key and its secret, which is told this once and never again."""

    key: str = Field(json_schema_extra={"format": "password"})


class KeyList(Told):
    """A piece of the list, newest first."""

    items: list[KeyRecord]
    next_cursor: str | None


class ExportList(Told):
    """A piece of all records, oldest first. They hold digests: as confidential as the store."""

    items: list[dict[str, Any]]
    next_cursor: str | None


class ImportedKey(Told):
    """A key that was made, or would be."""

    id: str
    name: str
    preview: str


class ImportedKeys(Told):
    """What came of an import."""

    keys: list[ImportedKey]
    skipped: int = Field(ge=0)


class Verified(Told):
    """What a text is, and how it would fare as a credential now."""

    valid: bool
    shape: Shape
    looks_like: str | None
    reason: Reason | None
    message: str | None
    key: KeyRecord | None


class ScopeEntry(Told):
    """A scope that keys may hold."""

    scope: str
    description: str
    reserved: bool = Field(description="It reaches into the management of keys.")


class ScopeList(Told):
    """The catalogue."""

    items: list[ScopeEntry]


class AuditEntryTold(Told):
    """One act. `at_s`, `before` and `after` stand as they were hashed: moments in seconds since 1970."""

    number: int = Field(ge=1)
    at: Moment
    at_s: float
    actor: str
    act: str
    key_id: str | None
    request_id: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    previous: str
    hash: str


class AuditList(Told):
    """A piece of the record, in the order asked for."""

    items: list[AuditEntryTold]
    next_cursor: str | None


class UsageTold(Told):
    """What one key did on one day (UTC), or in all: `day` is the last one then. Bytes are those of bodies.

    What all keys did on one day has neither an id nor an address.
    """

    key_id: str | None
    day: Day
    requests: int = Field(ge=0)
    refusals: dict[str, int] = Field(description="How many were refused, by reason.")
    bytes_in: int = Field(ge=0)
    bytes_out: int = Field(ge=0)
    last_address: str | None


class UsageList(Told):
    """A piece of it: the newest day first, or by key."""

    items: list[UsageTold]
    next_cursor: str | None


class ChainState(Told):
    """Whether the record is whole: each entry follows from the one before."""

    whole: bool
    entries: int = Field(ge=0)
    hash: str = Field(description="Of the last entry that was verified. Note both elsewhere.")
    problem: str | None


class Explained(Told):
    """What would happen to a request."""

    outcome: Literal["allowed", "refused", "needs_key"]
    route: dict[str, Any] | None
    reason: Reason | None
    message: str | None
    key: KeyRecord | None


class FieldProblem(Told):
    """What is wrong with one field."""

    field: str
    message: str


class ProblemTold(Told):
    """A refusal (RFC 9457)."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: list[FieldProblem]
    request_id: str
