"""The words of a decision: `Allow`, `Deny`, or `NeedKey` while the record is still to be fetched.

`gateway.core.policy` writes them, the gatekeeper passes them on, the planes act on them. They are
values; nothing here decides anything.
"""

from dataclasses import dataclass, field
from math import inf

from gateway.core.credentials import Strip
from gateway.core.keys import ApiKey
from gateway.core.refusal import Deny
from gateway.core.routes import Route
from gateway.core.signed_url import Signed


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is calling, as the upstream is told. `key_id` is None for an anonymous caller."""

    key_id: str | None
    name: str
    owner: str
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Allow:
    """The request may pass along `route`, once `strip` was applied to it.

    `identity` is None on a public route. `key` is the record that was judged and `digest` names the secret
    that was shown (it is not the secret); both let a live exchange be ended when its key dies. `until` is
    the wall-clock moment up to which the same would be decided again as long as the record is the same.
    `expires_at` is the key's end, told only where that is near (`EXPIRING_WINDOW_S`).
    """

    route: Route
    strip: Strip
    identity: Identity | None = None
    key: ApiKey | None = None
    digest: bytes = field(default=b"", repr=False)
    until: float = inf
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class NeedKey:
    """Exactly one of our credentials was shown: the decision waits for the record behind `digest`.

    `in_path`: the key led the path (`core.path_key`). `signed`: no key was shown but a signature, `digest` is
    the id of its key then, and what it stands for is judged once the record is there.
    """

    digest: bytes = field(repr=False)
    route: Route
    strip: Strip
    peer: str
    in_path: bool = False
    signed: Signed | None = None


Decision = Allow | Deny | NeedKey
