"""One request head, from raw parts to a `Head`, or the reason why it is not one.

The parser below us may be more forgiving than we are, so every rule that matters is held here, for every
plane alike. A head passes only if no two servers could frame, address or read it differently:

1. Weight: the target, the number of fields and the whole head stay within the limits (431).
2. HTTP/1.1 or HTTP/1.0. The method is a token and not CONNECT; the target is in origin-form and unambiguous
   (`core.request`), or `*` for OPTIONS.
3. Field names are tokens without `_` (CGI-style upstreams read `_` as `-`); values hold no control
   character. Bytes beyond ASCII pass as they are (RFC 9110 §5.5).
4. Exactly one valid `Host` in HTTP/1.1, at most one in HTTP/1.0 (RFC 9112 §3.2).
5. `Content-Length`: at most one, digits only. `Transfer-Encoding`: only `chunked`, only in HTTP/1.1. Never
   both (RFC 9112 §6: request smuggling).
6. `Upgrade` is `websocket` on a body-less GET with a version 13 key, or it is not asked for at all: other
   protocols would let bytes pass that nobody judged (h2c smuggling).
7. `Expect` is `100-continue` or absent.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Final

from gateway.core.keys import Network
from gateway.core.policy import is_within
from gateway.core.refusal import Deny, Reason
from gateway.core.request import WHOLE_SERVER, Headers, Kind, RequestView, read_target
from gateway.wire.headers import caller_address, tokens_in
from gateway.wire.trace import PARENT, parent_in

Version = tuple[int, int]

_TOKEN: Final = re.compile(rb"[!#$%&'*+\-.^`|~0-9A-Za-z]+")
METHOD_BYTES_MAX: Final = 32
METHOD: Final = re.compile(rb"[!#$%%&'*+\-.^_`|~0-9A-Za-z]{1,%d}" % METHOD_BYTES_MAX)
_VALUE_BAD: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_DIGITS: Final = re.compile(rb"[0-9]{1,18}")
_HOST: Final = re.compile(
    rb"(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_.])?|\[([0-9A-Fa-f:.]+)\])(?::([0-9]{0,5}))?"
)
_WEBSOCKET_KEY: Final = re.compile(rb"[A-Za-z0-9+/]{22}==")
_HOST_BYTES_MAX: Final = 255
_VERSIONS: Final = ((1, 1), (1, 0))
_USUAL: Final = frozenset(
    {b"host", b"user-agent", b"accept", b"accept-encoding", b"connection", b"content-type"}
    | {b"content-length", b"authorization", b"x-api-key", b"cookie", b"origin", b"referer"}
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may weigh, how long it may dawdle, and how many connections there may be.

    Bytes and seconds; None means no limit.
    """

    head_bytes_max: int = 32_768
    fields_max: int = 100
    target_bytes_max: int = 8_192
    body_bytes_max: int | None = None
    head_timeout_s: float = 10.0
    idle_timeout_s: float = 75.0
    connections_max: int = 16_384
    connections_per_peer_max: int = 256


class _Fields(dict[bytes, list[bytes]]):
    """All values by name, made in one pass: sixteen passes for as many questions cost 8 µs."""

    @classmethod
    def of(cls, headers: Headers) -> "_Fields":
        fields = cls()
        for name, value in headers:
            if name in fields:
                fields[name].append(value)
            else:
                fields[name] = [value]
        return fields

    def __missing__(self, name: bytes) -> list[bytes]:
        return []


@dataclass(frozen=True, slots=True)
class Head:
    """A head that may be judged. `content_length` None and not `chunked`: there is no body.

    `parent`: the `traceparent`, if it counts (`wire.trace`).
    """

    view: RequestView
    version: Version
    host: bytes
    content_length: int | None
    chunked: bool
    expects_continue: bool
    parent: bytes | None = None

    @property
    def has_body(self) -> bool:
        """Whether body bytes follow."""
        return self.chunked or bool(self.content_length)


def read_head(
    method: bytes,
    raw_target: bytes,
    version: Version,
    raw_headers: Iterable[tuple[bytes, bytes]],
    peer: str,
    limits: Limits,
    trusted: tuple[Network, ...] = (),
    *,
    slashes: bool = False,
) -> Head | Deny:
    """Read the raw parts of a head. `peer` is the socket's address; `trusted` are proxies to believe.

    `slashes`: whether a route may allow encoded slashes.
    """
    headers = tuple((name.lower(), value.strip(b" \t")) for name, value in raw_headers)
    fields = _Fields.of(headers)
    fault = _weight_fault(method, raw_target, headers, limits) or _field_fault(method, headers)
    if fault is None and version not in _VERSIONS:
        fault = malformed("the only versions spoken here are HTTP/1.1 and HTTP/1.0")
    if fault is None:
        fault = _host_fault(fields, version) or _framing_fault(fields, version)
    if fault is None and limits.body_bytes_max is not None:
        fault = _body_fault(fields, limits.body_bytes_max)
    if fault is not None:
        return fault
    kind = _kind(method, fields, version)
    if isinstance(kind, Deny):
        return kind
    expect = tokens_in(fields[b"expect"])
    if expect not in ([], [b"100-continue"]):
        return malformed("the only expectation met here is 100-continue", kind="expectation")
    is_whole = method == b"OPTIONS" and raw_target == WHOLE_SERVER.raw
    target = WHOLE_SERVER if is_whole else read_target(raw_target, slashes=slashes)
    if isinstance(target, Deny):
        return target
    caller, called = caller_address(peer, headers, trusted), tuple(fields[b"host"])
    if (told := fields[b"x-forwarded-host"]) and is_within(peer, trusted):
        called = (*called, *told)  # both, as there are proxies that pass on what a page says
    view = RequestView(method.decode("ascii"), target, headers, caller, kind, called)
    length = fields[b"content-length"]
    return Head(
        view,
        version,
        host=(fields[b"host"] or [b""])[0],
        content_length=int(length[0]) if length else None,
        chunked=bool(fields[b"transfer-encoding"]),
        expects_continue=bool(expect) and version >= (1, 1),
        parent=parent_in(fields[PARENT], fields[b"connection"]),
    )


def malformed(rule: str, *, kind: str | None = None) -> Deny:
    """The refusal of a head that breaks a rule of HTTP; `kind` where HTTP answers it in a way of its own."""
    facts = {"rule": rule} if kind is None else {"rule": rule, "kind": kind}
    return Deny(Reason.REQUEST_MALFORMED, facts)


def too_large(what: str, limit: int) -> Deny:
    """The refusal of a head that weighs too much; `limit` in bytes or fields, as `what` says."""
    return Deny(Reason.HEADER_TOO_LARGE, {"what": what, "limit": str(limit)})


def body_too_large(limit_bytes: int) -> Deny:
    """The refusal of a body beyond `limits.body`."""
    return Deny(Reason.BODY_TOO_LARGE, {"limit": str(limit_bytes)})


def _weight_fault(method: bytes, raw_target: bytes, headers: Headers, limits: Limits) -> Deny | None:
    if len(raw_target) > limits.target_bytes_max:
        return too_large("bytes in the target", limits.target_bytes_max)
    if len(headers) > limits.fields_max:
        return too_large("header fields", limits.fields_max)
    line = len(method) + len(raw_target) + len("  HTTP/1.1\r\n")
    weight = line + sum(len(name) + len(value) + len(": \r\n") for name, value in headers)
    if weight > limits.head_bytes_max:
        return too_large("bytes in the head", limits.head_bytes_max)
    return None


def _field_fault(method: bytes, headers: Headers) -> Deny | None:
    if METHOD.fullmatch(method) is None:
        return malformed("the method is not a token")
    if (
        method == b"CONNECT"
    ):  # whoever refuses it must close: what follows may be meant for another (RFC 9931)
        return malformed("CONNECT asks for a tunnel, and none is offered here")
    for name, _ in headers:
        if not _is_name(name):
            rule = "has an underscore, which some servers read as '-'" if b"_" in name else "is not a token"
            return malformed(f"a header name {rule}")
    together = b"".join([value for _, value in headers])  # one search for all is half the cost
    if _VALUE_BAD.search(together):
        return malformed("a header value holds a control character")
    return None


def _is_name(name: bytes) -> bool:
    return name in _USUAL or _TOKEN.fullmatch(name) is not None


def _host_fault(fields: _Fields, version: Version) -> Deny | None:
    hosts = fields[b"host"]
    if len(hosts) > 1 or (not hosts and version >= (1, 1)):
        return malformed("there must be exactly one Host header")
    if hosts and not is_host(hosts[0]):
        return malformed("the Host header is not host[:port]")
    return None


def is_host(text: bytes) -> bool:
    """Whether a value is `host[:port]` (RFC 3986 §3.2 without userinfo), its port a real one."""
    match = _HOST.fullmatch(text)
    if match is None or len(text) > _HOST_BYTES_MAX:
        return False
    literal, port = match.groups()
    return (literal is None or _is_ipv6(literal)) and int(port or 0) <= 65_535


def _is_ipv6(literal: bytes) -> bool:
    try:
        IPv6Address(literal.decode("ascii"))
    except ValueError:
        return False
    return True


def _framing_fault(fields: _Fields, version: Version) -> Deny | None:
    lengths = fields[b"content-length"]
    codings = fields[b"transfer-encoding"]
    if lengths and codings:
        return malformed("Content-Length and Transfer-Encoding exclude each other")
    if len(lengths) > 1 or (lengths and _DIGITS.fullmatch(lengths[0]) is None):
        return malformed("Content-Length must be one plain number")
    if codings and (len(codings) > 1 or codings[0].lower() != b"chunked" or version < (1, 1)):
        return malformed("the only Transfer-Encoding understood is 'chunked', in HTTP/1.1")
    return None


def _body_fault(fields: _Fields, limit: int) -> Deny | None:
    lengths = fields[b"content-length"]
    return body_too_large(limit) if lengths and int(lengths[0]) > limit else None


def _kind(method: bytes, fields: _Fields, version: Version) -> Kind | Deny:
    protocols = tokens_in(fields[b"upgrade"])
    if protocols and b"upgrade" in tokens_in(fields[b"connection"]):
        return _websocket_fault(method, fields, version, protocols) or Kind.WEBSOCKET
    if any(b"text/event-stream" in value.lower() for value in fields[b"accept"]):
        return Kind.EVENT_STREAM
    return Kind.PLAIN


def _websocket_fault(method: bytes, fields: _Fields, version: Version, protocols: list[bytes]) -> Deny | None:
    if protocols != [b"websocket"]:
        return malformed("the only protocol to upgrade to is 'websocket'")
    if method != b"GET" or version < (1, 1):
        return malformed("a WebSocket opens with GET in HTTP/1.1")
    if fields[b"content-length"] not in ([], [b"0"]) or fields[b"transfer-encoding"]:
        return malformed("a WebSocket request has no body")
    if fields[b"sec-websocket-version"] != [b"13"]:
        return malformed("the WebSocket version must be 13", kind="websocket_version")
    keys = fields[b"sec-websocket-key"]
    if len(keys) != 1 or _WEBSOCKET_KEY.fullmatch(keys[0]) is None:
        return malformed("Sec-WebSocket-Key must be one base64 value of 16 bytes")
    return None
