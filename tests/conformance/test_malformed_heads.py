"""A head that two servers could frame or read differently: 4xx, the connection closes, nothing is forwarded.

Behind each case follows a second request, as a smuggler would send it: it is never answered or forwarded.
"""

import pytest

from tests.support.http_samples import WEBSOCKET_KEY, chunked, websocket
from tests.support.plane_stand import KEY, Stand, request

SECOND = request(b"GET /open/smuggled HTTP/1.1", shown=None)
KEYED = b"Host: h\r\nX-API-Key: " + KEY + b"\r\n"


def post(*fields: bytes, body: bytes = b"") -> bytes:
    return request(b"POST /any/x HTTP/1.1", *fields, body=body)


def get(*fields: bytes) -> bytes:
    return request(b"GET /any/x HTTP/1.1", *fields)


CL, TE = b"Content-Length: 5", b"Transfer-Encoding: chunked"
FRAMING = {
    "cl-and-te": post(CL, TE, body=chunked(b"hello")),
    "te-and-cl": post(TE, CL, body=chunked(b"hello")),
    "cl-zero-and-te": post(b"Content-Length: 0", TE, body=chunked()),
    "te-twice": post(TE, TE, body=chunked()),
    "te-list": post(b"Transfer-Encoding: gzip, chunked", body=chunked()),
    "te-chunked-twice": post(b"Transfer-Encoding: chunked, chunked", body=chunked()),
    "te-identity": post(b"Transfer-Encoding: identity"),
    "te-gzip": post(b"Transfer-Encoding: gzip"),
    "te-unknown": post(b"Transfer-Encoding: xchunked", body=chunked()),
    "te-empty": post(b"Transfer-Encoding:", body=chunked()),
    "te-quoted": post(b'Transfer-Encoding: "chunked"', body=chunked()),
    "te-parameter": post(b"Transfer-Encoding: chunked;q=1", body=chunked()),
    "te-comma": post(b"Transfer-Encoding: chunked,", body=chunked()),
    "te-vertical-tab": post(b"Transfer-Encoding: \x0bchunked", body=chunked()),
    "te-nul": post(b"Transfer-Encoding: chunked\x00", body=chunked()),
    "te-folded": post(b"Transfer-Encoding:\r\n chunked", body=chunked()),
    "te-space-before-colon": post(b"Transfer-Encoding : chunked", body=chunked()),
    "te-underscore": post(b"Transfer_Encoding: chunked", body=chunked()),
    "te-1.0": request(b"POST /any/x HTTP/1.0", TE, body=chunked()),
    "cl-twice": post(CL, CL, body=b"hello"),
    "cl-twice-different": post(CL, b"Content-Length: 6", body=b"hello!"),
    "cl-list": post(b"Content-Length: 5, 5", body=b"hello"),
    "cl-plus": post(b"Content-Length: +5", body=b"hello"),
    "cl-minus": post(b"Content-Length: -5", body=b"hello"),
    "cl-minus-zero": post(b"Content-Length: -0"),
    "cl-hex": post(b"Content-Length: 0x5", body=b"hello"),
    "cl-underscore": post(b"Content-Length: 1_0", body=b"hellohello"),
    "cl-float": post(b"Content-Length: 5.0", body=b"hello"),
    "cl-exponent": post(b"Content-Length: 5e0", body=b"hello"),
    "cl-word": post(b"Content-Length: five"),
    "cl-empty": post(b"Content-Length:"),
    "cl-inner-space": post(b"Content-Length: 5 5", body=b"hello"),
    "cl-arabic-digit": post("Content-Length: ٥".encode(), body=b"hello"),
    "cl-too-long": post(b"Content-Length: " + b"9" * 40),
    "cl-beyond-64-bits": post(b"Content-Length: 18446744073709551621", body=b"hello"),
    "cl-folded": post(b"Content-Length:\r\n 5", body=b"hello"),
    "cl-space-before-colon": post(b"Content-Length : 5", body=b"hello"),
    "cl-underscore-name": post(b"Content_Length: 5", body=b"hello"),
    "get-cl-and-te": get(CL, TE),
}
FIELDS = {
    "space-before-colon": get(b"X-A : b"),
    "tab-before-colon": get(b"X-A\t: b"),
    "folded": get(b"X-A: b\r\n c"),
    "folded-tab": get(b"X-A: b\r\n\tc"),
    "folded-first": b"GET /any/x HTTP/1.1\r\n X-A: b\r\n" + KEYED + b"\r\n",
    "no-colon": get(b"X-A"),
    "empty-name": get(b": b"),
    "space-in-name": get(b"X A: b"),
    "underscore": get(b"X_A: b"),
    "underscore-identity": get(b"X_Keyhatch_Owner: root"),
    "underscore-forwarded": get(b"X_Forwarded_For: 10.0.0.1"),
    "parenthesis-in-name": get(b"X(A): b"),
    "slash-in-name": get(b"X/A: b"),
    "at-in-name": get(b"X@A: b"),
    "quote-in-name": get(b'X"A: b'),
    "latin-1-name": get(b"X-\xe9: b"),
    "utf-8-name": get("X-é: b".encode()),
    "nul-in-name": get(b"X\x00A: b"),
    "nul-in-value": get(b"X-A: b\x00c"),
    "bare-cr-in-value": get(b"X-A: b\rc"),
    "bare-cr-then-header": get(b"X-A: b\rX-API-Key: c"),
    "escape-in-value": get(b"X-A: \x1b[31m"),
    "bell-in-value": get(b"X-A: \x07"),
    "delete-in-value": get(b"X-A: \x7f"),
    "vertical-tab-in-value": get(b"X-A: a\x0bb"),
    "bare-lf-lines": b"GET /any/x HTTP/1.1\n" + KEYED.replace(b"\r\n", b"\n") + b"\n",
    "one-bare-lf": b"GET /any/x HTTP/1.1\r\nX-A: b\n" + KEYED + b"\r\n",
    "bare-lf-at-the-end": b"GET /any/x HTTP/1.1\r\n" + KEYED + b"\n",
    "bare-cr-lines": b"GET /any/x HTTP/1.1\r" + KEYED.replace(b"\r\n", b"\r") + b"\r",
    "cr-cr-lf": b"GET /any/x HTTP/1.1\r\r\n" + KEYED + b"\r\n",
}
HOSTS = {
    "missing": b"GET /any/x HTTP/1.1\r\nX-API-Key: " + KEY + b"\r\n\r\n",
    "twice": get(b"Host: gate.example"),
    "twice-different": get(b"Host: other.example"),
    **{
        name: get().replace(b"gate.example", value)
        for name, value in {
            "empty": b"",
            "path": b"a/b",
            "query": b"a?b",
            "fragment": b"a#b",
            "userinfo": b"a@b",
            "backslash": b"a\\b",
            "space": b"a b",
            "comma": b"a,b",
            "percent": b"a%2fb",
            "open-bracket": b"[::1",
            "bracket-rubbish": b"[::1]x",
            "port-too-large": b"a:99999",
            "port-word": b"a:http",
            "two-ports": b"a:1:2",
            "port-sign": b"a:+80",
            "port-alone": b":80",
            "scheme": b"http://a",
            "long": b"a" * 300,
            "latin-1": b"\xe9",
            "utf-8": "é".encode(),
            "star": b"*",
            "quote": b'a"b',
            "dot": b".",
            "hyphen": b"-",
        }.items()
    },
}
LINES = {
    "garbage": b"garbage\r\n\r\n",
    "empty-lines": b"\r\n\r\n\r\n\r\nx\r\n\r\n",
    "binary": bytes(range(1, 10)) + b"\r\n\r\n",
    "http-0.9": b"GET /any/x\r\n\r\n",
    "http-0.9-version": b"GET /any/x HTTP/0.9\r\n" + KEYED + b"\r\n",
    "http-1.2": b"GET /any/x HTTP/1.2\r\n" + KEYED + b"\r\n",
    "http-2.0": b"GET /any/x HTTP/2.0\r\n" + KEYED + b"\r\n",
    "http-9.9": b"GET /any/x HTTP/9.9\r\n" + KEYED + b"\r\n",
    "http-11": b"GET /any/x HTTP/11\r\n" + KEYED + b"\r\n",
    "http-1.10": b"GET /any/x HTTP/1.10\r\n" + KEYED + b"\r\n",
    "http-1.01": b"GET /any/x HTTP/1.01\r\n" + KEYED + b"\r\n",
    "lower-case-version": b"GET /any/x http/1.1\r\n" + KEYED + b"\r\n",
    "other-protocol": b"GET /any/x ICY/1.1\r\n" + KEYED + b"\r\n",
    "http-2-preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "tls-hello": bytes.fromhex("16030100f8010000f40303") + b"\x01" * 64 + b"\r\n\r\n",
    "space-at-end": b"GET /any/x HTTP/1.1 \r\n" + KEYED + b"\r\n",
    "leading-space": b" GET /any/x HTTP/1.1\r\n" + KEYED + b"\r\n",
    "tabs": b"GET\t/any/x\tHTTP/1.1\r\n" + KEYED + b"\r\n",
    "space-in-target": b"GET /any/x y HTTP/1.1\r\n" + KEYED + b"\r\n",
    "no-target": b"GET HTTP/1.1\r\n" + KEYED + b"\r\n",
    "empty-target": b"GET  HTTP/1.1\r\n" + KEYED + b"\r\n",
    "no-method": b"/any/x HTTP/1.1\r\n" + KEYED + b"\r\n",
    "bracket-in-method": b"GE[T /any/x HTTP/1.1\r\n" + KEYED + b"\r\n",
    "colon-in-method": b"GET: /any/x HTTP/1.1\r\n" + KEYED + b"\r\n",
    "latin-1-method": b"G\xc9T /any/x HTTP/1.1\r\n" + KEYED + b"\r\n",
    "long-method": b"G" * 100 + b" /any/x HTTP/1.1\r\n" + KEYED + b"\r\n",
    "nul-before": b"\x00GET /any/x HTTP/1.1\r\n" + KEYED + b"\r\n",
    "connect": b"CONNECT gate.example:80 HTTP/1.1\r\n" + KEYED + b"\r\n",
    "connect-path": b"CONNECT /any/x HTTP/1.1\r\n" + KEYED + b"\r\n",
    "response": b"HTTP/1.1 200 OK\r\n" + KEYED + b"\r\n",
}
EXPECTATIONS = {
    "unknown-expectation": post(b"Expect: 200-maybe", CL, body=b"hello"),
    "expectation-and-more": post(b"Expect: 100-continue, x", CL, body=b"hello"),
    "empty-expectation-list": post(b"Expect: 100-continue;q=1", CL, body=b"hello"),
}
UPGRADES = {
    "h2c": get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__"),
    "websocket-and-h2c": websocket().replace(b"Upgrade: websocket", b"Upgrade: websocket, h2c"),
    "h2c-and-websocket": websocket().replace(b"Upgrade: websocket", b"Upgrade: h2c, websocket"),
    "two-upgrade-headers": websocket(b"/any/ws", b"Upgrade: h2c"),
    "other": get(b"Connection: Upgrade", b"Upgrade: foo"),
    "tls": get(b"Connection: Upgrade", b"Upgrade: TLS/1.0"),
    "websocket-with-version": websocket().replace(b"Upgrade: websocket", b"Upgrade: websocket/13"),
    "post": websocket().replace(b"GET", b"POST"),
    "head": websocket().replace(b"GET", b"HEAD"),
    "http-1.0": websocket().replace(b"HTTP/1.1", b"HTTP/1.0"),
    "body-by-length": websocket(b"/any/ws", CL) + b"hello",
    "body-in-chunks": websocket(b"/any/ws", TE) + chunked(b"hello"),
    "version-missing": websocket().replace(b"Sec-WebSocket-Version: 13\r\n", b""),
    "version-8": websocket().replace(b"Version: 13", b"Version: 8"),
    "version-777": websocket().replace(b"Version: 13", b"Version: 777"),
    "version-twice": websocket(b"/any/ws", b"Sec-WebSocket-Version: 13"),
    "key-missing": websocket().replace(b"Sec-WebSocket-Key: " + WEBSOCKET_KEY + b"\r\n", b""),
    "key-empty": websocket().replace(WEBSOCKET_KEY, b""),
    "key-short": websocket().replace(WEBSOCKET_KEY, b"AAAA"),
    "key-not-base64": websocket().replace(WEBSOCKET_KEY, b"!" * 22 + b"=="),
    "key-twice": websocket(b"/any/ws", b"Sec-WebSocket-Key: " + WEBSOCKET_KEY),
}
ALL = {
    f"{group}-{name}": sent
    for group, cases in {
        "framing": FRAMING,
        "field": FIELDS,
        "host": HOSTS,
        "line": LINES,
        "expect": EXPECTATIONS,
        "upgrade": UPGRADES,
    }.items()
    for name, sent in cases.items()
}


@pytest.mark.parametrize("sent", ALL.values(), ids=ALL)
async def test_a_malformed_head_is_refused_and_nothing_behind_it_is_read(stand: Stand, sent: bytes) -> None:
    caller = await stand.call(sent + SECOND)
    response = await caller.last_response(to=sent[:4].strip())
    assert 400 <= response.status < 500
    assert response.one(b"connection") == b"close"
    assert response.one(b"x-keyhatch-reason") is not None
    stand.assert_untouched()
    told = await stand.exchange()
    assert (told.status, len(stand.notebook.ended)) == (response.status, 1)


@pytest.mark.parametrize("sent", EXPECTATIONS.values(), ids=EXPECTATIONS)
async def test_an_expectation_that_is_not_met_has_its_own_status(stand: Stand, sent: bytes) -> None:
    caller = await stand.call(sent)
    response = await caller.last_response()
    assert (response.status, response.one(b"x-keyhatch-reason")) == (417, b"request_malformed")


@pytest.mark.parametrize("name", ["version-missing", "version-8", "version-777", "version-twice"])
async def test_a_websocket_of_another_version_is_told_ours(stand: Stand, name: str) -> None:
    caller = await stand.call(UPGRADES[name])
    response = await caller.last_response()
    assert (response.status, response.one(b"sec-websocket-version")) == (400, b"13")


async def test_a_method_without_end_is_no_request_however_long_it_is(stand: Stand) -> None:
    caller = await stand.call(b"G" * 40_000)
    response = await caller.last_response()
    assert (response.status, response.one(b"x-keyhatch-reason")) == (400, b"request_malformed")


@pytest.mark.parametrize("sent", ALL.values(), ids=ALL)
async def test_it_makes_no_difference_in_how_many_pieces_it_comes(stand: Stand, sent: bytes) -> None:
    caller = await stand.call()
    await caller.send_slowly(sent + SECOND, piece_bytes=7)
    response = await caller.last_response(to=sent[:4].strip())
    assert 400 <= response.status < 500
    stand.assert_untouched()


TOLD = {
    "unparsable": (b"GET /any/x?q=1 HTTP/9.9\r\n" + KEYED + b"\r\n", "/any/x", "its head cannot be parsed"),
    "rule-of-ours": (get(b"Expect: x"), "/any/x", "the only expectation met here is 100-continue"),
    "ambiguous": (
        request(b"GET /any//x?api_key=" + KEY + b" HTTP/1.1"),
        "/any//x",
        "an empty segment ('//') has two readings",
    ),
    "too-large": (get(b"X-A: " + b"a" * 33_000), "/any/x", "more than 32768 bytes in the head"),
    "piece-by-piece": (get(b"X A: b"), "/any/x", "its head cannot be parsed"),
    "long": (
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
        "/" + "a" * 199,
        "more than 32768 bytes in the head",
    ),
    "tls": (
        bytes.fromhex("16030100f8010000f40303") + b" /x " * 16 + b"\r\n\r\n",
        "",
        "this looks like TLS, and this port speaks plain HTTP",
    ),
}


@pytest.mark.parametrize("name", TOLD)
async def test_the_operator_is_told_of_the_path_and_the_rule(stand: Stand, name: str) -> None:
    sent, path, detail = TOLD[name]
    caller = await stand.call()
    if name == "piece-by-piece":
        await caller.send_slowly(sent, piece_bytes=7)
    else:
        caller.send(sent)
    response = await caller.last_response()
    told = await stand.exchange()
    assert (told.status, told.path, told.detail) == (response.status, path, detail)
    if detail.startswith("this looks"):
        assert detail.encode() in response.body
    stand.assert_untouched()


LOOSE = {
    "two-blanks-before-the-target": b"GET  /any/x HTTP/1.1\r\n",
    "two-blanks-before-the-version": b"GET /any/x  HTTP/1.1\r\n",
    "a-bare-lf-before-it": b"\nGET /any/x HTTP/1.1\r\n",
    "a-bare-cr-before-it": b"\rGET /any/x HTTP/1.1\r\n",
}


@pytest.mark.differs("aiohttp", "a loose request line")
@pytest.mark.parametrize("line", LOOSE.values(), ids=LOOSE)
async def test_a_request_line_with_a_blank_or_a_line_end_too_many_is_refused(
    stand: Stand, line: bytes
) -> None:
    caller = await stand.call(line + KEYED + b"\r\n" + SECOND)
    assert (await caller.last_response(within_s=1)).status == 400  # a plane that differs waits in vain
    stand.assert_untouched()


@pytest.mark.parametrize("line", LOOSE.values(), ids=LOOSE)
async def test_at_most_a_line_of_our_own_making_is_sent_for_it(stand: Stand, line: bytes) -> None:
    caller = await stand.call(line + KEYED + b"\r\n")
    await caller.response()
    assert {each.start for each in stand.upstream.requests()} <= {b"GET /any/x HTTP/1.1"}


UNFORWARDED = [
    b"TRACE",
    b"TRACK",
    b"get",
    b"Get",
    b"post",
    b"PURGE",
    b"FOO",
    b"X",
    b"BREW",
    b"M-SEARCH",
    b"A!#$%&'*+-.^_`|~1",
]


@pytest.mark.parametrize("method", UNFORWARDED, ids=lambda method: method.decode())
async def test_a_method_that_no_route_names_is_never_forwarded(stand: Stand, method: bytes) -> None:
    caller = await stand.call(request(method + b" /any/x HTTP/1.1"))
    await caller.until(lambda: caller.peek() is not None, "an answer")
    response = await caller.response()
    assert response.status in (400, 405)
    if response.status == 405:
        assert b"PROPFIND" in (response.one(b"allow") or b"")
    stand.assert_untouched()
