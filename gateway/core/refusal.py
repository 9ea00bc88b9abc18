"""Why a request is refused: one closed set of reason codes, and the value that carries one.

A refusal is a value, never an exception. `Deny` holds the reason (for the header, the body, the log and
the metrics label alike) and the facts that its public sentence needs. Facts are for the caller's eyes:
they never hold a secret, a digest, an upstream's address or anything the caller could not already know.
The sentence itself, the status and the challenge stand in one table, `gateway.wire.reply`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

Facts = Mapping[str, str]

NO_FACTS: Final[Facts] = MappingProxyType({})


class Reason(StrEnum):
    """Every way a request can end without the upstream's own answer. Documented in docs/errors.md."""

    CREDENTIAL_MISSING = "credential_missing"
    CREDENTIAL_FOREIGN = "credential_foreign"
    CREDENTIAL_MALFORMED = "credential_malformed"
    CREDENTIAL_AMBIGUOUS = "credential_ambiguous"
    KEY_UNKNOWN = "key_unknown"
    KEY_REVOKED = "key_revoked"
    KEY_EXPIRED = "key_expired"
    KEY_DISABLED = "key_disabled"
    KEY_ROTATED = "key_rotated"
    SIGNATURE_INVALID = "signature_invalid"
    SIGNATURE_EXPIRED = "signature_expired"
    SCOPE_MISSING = "scope_missing"
    ADDRESS_NOT_ALLOWED = "address_not_allowed"
    NO_ROUTE = "no_route"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    TARGET_AMBIGUOUS = "target_ambiguous"
    REQUEST_MALFORMED = "request_malformed"
    HEADER_TOO_LARGE = "header_too_large"
    BODY_TOO_LARGE = "body_too_large"
    REQUEST_TIMEOUT = "request_timeout"
    STORE_UNAVAILABLE = "store_unavailable"
    UPSTREAM_UNREACHABLE = "upstream_unreachable"
    UPSTREAM_PROTOCOL = "upstream_protocol"
    UPSTREAM_TIMEOUT = "upstream_timeout"
    UPSTREAM_CREDENTIAL_INVALID = "upstream_credential_invalid"


@dataclass(frozen=True, slots=True)
class Deny:
    """A refusal. `facts` fill the public sentence; `route_id` and the key are for the operator's log."""

    reason: Reason
    facts: Mapping[str, str] = field(default_factory=dict)
    route_id: str | None = None
    key_id: str | None = None
    key_name: str | None = None

    @property
    def detail(self) -> str | None:
        """What the reason leaves open, for the operator's log: the rule broken, the limit, the phase."""
        facts = self.facts
        if "what" in facts and "limit" in facts:
            return f"more than {facts['limit']} {facts['what']}"
        return next((facts[name] for name in _TELLING if name in facts), None)


_TELLING = ("rule", "what", "problem", "stray", "phase")
