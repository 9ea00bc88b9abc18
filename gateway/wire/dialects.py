"""A refusal's body in the words that each SDK shows: one sentence, in the one place where it is read.

What is said, and with which status, stands in `gateway.wire.reply`; here is only its form. The form is the
provider's own envelope, so that a client that reads it closely finds what it expects. Every body is made of
status, reason, sentence and request id alone, and the reason is in the header whatever the form. The combined
form stands in `gateway.wire.refusal_body`, which finds these.
"""

from collections.abc import Callable, Mapping
from typing import Final

from gateway.core.dialect import Dialect
from gateway.wire.refusal_body import type_of

Form = Callable[[int, str, str, str], object]
"""status, reason, sentence, request id → what is told."""

_GOOGLE: Final = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""The names of https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto."""


def _openai(status: int, reason: str, message: str, _id: str) -> object:
    return {"error": {"message": message, "type": type_of(status), "param": None, "code": reason}}


def _anthropic(status: int, _reason: str, message: str, request_id: str) -> object:
    return {
        "type": "error",
        "error": {"type": type_of(status), "message": message},
        "request_id": request_id,
    }


def _elevenlabs(_status: int, reason: str, message: str, request_id: str) -> object:
    return {"detail": {"status": reason, "message": message, "request_id": request_id}}


def _gemini(status: int, reason: str, message: str, _id: str) -> object:
    name = _GOOGLE.get(status, "INVALID_ARGUMENT")
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "keyhatch"}
    return {"error": {"code": status, "message": message, "status": name, "details": [info]}}


def _comfyui(_status: int, reason: str, message: str, _id: str) -> object:
    error = {"type": reason, "message": message, "details": "", "extra_info": {}}
    return {"error": error, "node_errors": {}}


FORMS: Final[Mapping[Dialect, Form]] = {
    Dialect.OPENAI: _openai,
    Dialect.ANTHROPIC: _anthropic,
    Dialect.ELEVENLABS: _elevenlabs,
    Dialect.OLLAMA: lambda _status, _reason, message, _id: {"error": message},
    Dialect.FASTAPI: lambda _status, _reason, message, _id: {"detail": message},
    Dialect.AZURE: lambda _status, reason, message, _id: {"error": {"code": reason, "message": message}},
    Dialect.GEMINI: _gemini,
    Dialect.COMFYUI: _comfyui,
    Dialect.MESSAGE: lambda status, _reason, message, _id: {"message": message, "statusCode": status},
    Dialect.TEXT: lambda _status, _reason, message, _id: message,
}
