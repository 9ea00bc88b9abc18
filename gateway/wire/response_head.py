"""What the caller is sent of the upstream's head: hop-by-hop fields dropped, our request id added.

The upstream cannot speak in the gateway's name: `X-Keyhatch-*` in its answer is dropped, so a caller can
tell our refusals from its own. An answer to an identified caller that says nothing about caching is marked
`private`, since shared caches only hold back answers to `Authorization`, not to `X-API-Key` (RFC 9111 §3.5).
What holds where the credential stood in the address is in `wire.by_address`.

What the upstream says of locations of its own is mapped back (`wire.way_back`).

A caller whose key ends soon is told when, in `X-Keyhatch-Key-Expires`. Which fields scripts in a browser may
read (`Access-Control-Expose-Headers`) is the upstream's word, unless the route answers CORS (`wire.cors`).
"""

import re
from functools import lru_cache
from typing import Final

from gateway.core.policy import moment
from gateway.core.request import Headers
from gateway.wire.by_address import ByAddress
from gateway.wire.headers import dropped_names, values, without
from gateway.wire.way_back import WayBack

KEY_EXPIRES: Final = b"x-keyhatch-key-expires"
_REASON_BAD: Final = re.compile(r"[^\t -~]")
_BODYLESS: Final = frozenset({204, 304})
_NAME: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE_BAD: Final = re.compile(rb"[\x00\r\n]")
_LENGTH: Final = re.compile(rb"[0-9]{1,18}")


class ResponseFault(ValueError):
    """The upstream's head breaks a rule of HTTP in a way that must not reach the caller."""


def has_body(method: str, status: int) -> bool:
    """Whether body bytes follow this response head (RFC 9112 §6.3)."""
    return method != "HEAD" and status not in _BODYLESS and status >= 200


def check_status(status: int, version: tuple[int, int]) -> None:
    """Raise `ResponseFault` for a status line that is no final answer in HTTP/1.x."""
    if version not in ((1, 0), (1, 1)):
        raise ResponseFault("another version of HTTP")
    if status != 101 and not 200 <= status <= 999:
        raise ResponseFault("a status that does not exist")


def response_length(headers: Headers, status: int = 200) -> int | None:
    """The length the upstream declares, None if it declares none; raises `ResponseFault` if it is odd.

    What a 204 declares does not count: it must not (RFC 9110 §8.6), and whoever believed it would
    take the next answer for its body.
    A coding other than `chunked` is a fault too: the caller would not learn of it (rule 1 of `wire.headers`).
    """
    lengths, codings = values(headers, b"content-length"), values(headers, b"transfer-encoding")
    if codings and (len(codings) > 1 or codings[0].lower() != b"chunked"):
        raise ResponseFault("framing by another transfer coding than chunked")
    if not lengths:
        return None
    if codings or len(set(lengths)) > 1 or _LENGTH.fullmatch(lengths[0]) is None:
        raise ResponseFault("contradictory framing")
    return None if status == 204 else int(lengths[0])


def contradicts_itself(status: int, headers: Headers) -> bool:
    """Whether a 204 announces a body: there is none, but one may yet come, and not for who asks next."""
    if status != 204:
        return False
    lengths = values(headers, b"content-length")
    return bool(values(headers, b"transfer-encoding")) or any(length != b"0" for length in lengths)


def response_headers(
    raw: Headers,
    request_id: str,
    date: bytes,
    back: WayBack | None = None,
    *,
    identified: bool,
    expires_at: float | None = None,
    address: ByAddress | None = None,
) -> Headers:
    """The upstream's headers as the caller may see them, framing (`Content-Length`) left to the plane.

    `expires_at`: when the caller's key ends, if it is to be told. `address`: where that showed a credential.
    """
    relayed = relayed_headers(raw, date, back, identified=identified, address=address)
    kept = (*relayed, (b"x-request-id", request_id.encode("ascii")))
    return kept if expires_at is None else (*kept, (KEY_EXPIRES, expiry(expires_at)))


@lru_cache(512)
def expiry(at: float) -> bytes:
    """The value of `KEY_EXPIRES`."""
    return moment(at).encode("ascii")


def relayed_headers(
    raw: Headers,
    date: bytes,
    back: WayBack | None = None,
    *,
    identified: bool,
    address: ByAddress | None = None,
) -> Headers:
    """The same without our own fields. `date` is said where the upstream says none (RFC 9110 §6.6.1)."""
    headers = tuple((name.lower(), value) for name, value in raw)
    if any(_VALUE_BAD.search(value) for _, value in headers):
        raise ResponseFault("control character in a header")
    if not all(_NAME.fullmatch(name) for name, _ in headers):
        raise ResponseFault("a header name that is no token")
    gone = dropped_names(headers) | {b"content-length", b"x-request-id"}
    kept = without(headers, gone)
    if back is not None:
        kept = back.headers(kept)
    if not any(name == b"date" for name, _ in kept):
        kept = (*kept, (b"date", date))
    if address is not None:
        return address.told(kept)
    if identified and not any(values(kept, b"cache-control")):
        return (*kept, (b"cache-control", b"private"))
    return kept


def status_line(status: int, reason: str, version: str = "1.1") -> bytes:
    """`HTTP/1.1 200 OK`, the reason phrase cleared of anything that could end the line."""
    return f"HTTP/{version} {status} {_REASON_BAD.sub('', reason)}\r\n".encode("ascii")


def head_bytes(line: bytes, headers: Headers) -> bytes:
    """A whole response head, ready to be written."""
    parts = [line]
    for name, value in headers:
        parts += (name, b": ", value, b"\r\n")
    parts.append(b"\r\n")
    return b"".join(parts)
