"""For each reason the facts that the house gives with it: one example for each form of its sentence."""

from collections.abc import Mapping
from typing import Final

from gateway.core.refusal import Reason

SINCE: Final = {"since": "2027-01-31T08:00:00Z"}
MALFORMED: Final = {"length": "40", "expected": "52"}

EXAMPLES: Final[Mapping[Reason, tuple[Mapping[str, str], ...]]] = {
    Reason.CREDENTIAL_MISSING: (
        {},
        {"also": "?access_token="},
        {"problem": "host"},
        {"what": "a page of another site"},
        {"stray": "?access_token="},
        {"stray": "the query"},
    ),
    Reason.CREDENTIAL_FOREIGN: (
        {"place": "Authorization", "looks_like": "an OpenAI key"},
        {"place": "X-API-Key", "looks_like": "a credential of another kind"},
    ),
    Reason.CREDENTIAL_MALFORMED: (
        {"problem": "wrong_length", **MALFORMED},
        {"problem": "wrong_characters", **MALFORMED},
        {"problem": "wrong_checksum", **MALFORMED},
        {"problem": "in_path"},
        {"problem": "not_in_path"},
    ),
    Reason.CREDENTIAL_AMBIGUOUS: ({"places": "Authorization and X-API-Key"},),
    Reason.KEY_UNKNOWN: ({},),
    Reason.KEY_REVOKED: (SINCE,),
    Reason.KEY_EXPIRED: (SINCE,),
    Reason.KEY_DISABLED: (SINCE,),
    Reason.KEY_ROTATED: (SINCE,),
    Reason.SIGNATURE_INVALID: (
        {"problem": "signature"},
        {"problem": "method"},
        {"problem": "off"},
    ),
    Reason.SIGNATURE_EXPIRED: (SINCE,),
    Reason.SCOPE_MISSING: (
        {"needed": "models:read chat:write", "any_of": "", "held": "models:read"},
        {"needed": "", "any_of": "chat:write chat:read", "held": ""},
        {"needed": "models:read", "any_of": "chat:write chat:read", "held": "models:read"},
    ),
    Reason.ADDRESS_NOT_ALLOWED: ({"address": "203.0.113.9"},),
    Reason.NO_ROUTE: ({},),
    Reason.METHOD_NOT_ALLOWED: ({"method": "DELETE", "allow": "GET, HEAD"},),
    Reason.TARGET_AMBIGUOUS: ({"rule": "an empty segment ('//') has two readings"},),
    Reason.REQUEST_MALFORMED: ({"rule": "there must be exactly one Host header"},),
    Reason.HEADER_TOO_LARGE: (
        {"what": "bytes in the head", "limit": "32768"},
        {"what": "header fields", "limit": "100"},
        {"what": "bytes in the target", "limit": "8192"},
    ),
    Reason.BODY_TOO_LARGE: ({"limit": "1048576"},),
    Reason.REQUEST_TIMEOUT: ({"limit": "10"},),
    Reason.STORE_UNAVAILABLE: ({},),
    Reason.UPSTREAM_UNREACHABLE: ({},),
    Reason.UPSTREAM_PROTOCOL: ({}, {"what": "closed the connection without answering"}),
    Reason.UPSTREAM_TIMEOUT: ({"phase": "connect"}, {"phase": "first_byte"}),
    Reason.UPSTREAM_CREDENTIAL_INVALID: ({"problem": "locked"},),
}
