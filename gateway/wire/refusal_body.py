"""A refusal's body: the combined form, which most gateways speak alone, and the way to all others.

The others (`gateway.wire.dialects`) are loaded by whoever stands before a server that has a preset.
"""

from json import dumps
from typing import Final

from gateway.core.dialect import Dialect

JSON: Final = b"application/json"
PLAIN: Final = b"text/plain; charset=utf-8"

_TYPES: Final = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    504: "timeout_error",
}


def body_of(dialect: Dialect, status: int, reason: str, message: str, request_id: str) -> bytes:
    """The body of a refusal, with a line's end: most people read it in a terminal."""
    told: object
    if dialect is Dialect.COMBINED:
        error = {"type": type_of(status), "code": reason, "message": message, "param": None}
        detail = {"status": reason, "message": message}
        told = {"type": "error", "error": error, "detail": detail, "request_id": request_id}
    else:
        from gateway.wire.dialects import FORMS  # noqa: PLC0415 - most gateways speak the combined one alone

        told = FORMS[dialect](status, reason, message, request_id)
    text = told if isinstance(told, str) else dumps(told, ensure_ascii=False)
    return text.encode("utf-8", "replace") + b"\n"


def content_type(dialect: Dialect) -> bytes:
    """What `Content-Type` says of such a body."""
    return PLAIN if dialect is Dialect.TEXT else JSON


def type_of(status: int) -> str:
    """What OpenAI and Anthropic call an error with this status."""
    return _TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
