"""Requests that are valid, and that a gateway which is strict for strictness' sake refuses."""

from collections.abc import Mapping
from typing import Final

from tests.gauntlet.payloads.parts import CHUNKED_HELLO, HELLO, KEYED, TE, Valid, get, line, post
from tests.support.http_samples import WEBSOCKET_KEY, websocket
from tests.support.plane_stand import KEY, request

OPEN: Final = b"/open/x"
END: Final = b"0\r\n\r\n"
INNER: Final = b"GET /admin/x HTTP/1.1\r\nHost: gate.example\r\n\r\n"


def _heads(prefix: str, sent: Mapping[str, bytes], status: int = 200) -> dict[str, Valid]:
    return {f"{prefix}-{name}": Valid(each, status=status) for name, each in sent.items()}


def _uploads(prefix: str, sent: Mapping[str, bytes], body: bytes = HELLO) -> dict[str, Valid]:
    return {f"{prefix}-{name}": Valid(each, (body,)) for name, each in sent.items()}


METHODS = {
    method.decode(): request(method + b" /any/x HTTP/1.1")
    for method in (
        *(b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"COPY", b"LOCK", b"MKCOL"),
        *(b"MOVE", b"PROPFIND", b"PROPPATCH", b"REPORT", b"SEARCH", b"UNLOCK"),
    )
} | {"named-by-the-route": request(b"PURGE /odd HTTP/1.1")}
FIELDS = {
    "every-sign-in-name": b"X-!#$%&'*+.^`|~9z: a",
    "digit-name": b"1: a",
    "one-letter-name": b"a: b",
    "long-name": b"X-" + b"a" * 1_000 + b": b",
    "upper-name": b"X-UPPER: b",
    "empty-value": b"X-A:",
    "blank-value": b"X-A: \t ",
    "no-blank": b"X-A:b",
    "tab-for-blank": b"X-A:\tb",
    "many-blanks": b"X-A:      b      ",
    "tab-in-value": b"X-A: a\tb",
    "every-visible": b"X-A: " + bytes(range(0x21, 0x7F)),
    "colons": b"X-A: a:b: c::",
    "quotes": b'X-A: "a\\"b" \'c',
    "unbalanced-quote": b'X-A: "a',
    "utf-8": "X-A: grüß 日本 🔑".encode(),
    "utf-8-no-break-space": "X-A: a\u00a0b".encode(),
    "percent": b"X-A: %00%0d%0a",
    "looks-like-a-field": b"X-A: Content-Length: 9",
    "looks-like-a-coding": b"X-A: Transfer-Encoding: chunked",
    "long-value": b"X-A: " + b"a" * 30_000,
    "twice": b"X-A: a\r\nX-A: b",
    "cookie": b'Cookie: a=b; c="d"; e',
    "two-cookies": b"Cookie: a=b\r\nCookie: c=d",
    "accept-list": b"Accept: text/html;q=0.9, */*;q=0.1,,",
    "date": b"If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT",
    "old-date": b"If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT",
    "etag": b'If-None-Match: W/"a,b", "c"',
    "range": b"Range: bytes=0-0,-1",
    "via": b"Via: 1.0 fred, 1.1 p.example",
    "te-trailers": b"TE: trailers\r\nConnection: TE",
    "te-list": b"TE: trailers, deflate;q=0.5",
    "content-encoding": b"Content-Encoding: chunked",
    "connection-close": b"Connection: close",
    "connection-keep-alive": b"Connection: keep-alive\r\nKeep-Alive: timeout=5, max=100",
    "connection-empty": b"Connection:",
    "connection-commas": b"Connection: ,,keep-alive,,",
    "connection-names": b"Connection: X-A\r\nX-A: b",
    "connection-names-host": b"Connection: Host, Content-Length, close",
    "upgrade-alone": b"Upgrade: h2c",
    "upgrade-alone-websocket": b"Upgrade: websocket",
    "connection-upgrade-alone": b"Connection: Upgrade",
    "upgrade-insecure-requests": b"Upgrade-Insecure-Requests: 1",
    "user-agent": b'User-Agent: Mozilla/5.0 (X11; Linux x86_64) "x" <y>',
    "expect-empty": b"Expect:",
    "length-zero": b"Content-Length: 0",
    "length-zeros": b"Content-Length: 000",
    "max-forwards": b"Max-Forwards: 0",
    "proxy-connection": b"Proxy-Connection: keep-alive",
    "priority": b"Priority: u=1, i",
    "sec-fetch": b'Sec-Fetch-Mode: navigate\r\nSec-CH-UA: " Not;A Brand";v="99"',
    "referer": b"Referer: https://a.example/x?y=z#w",
    "host-in-another-name": b"X-Host: evil.example",
    "latin-1": b"X-A: gr\xfc\xdfe",
    "bytes-beyond-ascii": b"X-A: " + bytes(range(0x80, 0x100)),
}
HOSTS = {
    "name": b"gate.example",
    "upper": b"GATE.EXAMPLE",
    "port": b"gate.example:8080",
    "port-65535": b"gate.example:65535",
    "port-zeros": b"gate.example:00080",
    "one-letter": b"a",
    "digits": b"1",
    "root-dot": b"gate.example.",
    "empty-port": b"gate.example:",
    "hyphens": b"a-b--c.xn--bcher-kva.example",
    "underscore": b"a_b.example",
    "ipv4": b"127.0.0.1",
    "ipv4-port": b"127.0.0.1:80",
    "ipv6": b"[::1]",
    "ipv6-port": b"[2001:db8::1]:8080",
    "ipv6-upper": b"[2001:DB8:0:0:8:800:200C:417A]",
    "ipv6-mapped": b"[::ffff:192.0.2.1]",
    "long": b"a" * 63 + b"." + b"b" * 63 + b"." + b"c" * 63,
}
TARGETS = {
    "triplets": b"/any/%7Ea%20b%C3%A9%E6%97%A5",
    "lower-triplets": b"/any/%7ea%c3%a9",
    "signs": b"/any/~a!$&'()*+,=._-:@",
    "brackets": b"/any/a[b]c|d^e",
    "parameters": b"/any/a;b=c/d;e",
    "dots": b"/any/...x/.well-known/x..y/x...",
    "encoded-percent": b"/any/a%25b",
    "trailing-slash": b"/any/x/",
    "the-folder": b"/any",
    "deep": b"/any" + b"/s" * 200,
    "long": b"/any/" + b"a" * 8_000,
    "at-the-limit": b"/any/" + b"a" * 8_187,
    "url-in-path": b"/any/http:x",
    "encoded-question": b"/any/what%3f",
    "encoded-hash": b"/any/a%23b",
    "query": b"/any/x?a=1&b=2&a=3",
    "query-slashes": b"/any/x?a=/../..//./%2e%2e",
    "query-url": b"/any/x?url=http://h:80/p?q=1",
    "query-bad-triplets": b"/any/x?%zz%&%",
    "query-raw-bytes": b"/any/x?a=%ff%00%0d%0a",
    "query-signs": b"/any/x?a[]=1&b{}|^`\\\"<>'",
    "query-empties": b"/any/x?a&&=&=b&",
    "query-questions": b"/any/x???",
    "query-plus": b"/any/x?a+b%2Bc",
    "query-long": b"/any/x?" + b"a" * 8_000,
}
LENGTHS = {
    "plain": b"Content-Length: 5",
    "zeros": b"Content-Length: 0005",
    "many-zeros": b"Content-Length: 000000000000005",
    "upper": b"CONTENT-LENGTH: 5",
    "lower": b"content-length:5",
    "blanks": b"Content-Length: \t 5 \t",
    "listed-in-connection": b"Connection: Content-Length\r\nContent-Length: 5",
    "beside-look-alikes": b"Content-Length: 5\r\nX-Content-Length: 9\r\nContent-Lengthy: 9",
    "beside-other-codings": b"Content-Length: 5\r\nTransfer-Encodin: chunked\r\nX-Transfer-Encoding: chunked",
    "beside-content-encoding": b"Content-Length: 5\r\nContent-Encoding: chunked",
    "expect": b"Expect: 100-continue\r\nContent-Length: 5",
    "expect-capitals": b"Expect: 100-Continue\r\nContent-Length: 5",
    "expect-upper": b"EXPECT: 100-CONTINUE\r\nContent-Length: 5",
    "expect-commas": b"Expect: ,100-continue,\r\nContent-Length: 5",
}
CODINGS = {
    "plain": TE,
    "capital": b"Transfer-Encoding: Chunked",
    "upper": b"TRANSFER-ENCODING: CHUNKED",
    "no-blank": b"Transfer-Encoding:chunked",
    "tab": b"Transfer-Encoding:\tchunked",
    "blanks": b"Transfer-Encoding:   chunked  ",
    "listed-in-connection": b"Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked",
    "announced-trailer": b"Trailer: X-Sum\r\nTransfer-Encoding: chunked",
    "expect": b"Expect: 100-Continue\r\nTransfer-Encoding: chunked",
    "beside-look-alikes": b"Transfer-Encoding: chunked\r\nContent-Lengt: 9\r\nX-Content-Length: 9",
}
CHUNKS = {
    "one": b"5\r\nhello\r\n" + END,
    "many": b"".join(b"1\r\n%c\r\n" % letter for letter in HELLO) + END,
    "zeros": b"00000005\r\nhello\r\n" + END,
    "sixteen-digits": b"0000000000000005\r\nhello\r\n" + END,
    "end-of-zeros": b"5\r\nhello\r\n0000\r\n\r\n",
    "extension": b"5;a=b\r\nhello\r\n0\r\n\r\n",
    "extension-without-value": b"5;a\r\nhello\r\n0\r\n\r\n",
    "extension-quoted": b'5;a="b c;d\\"e"\r\nhello\r\n0\r\n\r\n',
    "extensions": b"5;a=b;c;d=e\r\nhello\r\n0\r\n\r\n",
    "extension-blanks": b"5 ; a = b\r\nhello\r\n0\r\n\r\n",
    "extension-tab": b'5;a="b\tc"\r\nhello\r\n0\r\n\r\n',
    "extension-at-the-end": b"5\r\nhello\r\n0;a=b\r\n\r\n",
    "extension-long": b"5;a=" + b"b" * 200 + b"\r\nhello\r\n0\r\n\r\n",
    "trailer": b"5\r\nhello\r\n0\r\nX-Sum: abc\r\n\r\n",
    "trailers": b"5\r\nhello\r\n0\r\nX-Sum: abc\r\nX-B:\r\nX-C:\td \r\n\r\n",
    "trailer-utf-8": "5\r\nhello\r\n0\r\nX-Sum: grüß\r\n\r\n".encode(),
    "trailer-that-decides": b"5\r\nhello\r\n0\r\nAuthorization: x\r\nX-Keyhatch-Owner: root\r\n\r\n",
}
BODIES = {
    "upper-hex": (b"A\r\n0123456789\r\n" + END, b"0123456789"),
    "lower-hex": (b"a\r\n0123456789\r\n" + END, b"0123456789"),
    "empty": (END, b""),
    "crlf": (b"4\r\n\r\n\r\n\r\n" + END, b"\r\n\r\n"),
    "looks-like-the-end": (b"5\r\n" + END + b"\r\n" + END, END),
    "looks-like-a-request": (b"%x\r\n%b\r\n" % (len(INNER), INNER) + END, INNER),
}
VERSIONS = {
    "1.0-with-host": get(version=b"1.0"),
    "1.0-without-host": b"GET /any/x HTTP/1.0\r\nX-API-Key: " + KEY + b"\r\n\r\n",
    "1.0-public-and-bare": b"GET /open/x HTTP/1.0\r\n\r\n",
    "1.0-kept-alive": get(b"Connection: keep-alive", version=b"1.0"),
    "1.0-head": request(b"HEAD /any/x HTTP/1.0"),
    "1.1-public-host-only": b"GET /open/x HTTP/1.1\r\nHost: a\r\n\r\n",
    "crlf-before": b"\r\n" + line(b"GET /any/x HTTP/1.1"),
    "two-crlfs-before": b"\r\n\r\n" + line(b"GET /any/x HTTP/1.1"),
    "host-last": b"GET /any/x HTTP/1.1\r\nX-API-Key: " + KEY + b"\r\nHost: a\r\n\r\n",
    "host-in-lower-case": b"GET /any/x HTTP/1.1\r\nhost:a\r\nx-api-key:" + KEY + b"\r\n\r\n",
    "hundred-fields": line(b"GET /any/x HTTP/1.1", KEYED + b"".join(b"X-%d: a\r\n" % n for n in range(98))),
    "head-at-the-limit": get(b"X-A: " + b"a" * (32_768 - len(get(b"X-A: ")))),
}
BEARERS = {
    "bearer": b"Authorization: Bearer " + KEY,
    "bearer-lower": b"authorization: bearer " + KEY,
    "bearer-blanks": b"Authorization:  Bearer   " + KEY + b"  ",
    "query-on-event-stream": b"Accept: text/event-stream\r\nX-API-Key: " + KEY,
    "twice-the-same": b"X-API-Key: " + KEY + b"\r\nAuthorization: Bearer " + KEY,
}


def _shake(*changes: tuple[bytes, bytes], more: tuple[bytes, ...] = ()) -> bytes:
    sent = websocket(b"/any/ws", *more)
    for old, new in changes:
        assert old in sent
        sent = sent.replace(old, new)
    return sent


CONNECTION, UPGRADE = b"Connection: Upgrade", b"Upgrade: websocket"
HANDSHAKES = {
    "plain": _shake(),
    "lower": _shake((CONNECTION, b"connection: upgrade"), (UPGRADE, b"upgrade: websocket")),
    "upper": _shake((CONNECTION, b"CONNECTION: UPGRADE"), (UPGRADE, b"UPGRADE: WEBSOCKET")),
    "capital": _shake((UPGRADE, b"Upgrade: WebSocket")),
    "keep-alive-first": _shake((CONNECTION, b"Connection: keep-alive, Upgrade")),
    "keep-alive-last": _shake((CONNECTION, b"Connection: Upgrade,keep-alive")),
    "two-connections": _shake((CONNECTION, b"Connection: keep-alive\r\nConnection: Upgrade")),
    "commas": _shake((CONNECTION, b"Connection: , Upgrade ,"), (UPGRADE, b"Upgrade: ,websocket,")),
    "no-blanks": _shake((b": ", b":")),
    "names-upper": _shake((b"Sec-WebSocket-Key", b"SEC-WEBSOCKET-KEY")),
    "names-lower": _shake((b"Sec-WebSocket-Version", b"sec-websocket-version")),
    "other-key": _shake((WEBSOCKET_KEY, b"AQIDBAUGBwgJCgsMDQ4PEC==")),
    "key-of-signs": _shake((WEBSOCKET_KEY, b"//////////////////////==".replace(b"//==", b"/w=="))),
    "subprotocol": _shake(more=(b"Sec-WebSocket-Protocol: chat",)),
    "subprotocols": _shake(more=(b"Sec-WebSocket-Protocol: chat, superchat,v1.x",)),
    "subprotocols-in-two-fields": _shake(
        more=(b"Sec-WebSocket-Protocol: chat", b"Sec-WebSocket-Protocol: superchat")
    ),
    "subprotocol-of-signs": _shake(more=(b"Sec-WebSocket-Protocol: a!#$%&'*+-.^_`|~9",)),
    "deflate": _shake(more=(b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",)),
    "extensions": _shake(more=(b'Sec-WebSocket-Extensions: a; b="c", permessage-deflate, x-y',)),
    "two-extension-fields": _shake(more=(b"Sec-WebSocket-Extensions: a", b"Sec-WebSocket-Extensions: b")),
    "origin": _shake(more=(b"Origin: http://other.example",)),
    "origin-null": _shake(more=(b"Origin: null",)),
    "length-zero": _shake(more=(b"Content-Length: 0",)),
    "cookie": _shake(more=(b"Cookie: a=b",)),
    "query": _shake((b"/any/ws", b"/any/ws?room=a%20b&x=")),
    "ipv6-host": _shake((b"gate.example", b"[::1]:8080")),
    "event-stream-too": _shake(more=(b"Accept: text/event-stream",)),
    "public": websocket(b"/open/ws", shown=None),
    "key-in-query": websocket(b"/any/ws?access_token=" + KEY, shown=None),
    "key-in-subprotocol": websocket(
        b"/any/ws", b"Sec-WebSocket-Protocol: realtime, openai-insecure-api-key." + KEY, shown=None
    ),
}


def _long_chunked(size: int) -> bytes:
    return post(TE, body=b"%x\r\n%b\r\n0\r\n\r\n" % (size, b"x" * size))


PIPELINES = {
    "two": Valid(get() * 2, (b"",) * 2),
    "sixteen": Valid(get() * 16, (b"",) * 16),
    "forty": Valid(get() * 40, (b"",) * 40),
    "crlf-between": Valid(get() + b"\r\n" + get(), (b"",) * 2),
    "length-then-get": Valid(post(b"Content-Length: 5", body=HELLO) + get(), (HELLO, b"")),
    "crlf-behind-a-body": Valid(post(b"Content-Length: 5", body=HELLO) + b"\r\n" + get(), (HELLO, b"")),
    "chunks-then-get": Valid(post(TE, body=CHUNKED_HELLO) + get(), (HELLO, b"")),
    "trailer-then-get": Valid(post(TE, body=b"5\r\nhello\r\n0\r\nX-A: b\r\n\r\n") + get(), (HELLO, b"")),
    "zero-length-then-get": Valid(post(b"Content-Length: 0") + get(), (b"", b"")),
    "get-with-a-body-then-get": Valid(get(b"Content-Length: 5") + HELLO + get(), (HELLO, b"")),
    "options-in-chunks-then-get": Valid(
        request(b"OPTIONS /any/x HTTP/1.1", TE, body=CHUNKED_HELLO) + get(), (HELLO, b"")
    ),
    "empty-chunks-then-get": Valid(post(TE, body=END) + get(), (b"", b"")),
    "body-that-is-a-request": Valid(post(b"Content-Length: %d" % len(INNER), body=INNER), (INNER,)),
    "1.0-kept-alive-then-get": Valid(get(b"Connection: keep-alive", version=b"1.0") * 2, (b"", b"")),
    "uploads": Valid(post(b"Content-Length: 5", body=HELLO) * 5, (HELLO,) * 5),
}
BODY_MAX: Final = 50_000
"""The limit that the stand of the valid payloads sets."""

LIMITS = {
    "length-at-the-limit": Valid(
        post(b"Content-Length: %d" % BODY_MAX, body=b"x" * BODY_MAX), (b"x" * BODY_MAX,)
    ),
    "chunks-at-the-limit": Valid(_long_chunked(BODY_MAX), (b"x" * BODY_MAX,)),
}

PASSED: Final[Mapping[str, Valid]] = {
    **_heads("method", METHODS),
    **_heads("field", {name: get(field) for name, field in FIELDS.items()}),
    **_heads("host", {name: get().replace(b"gate.example", value) for name, value in HOSTS.items()}),
    **_heads("target", {name: get(target=target) for name, target in TARGETS.items()}),
    **_heads("head", VERSIONS),
    **_heads("key", {n: request(b"GET /any/x HTTP/1.1", field, shown=None) for n, field in BEARERS.items()}),
    **_heads("websocket", HANDSHAKES, status=101),
    **_uploads("length", {name: post(field, body=HELLO) for name, field in LENGTHS.items()}),
    **_uploads("length-1.0", {"plain": post(b"Content-Length: 5", body=HELLO, version=b"1.0")}),
    **_uploads("coding", {name: post(field, body=CHUNKED_HELLO) for name, field in CODINGS.items()}),
    **_uploads("chunks", {name: post(TE, body=body) for name, body in CHUNKS.items()}),
    **{f"body-{name}": Valid(post(TE, body=sent), (body,)) for name, (sent, body) in BODIES.items()},
    **{f"pipeline-{name}": each for name, each in PIPELINES.items()},
    **{f"limit-{name}": each for name, each in LIMITS.items()},
}
