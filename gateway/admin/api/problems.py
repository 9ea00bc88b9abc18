"""Refusals of the management API: RFC 9457 problems with a code, and every wrong field at once.

What a person reads says what happened and what to do; what an attacker reads says nothing that they did not
know. `code` is from a closed set: the reasons of `gateway.core.refusal` where a key is refused, and `Code`.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Final

from gateway.keeper.credentials import CredentialNotFound
from gateway.keeper.desk import (
    LimitReached,
    NameAmbiguous,
    NotAllowed,
    Outdated,
    Problem,
    RuleBroken,
    StateConflict,
)
from gateway.keeper.draining import TargetNotFound
from gateway.keeper.ports import KeyNotFound, StoreUnavailable


class Code(StrEnum):
    """What a problem is about, for programs."""

    BODY_TOO_LARGE = "body_too_large"
    CONFIGURATION_INVALID = "configuration_invalid"
    CREDENTIAL_NOT_FOUND = "credential_not_found"
    TARGET_NOT_FOUND = "target_not_found"
    FIELD_INVALID = "field_invalid"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    LIMIT_REACHED = "limit_reached"
    KEY_NOT_FOUND = "key_not_found"
    MEDIA_TYPE_UNSUPPORTED = "media_type_unsupported"
    NOT_ALLOWED = "not_allowed"
    ORIGIN_NOT_ALLOWED = "origin_not_allowed"
    OUTDATED = "outdated"
    REQUEST_MALFORMED = "request_malformed"
    REQUEST_TIMEOUT = "request_timeout"
    SESSION_ENDED = "session_ended"
    STATE_CONFLICT = "state_conflict"
    STORE_FULL = "store_full"
    STORE_UNAVAILABLE = "store_unavailable"
    TOO_MANY_FAILURES = "too_many_failures"


NO_SUCH_KEY: Final = "There is no key with this id. GET /api/v1/keys?status=all lists those that you may see."
NO_SUCH_TARGET: Final = "There is no such target. GET /api/v1/upstreams lists them."
NO_SUCH_CREDENTIAL: Final = "There is no credential of this name. GET /api/v1/credentials lists them."
_STORE_TROUBLE: Final = "The store did not take it: nothing was changed. The gateway's log says why."
_RETRY_AFTER_S: Final = 1


@dataclass(frozen=True, slots=True)
class ProblemDetails:
    """A refusal as it is told. `errors` names each wrong field, `headers` what goes with the status."""

    status: HTTPStatus
    code: str
    detail: str
    errors: tuple[Problem, ...] = ()
    headers: Mapping[str, str] | None = None

    def text(self, request_id: str) -> str:
        """The body."""
        body: dict[str, object] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "code": self.code,
            "detail": self.detail,
            "errors": [{"field": each.field, "message": each.message} for each in self.errors],
            "request_id": request_id,
        }
        return json.dumps(body) + "\n"


class Refused(Exception):
    """A request that is answered with a problem."""

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        detail: str,
        errors: Iterable[Problem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.problem = ProblemDetails(status, code, detail, tuple(errors), headers)


def malformed(detail: str) -> Refused:
    """What cannot be read at all."""
    return Refused(HTTPStatus.BAD_REQUEST, Code.REQUEST_MALFORMED, detail)


def invalid(errors: Iterable[Problem]) -> Refused:
    """What can be read and breaks rules."""
    told = tuple(errors)
    wrong = "a field is" if len(told) == 1 else f"{len(told)} fields are"
    return Refused(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        Code.FIELD_INVALID,
        f"This was not done, because {wrong} not right: `errors` says which and why.",
        told,
    )


def problem_of(error: Exception) -> ProblemDetails | None:
    """How a refusal at the desk is told; None for an accident."""
    if isinstance(error, Refused):
        return error.problem
    if isinstance(error, RuleBroken) and error.problems:
        return invalid(error.problems).problem
    if isinstance(error, CredentialNotFound):
        return ProblemDetails(HTTPStatus.NOT_FOUND, Code.CREDENTIAL_NOT_FOUND, NO_SUCH_CREDENTIAL)
    if isinstance(error, TargetNotFound):
        return ProblemDetails(HTTPStatus.NOT_FOUND, Code.TARGET_NOT_FOUND, NO_SUCH_TARGET)
    if isinstance(error, KeyNotFound):
        return ProblemDetails(HTTPStatus.NOT_FOUND, Code.KEY_NOT_FOUND, NO_SUCH_KEY)
    if isinstance(error, StoreUnavailable):
        return _store_trouble(error)
    for kind, status, code in _AT_THE_DESK:
        if isinstance(error, kind):
            return ProblemDetails(status, code, _sentence(str(error)))
    return None


def _store_trouble(error: StoreUnavailable) -> ProblemDetails:
    """The message names paths, so it is for the log alone."""
    if error.is_full:
        return ProblemDetails(HTTPStatus.INSUFFICIENT_STORAGE, Code.STORE_FULL, _STORE_TROUBLE)
    headers = {"Retry-After": str(_RETRY_AFTER_S)}
    return ProblemDetails(
        HTTPStatus.SERVICE_UNAVAILABLE, Code.STORE_UNAVAILABLE, _STORE_TROUBLE, headers=headers
    )


def _sentence(message: str) -> str:
    return f"{message[:1].upper()}{message[1:]}."


_AT_THE_DESK: Final[tuple[tuple[type[Exception], HTTPStatus, Code], ...]] = (
    (Outdated, HTTPStatus.CONFLICT, Code.OUTDATED),
    (LimitReached, HTTPStatus.CONFLICT, Code.LIMIT_REACHED),
    (StateConflict, HTTPStatus.CONFLICT, Code.STATE_CONFLICT),
    (NameAmbiguous, HTTPStatus.CONFLICT, Code.STATE_CONFLICT),
    (RuleBroken, HTTPStatus.UNPROCESSABLE_ENTITY, Code.FIELD_INVALID),
    (NotAllowed, HTTPStatus.FORBIDDEN, Code.NOT_ALLOWED),
)
