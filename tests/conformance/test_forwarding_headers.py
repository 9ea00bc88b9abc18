"""Which headers reach the upstream: what is ours, what is hop-by-hop, what nobody may claim, and the rest."""

import re

import pytest

from tests.conformance.conftest import BuildStand
from tests.support.plane_stand import LOCAL, Stand, key, request
from tests.support.strict_http import Message

FORWARDING = [
    b"X-Forwarded-For: 10.0.0.1",
    b"X-Forwarded-For: 10.0.0.2",
    b"X-Forwarded-Proto: https",
    b"X-Forwarded-Host: bank.example",
    b"X-Forwarded-Port: 443",
    b"Forwarded: for=10.0.0.1;proto=https",
    b"X-Real-IP: 10.0.0.1",
    b"X.Real.IP: 10.0.0.1",
    b"True-Client-IP: 10.0.0.1",
    b"CF-Connecting-IP: 10.0.0.1",
]


async def seen_by_upstream(stand: Stand, *fields: bytes, line: bytes = b"GET /any/x HTTP/1.1") -> Message:
    caller = await stand.call(request(line, *fields))
    assert (await caller.response()).status == 200
    return stand.upstream.the_request()


async def test_the_upstream_is_told_who_calls(stand: Stand) -> None:
    seen = await seen_by_upstream(stand)
    assert seen.one(b"x-keyhatch-key-id") == b"key_ada"
    assert seen.one(b"x-keyhatch-key-name") == b"Ada's laptop"
    assert seen.one(b"x-keyhatch-owner") == b"ada@example.org"
    assert seen.one(b"x-keyhatch-scopes") == b"chat:write"


async def test_an_upstream_elsewhere_is_not_told_who_calls(build: BuildStand) -> None:
    stand = await build(upstream={"tells_who": False})
    caller = await stand.call()
    for _ in range(3):
        caller.send(request(b"GET /any/x HTTP/1.1", b"X-Keyhatch-Owner: root"))
        assert (await caller.response()).status == 200
    for seen in stand.upstream.requests():
        assert [name for name, _ in seen.fields if name.lower().startswith(b"x-keyhatch")] == []


async def test_a_name_beyond_ascii_is_percent_encoded(build: BuildStand) -> None:
    stand = await build(keys=[key(name="Адa\r\nX-Evil: 1", owner="日本%")])
    seen = await seen_by_upstream(stand)
    assert seen.one(b"x-keyhatch-key-name") == b"%D0%90%D0%B4a%0D%0AX-Evil: 1"
    assert seen.one(b"x-keyhatch-owner") == b"%E6%97%A5%E6%9C%AC%25"
    assert seen.all(b"x-evil") == []


async def test_an_anonymous_caller_has_no_identity(stand: Stand) -> None:
    caller = await stand.call(request(b"GET /home/x HTTP/1.1", b"X-Keyhatch-Key-Id: key_root", shown=None))
    assert (await caller.response()).status == 200
    seen = stand.upstream.the_request()
    assert [name for name, _ in seen.fields if name.lower().startswith(b"x-keyhatch")] == []


SPOOFS = {
    "as-written": [b"X-Keyhatch-Owner: root"],
    "lower-case": [b"x-keyhatch-owner: root"],
    "upper-case": [b"X-KEYHATCH-OWNER: root"],
    "twice": [b"X-Keyhatch-Owner: root", b"X-Keyhatch-Owner: root2"],
    "list": [b"X-Keyhatch-Owner: root, root2"],
    "empty": [b"X-Keyhatch-Owner:"],
    "all-of-them": [b"X-Keyhatch-Key-Id: k", b"X-Keyhatch-Key-Name: n", b"X-Keyhatch-Scopes: *"],
    "dots": [b"X.Keyhatch.Owner: root"],
    "other-signs": [b"X~Keyhatch!Owner: root", b"x-keyhatch'scopes: *"],
    "one-of-our-future": [b"X-Keyhatch-Admin: true"],
    "in-connection": [b"Connection: X-Keyhatch-Owner, x-keyhatch-key-id"],
    "named-and-in-connection": [b"X-Keyhatch-Owner: root", b"Connection: close, X-Keyhatch-Owner"],
}


@pytest.mark.parametrize("path", [b"/any/x", b"/open/x"])
@pytest.mark.parametrize("fields", SPOOFS.values(), ids=SPOOFS)
async def test_nobody_can_pretend_to_be_somebody(stand: Stand, fields: list[bytes], path: bytes) -> None:
    seen = await seen_by_upstream(stand, *fields, line=b"GET " + path + b" HTTP/1.1")
    ours = sorted(
        (name.lower(), value) for name, value in seen.fields if name.lower().startswith(b"x-keyhatch")
    )
    expected = [
        (b"x-keyhatch-key-id", b"key_ada"),
        (b"x-keyhatch-key-name", b"Ada's laptop"),
        (b"x-keyhatch-owner", b"ada@example.org"),
        (b"x-keyhatch-scopes", b"chat:write"),
    ]
    assert ours == (expected if path == b"/any/x" else [])


HOP_BY_HOP = {
    "keep-alive": [b"Keep-Alive: timeout=5"],
    "proxy-connection": [b"Proxy-Connection: keep-alive"],
    "proxy-authorization": [b"Proxy-Authorization: Basic eDp5"],
    "proxy-authenticate": [b"Proxy-Authenticate: Basic"],
    "te": [b"TE: trailers, deflate"],
    "trailer": [b"Trailer: X-Checksum"],
    "upgrade-without-connection": [b"Upgrade: h2c"],
    "http2-settings": [b"HTTP2-Settings: AAMAAABkAAQAAP__"],
    "listed": [b"X-Hop: 1", b"Connection: X-Hop"],
    "listed-in-any-case": [b"X-Hop: 1", b"Connection: x-HOP"],
    "listed-in-a-list": [b"X-Hop: 1", b"X-Hop-Too: 2", b"Connection: keep-alive, X-Hop , ,x-hop-too"],
    "listed-in-a-second-field": [b"X-Hop: 1", b"Connection: keep-alive", b"Connection: X-Hop"],
}


@pytest.mark.parametrize("fields", HOP_BY_HOP.values(), ids=HOP_BY_HOP)
async def test_what_is_meant_for_this_hop_goes_no_further(stand: Stand, fields: list[bytes]) -> None:
    seen = await seen_by_upstream(stand, *fields)
    for field in fields:
        name, _, value = field.partition(b": ")
        assert value not in seen.all(name)


LISTED = [
    b"Host",
    b"Content-Length",
    b"Cookie",
    b"X-Forwarded-For",
    b"X-Forwarded-Proto",
    b"X-Forwarded-Host",
    b"X-Keyhatch-Key-Id",
    b"X-Keyhatch-Scopes",
    b"X-Request-Id",
    b"Via",
]


@pytest.mark.parametrize("name", LISTED, ids=lambda name: name.decode())
async def test_connection_cannot_take_away_what_frames_addresses_or_is_ours(
    stand: Stand, name: bytes
) -> None:
    fields = [b"Connection: close, " + name, b"Content-Length: 2", b"Cookie: a=b"]
    caller = await stand.call(request(b"POST /any/x HTTP/1.1", *fields, body=b"hi"))
    assert (await caller.response()).status == 200
    seen = stand.upstream.the_request()
    assert len(seen.all(name)) == 1
    assert (seen.body, seen.one(b"cookie")) == (b"hi", b"a=b")


async def test_connection_cannot_smuggle_the_key_out(stand: Stand) -> None:
    caller = await stand.call(request(b"GET /any/x HTTP/1.1", b"Connection: X-API-Key, Authorization"))
    assert (await caller.response()).status == 200
    assert stand.upstream.the_request().one(b"x-keyhatch-key-id") == b"key_ada"


async def test_what_an_untrusted_caller_says_about_its_way_is_replaced(stand: Stand) -> None:
    seen = await seen_by_upstream(stand, *FORWARDING)
    assert seen.all(b"x-forwarded-for") == [b"127.0.0.1"]
    assert seen.all(b"x-forwarded-proto") == [b"http"]
    assert seen.all(b"x-forwarded-host") == [b"gate.example"]
    assert [value for _, value in seen.fields if b"10.0.0" in value or value == b"443"] == []


async def test_what_a_trusted_proxy_says_is_passed_on_with_the_proxy_added(build: BuildStand) -> None:
    stand = await build(trusted=(LOCAL,))
    seen = await seen_by_upstream(stand, *FORWARDING)
    assert seen.all(b"x-forwarded-for") == [b"10.0.0.1, 10.0.0.2, 127.0.0.1"]
    assert seen.all(b"x-forwarded-proto") == [b"https"]
    assert seen.all(b"x-forwarded-host") == [b"bank.example"]
    assert seen.all(b"forwarded") == [b"for=10.0.0.1;proto=https"]
    assert (seen.all(b"x-real-ip"), seen.all(b"x-forwarded-port")) == ([b"10.0.0.1"], [b"443"])


async def test_an_address_that_cannot_be_read_opens_no_door(build: BuildStand) -> None:
    stand = await build(trusted=(LOCAL,))
    caller = await stand.call(request(b"GET /home/x HTTP/1.1", b"X-Forwarded-For: nobody", shown=None))
    assert (await caller.response()).one(b"x-keyhatch-reason") == b"credential_missing"


async def test_a_trusted_proxy_that_says_nothing_adds_nothing(build: BuildStand) -> None:
    stand = await build(trusted=(LOCAL,))
    seen = await seen_by_upstream(stand)
    assert seen.all(b"x-forwarded-for") == [b"127.0.0.1"]
    assert (seen.all(b"x-forwarded-proto"), seen.all(b"x-forwarded-host")) == ([b"http"], [b"gate.example"])


async def test_an_address_is_believed_only_of_a_trusted_proxy(build: BuildStand) -> None:
    behind = await build(trusted=(LOCAL,))
    caller = await behind.call(request(b"GET /home/x HTTP/1.1", b"X-Forwarded-For: 10.0.0.1", shown=None))
    assert (await caller.response()).one(b"x-keyhatch-reason") == b"credential_missing"
    assert (await behind.exchange()).peer == "10.0.0.1"
    direct = await build()
    caller = await direct.call(request(b"GET /home/x HTTP/1.1", b"X-Forwarded-For: 10.0.0.1", shown=None))
    assert (await caller.response()).status == 200


async def test_a_loopback_address_cannot_be_claimed_through_a_proxy(build: BuildStand) -> None:
    stand = await build(trusted=(LOCAL,))
    claim = b"X-Forwarded-For: 127.0.0.1, 203.0.113.9"
    caller = await stand.call(request(b"GET /home/x HTTP/1.1", claim, shown=None))
    assert (await caller.response()).one(b"x-keyhatch-reason") == b"credential_missing"


async def test_the_upstream_gets_its_own_host(stand: Stand) -> None:
    seen = await seen_by_upstream(stand)
    assert seen.one(b"host") == b"127.0.0.1:%d" % stand.upstream.port


async def test_this_hop_signs_with_via(stand: Stand) -> None:
    seen = await seen_by_upstream(stand, b"Via: 1.0 other")
    assert seen.all(b"via") == [b"1.0 other", b"1.1 keyhatch"]


async def test_nothing_is_added_that_nobody_asked_for(stand: Stand) -> None:
    seen = await seen_by_upstream(stand)
    assert {name.lower() for name, _ in seen.fields} == {
        b"host",
        b"x-keyhatch-key-id",
        b"x-keyhatch-key-name",
        b"x-keyhatch-owner",
        b"x-keyhatch-scopes",
        b"x-forwarded-for",
        b"x-forwarded-proto",
        b"x-forwarded-host",
        b"via",
        b"x-request-id",
    }


@pytest.mark.parametrize("sent", [b"abc", b"a.b_c-D9", b"x" * 64, b"00000000-0000-0000-0000-000000000000"])
async def test_a_safe_request_id_is_kept(stand: Stand, sent: bytes) -> None:
    caller = await stand.call(request(b"GET /any/x HTTP/1.1", b"X-Request-Id: " + sent))
    assert (await caller.response()).all(b"x-request-id") == [sent]
    assert stand.upstream.the_request().all(b"x-request-id") == [sent]
    assert (await stand.exchange()).request_id == sent.decode()


UNSAFE_IDS = {
    "none": [],
    "empty": [b""],
    "long": [b"x" * 65],
    "blank": [b"a b"],
    "markup": [b"<script>"],
    "utf-8": ["é".encode()],
    "json": [b'{"a":1}'],
    "two": [b"a", b"b"],
    "same-twice": [b"a", b"a"],
}


@pytest.mark.parametrize("sent", UNSAFE_IDS.values(), ids=UNSAFE_IDS)
async def test_any_other_request_id_is_replaced(stand: Stand, sent: list[bytes]) -> None:
    caller = await stand.call(request(b"GET /any/x HTTP/1.1", *(b"X-Request-Id: " + each for each in sent)))
    given = (await caller.response()).one(b"x-request-id") or b""
    assert re.fullmatch(rb"[A-Za-z0-9._-]{1,64}", given)
    assert given not in sent
    assert stand.upstream.the_request().all(b"x-request-id") == [given]


async def test_two_requests_get_two_ids(stand: Stand) -> None:
    caller = await stand.call(request() + request())
    ids = [(await caller.response()).one(b"x-request-id") for _ in range(2)]
    assert ids[0] != ids[1]


PASSING = {
    "ordinary": [b"Accept: */*", b"User-Agent: curl/8", b"Accept-Encoding: gzip, br", b"Content-Type: a/b"],
    "duplicates-in-order": [b"X-A: 1", b"X-B: 2", b"X-A: 3", b"x-a: 1"],
    "empty-value": [b"X-Empty:"],
    "blank-value": [b"X-Blank:  \t "],
    "utf-8": ["X-Name: Zoë 日本 🎈".encode()],
    "tab-inside": [b"X-Tab: a\tb"],
    "colon-in-value": [b"X-Time: 12:00:00"],
    "quotes": [b'If-None-Match: W/"abc", "def"'],
    "unusual-names": [b"X!#$%&'*+-.^`|~9: 1", b"1: 2", b"!: 3"],
    "conditional": [b"If-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT", b"If-Range: x", b"Range: bytes=0-1"],
    "provider": [b"anthropic-version: 2023-06-01", b"OpenAI-Beta: x", b"x-stainless-lang: python"],
    "browser": [b"Origin: http://a", b"Referer: http://a/b", b"Sec-Fetch-Site: none", b"DNT: 1"],
    "cookies-twice": [b"Cookie: a=1", b"Cookie: b=2"],
    "cache": [b"Cache-Control: no-cache", b"Pragma: no-cache", b"Age: 1"],
    "separators": [b'X-Sep: ()<>@,;:\\"/[]?={}'],
    "max-forwards": [b"Max-Forwards: 3"],
    "content": [b"Content-Encoding: gzip", b"Content-Language: de", b"Content-MD5: x"],
}


@pytest.mark.parametrize("fields", PASSING.values(), ids=PASSING)
async def test_everything_else_passes_unchanged_and_in_order(stand: Stand, fields: list[bytes]) -> None:
    seen = await seen_by_upstream(stand, *fields)
    sent = [(name.lower(), value.strip()) for name, _, value in (field.partition(b":") for field in fields)]
    names = {name for name, _ in sent}
    assert [(name.lower(), value) for name, value in seen.fields if name.lower() in names] == sent
