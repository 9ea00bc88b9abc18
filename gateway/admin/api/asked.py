"""Reading what was asked: query, body and preconditions, whole or not at all.

1. A body is one JSON object, in UTF-8, of `BODY_BYTES_MAX` at most, called `application/json`, and there
   within `BODY_S`: nobody keeps a connection by sending next to nothing. A name that stands twice, NaN, half
   a surrogate and whatever else two readers could read in two ways is refused.
2. What can be read is held to its shape; all wrong fields are told at once, together with the rules of the
   desk that the right ones break. No message repeats what stood in a field.
3. A query knows its parameters, each at most once.
"""

import asyncio
import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from http import HTTPStatus
from typing import Any, Final, TypeVar

from aiohttp import web
from pydantic import ValidationError

from gateway.admin.api.problems import Code, Refused, invalid, malformed
from gateway.admin.api.words import Asked
from gateway.keeper.desk import Problem, RuleBroken

BODY_BYTES_MAX: Final = 65_536
BODY_S: Final = 60.0
_JSON: Final = re.compile(r'application/json(?:\s*;\s*charset="?utf-8"?)?', re.IGNORECASE)
_ETAG: Final = re.compile(r'(?:W/)?"[!#-~]*"|[0-9]{1,9}')  # people forget the quotes
_NUMBER: Final = re.compile(r"n(0|[1-9][0-9]{0,17})")
_DAY_AND_KEY: Final = re.compile(r"n([0-9]{4}-[0-9]{2}-[0-9]{2}) (key_[0-9A-Za-z]{16})?")
_NAME: Final = re.compile(r"[!-~]{1,255}")

A = TypeVar("A", bound=Asked)

Judge = Callable[[Mapping[str, Any]], None]
"""Raises `RuleBroken` for fields, each of the right type, that break rules of the desk."""


async def read_body(
    request: web.Request, shape: type[A], judge: Judge | None = None, bytes_max: int = BODY_BYTES_MAX
) -> A:
    """The body as its shape; raises `Refused`. Where none was sent every field is left out."""
    raw = await _raw_body(request, bytes_max)
    if not raw:
        return _shaped(shape, {}, judge)
    if _JSON.fullmatch(request.headers.get("Content-Type", "")) is None:
        raise Refused(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            Code.MEDIA_TYPE_UNSUPPORTED,
            "Bodies are JSON here: send it with Content-Type: application/json.",
            headers={"Accept": "application/json"},
        )
    return _shaped(shape, _json_object(raw), judge)


def read_query(request: web.Request, shape: type[A]) -> A:
    """The query as its shape; raises `Refused`."""
    given = request.query
    twice = [name for name in given if len(given.getall(name)) > 1]
    if twice:
        raise invalid(Problem(name, "stands here more than once") for name in dict.fromkeys(twice))
    values: dict[str, Any] = {}
    for name, text in given.items():
        is_number = shape.model_fields.get(name) is not None and shape.model_fields[name].annotation is int
        values[name] = int(text) if is_number and re.fullmatch(r"-?[0-9]{1,9}", text) else text
    return _shaped(shape, values, None)


def etags(request: web.Request) -> tuple[str, ...] | None:
    """What `If-Match` names; None where it asks for nothing. Raises `Refused`."""
    given = request.headers.getall("If-Match", [])
    if not given or [each.strip() for each in given] == ["*"]:
        return None
    tags = [tag.strip() for line in given for tag in line.split(",")]
    if not all(map(_ETAG.fullmatch, tags)):
        raise malformed(
            'If-Match holds entity tags: say the ETag of the answer before, in quotes, such as "3".'
        )
    return tuple(f'"{tag}"' if tag.isdecimal() else tag for tag in tags)


def idempotency_key(request: web.Request) -> str | None:
    """The name that makes a POST happen once; raises `Refused`."""
    given = request.headers.getall("Idempotency-Key", [])
    if not given:
        return None
    if len(given) > 1 or _NAME.fullmatch(given[0]) is None:
        raise malformed("Idempotency-Key is one name of 1 to 255 visible characters, such as a UUID.")
    return given[0]


def cursor_of(place: object) -> str:
    """A place in a list, as a caller keeps it."""
    return base64.urlsafe_b64encode(f"n{place}".encode()).decode().rstrip("=")


def number_of(cursor: str | None) -> int | None:
    """The number that a cursor tells; raises `Refused`."""
    return None if cursor is None else int(_place(cursor, _NUMBER)[0])


def day_and_key_of(cursor: str | None) -> tuple[date, str] | None:
    """The day and the key's id that a cursor tells, empty where all keys are one; raises `Refused`."""
    if cursor is None:
        return None
    day, key_id = _place(cursor, _DAY_AND_KEY)
    try:
        return date.fromisoformat(day), key_id or ""
    except ValueError:
        raise _no_cursor() from None


def _place(cursor: str, form: re.Pattern[str]) -> tuple[str, ...]:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        text = ""
    found = form.fullmatch(text)
    if found is None or cursor_of(text[1:]) != cursor:
        raise _no_cursor()
    return found.groups()


def _no_cursor() -> Refused:
    return invalid([Problem("cursor", "is no `next_cursor` of this list: leave it out to begin anew")])


async def _raw_body(request: web.Request, bytes_max: int) -> bytes:
    raw = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for piece in request.content.iter_any():
                raw += piece
                if len(raw) > bytes_max:
                    raise Refused(
                        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                        Code.BODY_TOO_LARGE,
                        f"A body may have {bytes_max} bytes here.",
                    )
    except TimeoutError:
        raise Refused(
            HTTPStatus.REQUEST_TIMEOUT,
            Code.REQUEST_TIMEOUT,
            f"The body did not arrive within {BODY_S:g} seconds.",
        ) from None
    return bytes(raw)


def _json_object(raw: bytes) -> dict[str, Any]:
    try:
        data = json.loads(raw.decode("utf-8"), object_pairs_hook=_once_each, parse_constant=_no_number)
        json.dumps(data, ensure_ascii=False).encode("utf-8")  # half a surrogate cannot be stored
    except (ValueError, RecursionError) as error:
        raise malformed(f"The body is not plain JSON{_told(error)}.") from None
    if not isinstance(data, dict):
        raise malformed("The body is one JSON object: { … }.")
    return data


class _TwiceError(ValueError):
    """A name stands twice in one object."""


def _once_each(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise _TwiceError
    return dict(pairs)


def _no_number(_name: str) -> float:
    raise ValueError("NaN and Infinity are no JSON")


def _told(error: Exception) -> str:
    if isinstance(error, _TwiceError):
        return ": a name stands twice in one object"
    if isinstance(error, json.JSONDecodeError):
        return f": see line {error.lineno}, column {error.colno}"
    return ""


def _shaped(shape: type[A], values: dict[str, Any], judge: Judge | None) -> A:
    problems: list[Problem] = []
    shaped = None
    try:
        shaped = shape.model_validate(values)
    except ValidationError as error:
        problems = [_problem(each, shape) for each in error.errors()]
    wrong = {problem.field.partition(".")[0] for problem in problems}
    if judge is not None:
        try:
            judge({name: value for name, value in values.items() if name not in wrong})
        except RuleBroken as broken:
            problems += [each for each in broken.problems if each.field not in wrong]
    if problems or shaped is None:
        raise invalid(problems)
    return shaped


def _problem(error: Mapping[str, Any], shape: type[Asked]) -> Problem:
    field = ".".join(map(str, error["loc"])) or "body"
    kind, context = error["type"], error.get("ctx", {})
    if kind == "string_pattern_mismatch" and field in _FORMS:
        return Problem(field, _FORMS[field])
    if kind == "extra_forbidden":
        return Problem(field[:60], f"is unknown here; there are {', '.join(shape.model_fields) or 'none'}")
    if kind == "value_error":  # of a shape's own making: it says the rule in our words
        return Problem(field, str(context["error"]))
    if kind in _RULES:
        return Problem(field, _RULES[kind].format(**context))
    message: str = error["msg"]
    return Problem(field, message[:1].lower() + message[1:])


_FORMS: Final = {
    "since": "is no day: write one like 2027-01-31",
    "until": "is no day: write one like 2027-01-31",
    "overlap": "is no overlap: write now, 90m, 24h or 7d",
    "expires_in": "is no duration: write one like 90s, 5m or 1h",
    "key_id": "is no id of a key: ids look like key_0123456789abcdef",
    "method": "is no method: write it in capitals, such as GET",
}
_RULES: Final = {
    "missing": "is missing, and has to be there",
    "string_type": "has to be text",
    "list_type": "has to be a list",
    "bool_type": "has to be true or false",
    "int_type": "has to be a whole number",
    "string_too_long": "may have {max_length} characters",
    "string_too_short": "may not be empty",
    "too_long": "may have {max_length} entries",
    "greater_than_equal": "has to be {ge} or more",
    "less_than_equal": "has to be {le} or less",
    "string_pattern_mismatch": "does not have the form {pattern}",
}
