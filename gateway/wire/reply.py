"""ONE table: each reason's status, public sentence and challenge; and the reply made from it.

The sentence tells a person what happened and what to do next; it is built from the refusal's facts and
never from an exception, an upstream's address or anything an attacker could not already know. The body's
form is the dialect that is spoken there (`gateway.wire.refusal_body`); the combined one serves the OpenAI,
Anthropic and ElevenLabs SDKs alike, because each reads another part of it.

SDKs send again what was answered 408, 409, 429 or 5xx. Where that may help, `Retry-After` says when; where
it would only make the server behind do its work once more, `x-should-retry: false` tells them not to.
The table is total over `Reason` (tested), and every row stands in docs/errors.md.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from gateway.core.dialect import Dialect
from gateway.core.refusal import Deny, Reason
from gateway.core.request import Headers
from gateway.wire.refusal_body import body_of, content_type

REALM: Final = "keyhatch"
RETRY_AFTER_S: Final = 1
_ID: Final = "request-id-goes-here"
_PROMPT: Final = b'Basic realm="keyhatch", charset="UTF-8"'

Facts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer of the gateway's own. `headers` holds everything but framing."""

    status: int
    headers: Headers
    body: bytes
    close: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One reason's row: HTTP status, the sentence, and what the connection and the challenge need.

    `retry`: whether it helps to send the request again; None: nobody tries.
    """

    status: int
    sentence: Callable[[Facts, str], str]
    challenge: str | None = None
    close: bool = False
    retry: bool | None = None


def refusal(deny: Deny, request_id: str, prefix: str, dialect: Dialect = Dialect.COMBINED) -> Reply:
    """The reply to a refused request: status, reason header, challenge, and the body in its dialect."""
    mould = _mould(deny.reason, tuple(deny.facts.items()), prefix, dialect)
    raw_id = request_id.encode("ascii")
    headers = (*mould.headers, (b"x-request-id", raw_id))
    return Reply(mould.status, headers, raw_id.join(mould.body), mould.close)


@dataclass(frozen=True, slots=True)
class _Mould:
    """A refusal but for the request id, which stands between the parts of the body."""

    status: int
    headers: Headers
    body: list[bytes]
    close: bool


_KINDS: Final[Mapping[str, tuple[int, Headers]]] = {
    "expectation": (417, ()),
    "websocket_version": (400, ((b"sec-websocket-version", b"13"),)),
}
"""Rules of HTTP whose breaking has an answer of its own: RFC 9110 §10.1.1, RFC 6455 §4.4."""


@lru_cache(512)  # the same few refusals come again and again: 2 µs, not 14. Facts hold no secret.
def _mould(reason: Reason, items: tuple[tuple[str, str], ...], prefix: str, dialect: Dialect) -> _Mould:
    row, facts = TABLE[reason], dict(items)
    status, more = _KINDS.get(facts.get("kind", ""), (row.status, ()))
    headers: list[tuple[bytes, bytes]] = [
        (b"content-type", content_type(dialect)),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"x-keyhatch-reason", reason.value.encode("ascii")),
    ]
    if row.challenge is not None:
        headers.append((b"www-authenticate", _challenge(row.challenge, facts).encode("ascii")))
    if "prompt" in facts and status == 401:
        headers.append((b"www-authenticate", _PROMPT))
    if reason is Reason.METHOD_NOT_ALLOWED:
        headers.append((b"allow", facts.get("allow", "").encode("ascii")))
    if row.retry is False or facts.get("phase") == "first_byte":
        headers.append((b"x-should-retry", b"false"))
    if row.retry:
        headers.append((b"retry-after", str(RETRY_AFTER_S).encode("ascii")))
    headers += more
    body = body_of(dialect, status, reason.value, row.sentence(facts, prefix), _ID)
    return _Mould(status, tuple(headers), body.rsplit(_ID.encode(), 1), row.close)


@dataclass(frozen=True, slots=True)
class Said:
    """A refusal's status, sentence and challenge, for whoever tells it in another form."""

    status: int
    message: str
    challenge: str | None


def say_why(deny: Deny, prefix: str) -> Said:
    """What a refusal says."""
    row = TABLE[deny.reason]
    challenge = None if row.challenge is None else _challenge(row.challenge, deny.facts)
    return Said(row.status, row.sentence(deny.facts, prefix), challenge)


def answer(status: int, data: object, request_id: str) -> Reply:
    """An answer of the gateway's own paths, as JSON that nobody keeps."""
    return answer_with(status, json_body(data), request_id)


def answer_with(status: int, body: bytes, request_id: str) -> Reply:
    """The same with a body that is JSON already (`json_body`)."""
    headers = (
        (b"content-type", b"application/json"),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"x-request-id", request_id.encode("ascii")),
    )
    return Reply(status, headers, body)


def json_body(data: object) -> bytes:
    """JSON with a line's end: most people read it in a terminal, where the prompt comes next."""
    return json.dumps(data, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def _challenge(error: str, facts: Facts) -> str:
    """RFC 6750 §3: no error code where no credential was shown, the scopes where they were lacking."""
    if not error:
        return f'Bearer realm="{REALM}"'
    scopes = " ".join(filter(None, (facts.get("needed"), facts.get("any_of"))))
    named = f', scope="{scopes}"' if error == "insufficient_scope" and scopes else ""
    return f'Bearer realm="{REALM}", error="{error}"{named}'


def _how(prefix: str) -> str:
    return f"Please send a {prefix}_ key as 'Authorization: Bearer {prefix}_…' or 'X-API-Key: {prefix}_…'"


_BY_NAME: Final = "Without a key, call this server by its IP address or by a name that it knows as its own."


def _missing(facts: Facts, prefix: str) -> str:
    how = _how(prefix)
    if "what" in facts:
        return (
            "A browser sent its key by itself, because a page of another site made it ask. That does not "
            f"count for what may change something. {how}."
        )
    if stray := facts.get("stray"):
        return (
            f"A key was found in {stray}, where it does not count. {how}. Only WebSocket and "
            f"event-stream requests may carry it in their address, as '?access_token={prefix}_…'."
        )
    also = f", or in the address as '{facts['also']}{prefix}_…'" if "also" in facts else ""
    other = f" {_BY_NAME}" if facts.get("problem") == "host" else ""
    return f"No API key was sent. {how}{also}.{other}"


def _foreign(facts: Facts, prefix: str) -> str:
    return (
        f"The credential in {facts['place']} looks like {facts['looks_like']}. This server needs a key of "
        f"its own, which begins with '{prefix}_'. Ask whoever runs it for one."
    )


def _malformed(facts: Facts, prefix: str) -> str:
    if facts["problem"] == "in_path":
        where = "in the path, where it does not belong: paths are written to logs"
        return f"A key was found {where}. {_how(prefix)}."
    if facts["problem"] == "not_in_path":
        return (
            f"This key may not be used in an address. {_how(prefix)}, or ask whoever runs this server to "
            "allow it: keyhatch keys edit … --in-path."
        )
    problem = {
        "wrong_length": f"it has {facts['length']} characters",
        "wrong_characters": "it holds characters that no key has",
        "wrong_checksum": "its checksum does not match",
    }[facts["problem"]]
    return (
        f"The key is mistyped or truncated: {problem}. A key is '{prefix}_' and then letters and digits, "
        f"{facts['expected']} characters in all. Copy it again, whole."
    )


def _signature(facts: Facts, prefix: str) -> str:
    if facts["problem"] == "method":
        return f"A signed address opens with GET and HEAD alone. {_how(prefix)}."
    if facts["problem"] == "off":
        return f"Signed addresses are not in use on this server. {_how(prefix)}."
    return (
        "This signed address does not hold: it was changed on its way, or the key behind it has another "
        "secret by now. Ask for a new one where you got it."
    )


def _scope(facts: Facts, _prefix: str) -> str:
    needs = []
    if needed := facts.get("needed"):
        needs.append(needed)
    if any_of := facts.get("any_of"):
        needs.append(f"one of: {any_of}")
    held = facts.get("held") or "none"
    return (
        f"This key lacks a scope. Needed here: {'; '.join(needs)}. The key has: {held}. "
        "Use a key with the scope, or ask for it to be added."
    )


def _allow(facts: Facts, _prefix: str) -> str:
    return f"{facts['method']} is not allowed here. Allowed: {facts['allow']}."


def _timeout(facts: Facts, _prefix: str) -> str:
    phase = {
        "connect": "did not accept the connection in time",
        "first_byte": "did not begin to answer in time",
    }[facts["phase"]]
    return f"The server behind this gateway {phase}. Try again later."


def _protocol(facts: Facts, _prefix: str) -> str:
    return (
        f"The server behind this gateway {facts.get('what', 'sent an answer that is not valid HTTP')}. "
        "The gateway's operator finds the details in its log under this request id."
    )


def _says(sentence: str) -> Callable[[Facts, str], str]:
    """A sentence whose `{names}` are facts; `{prefix}` is the key prefix."""
    return lambda facts, prefix: sentence.format(prefix=prefix, **facts)


_INVALID = "invalid_token"
TABLE: Final[Mapping[Reason, Row]] = {
    Reason.CREDENTIAL_MISSING: Row(401, _missing, ""),
    Reason.CREDENTIAL_FOREIGN: Row(401, _foreign, _INVALID),
    Reason.CREDENTIAL_MALFORMED: Row(401, _malformed, _INVALID),
    Reason.CREDENTIAL_AMBIGUOUS: Row(
        400, _says("Two different keys of this gateway were sent, in {places}. Send exactly one.")
    ),
    Reason.KEY_UNKNOWN: Row(
        401,
        _says(
            "This key was not issued by this gateway, or it was deleted. "
            "Check that it belongs to this server, or ask for a new one."
        ),
        _INVALID,
    ),
    Reason.KEY_REVOKED: Row(
        401, _says("This key was revoked at {since} and will not work again. Ask for a new one."), _INVALID
    ),
    Reason.KEY_EXPIRED: Row(401, _says("This key expired at {since}. Ask for a new one."), _INVALID),
    Reason.KEY_DISABLED: Row(
        401, _says("This key was disabled at {since}. Ask whoever runs this server to enable it."), _INVALID
    ),
    Reason.KEY_ROTATED: Row(
        401,
        _says("This secret was replaced and stopped working at {since}. Use the key's present secret."),
        _INVALID,
    ),
    Reason.SIGNATURE_INVALID: Row(401, _signature, _INVALID),
    Reason.SIGNATURE_EXPIRED: Row(
        401, _says("This signed address ended at {since}. Ask for a new one where you got it."), _INVALID
    ),
    Reason.SCOPE_MISSING: Row(403, _scope, "insufficient_scope"),
    Reason.ADDRESS_NOT_ALLOWED: Row(
        403, _says("This key may not be used from your address, {address}. Ask for it to be allowed.")
    ),
    Reason.NO_ROUTE: Row(404, _says("There is nothing at this path. Check the address and its spelling.")),
    Reason.METHOD_NOT_ALLOWED: Row(405, _allow),
    Reason.TARGET_AMBIGUOUS: Row(
        400,
        _says("The address could be read in more than one way: {rule}. Send it in its plain form."),
        close=True,
    ),
    Reason.REQUEST_MALFORMED: Row(400, _says("The request breaks a rule of HTTP: {rule}."), close=True),
    Reason.HEADER_TOO_LARGE: Row(
        431, _says("The request's head is too large: at most {limit} {what} are accepted."), close=True
    ),
    Reason.BODY_TOO_LARGE: Row(
        413, _says("The request's body is too large: at most {limit} bytes are accepted."), close=True
    ),
    Reason.REQUEST_TIMEOUT: Row(
        408, _says("The request did not arrive within {limit} seconds. Send it again."), close=True
    ),
    Reason.STORE_UNAVAILABLE: Row(
        503,
        _says("The key could not be checked just now; it may well be right. Try again in a moment."),
        retry=True,
    ),
    Reason.UPSTREAM_UNREACHABLE: Row(
        502, _says("The server behind this gateway cannot be reached. Your key is fine; try again later.")
    ),
    Reason.UPSTREAM_PROTOCOL: Row(502, _protocol, retry=False),
    Reason.UPSTREAM_TIMEOUT: Row(504, _timeout),
    Reason.UPSTREAM_CREDENTIAL_INVALID: Row(
        502,
        _says(
            "The server behind this gateway asks for a credential of its own, and the one that the gateway "
            "holds for it cannot be used. Your key is fine; tell whoever runs this gateway."
        ),
        retry=False,
    ),
}
