"""The target is judged as received and passed on byte for byte, or refused because it has two readings."""

import pytest

from tests.support.plane_stand import Stand, request

UNTOUCHED = [
    b"/any/x",
    b"/any/",
    b"/any",
    b"/any/x/",
    b"/any/a|b",
    b"/any/a[b]c",
    b"/any/a%20b",
    b"/any/a%7Cb",
    b"/any/a%7cb",
    b"/any/a+b",
    b"/any/a;b=c",
    b"/any/a,b;c=d/e",
    b"/any/a:b@c",
    b"/any/~a!$&'()*+,=._-",
    b"/any/a^b_c",
    b"/any/%C3%A9",
    b"/any/%E6%97%A5%E6%9C%AC",
    b"/any/%41%42",
    b"/any/a%25b",
    b"/any/...x",
    b"/any/x.json",
    b"/any/.well-known",
    b"/any/" + b"s/" * 100,
    b"/any/http:x",
    pytest.param(b"/any/x?", marks=pytest.mark.differs("aiohttp", "an empty query")),
    b"/any/x?a",
    b"/any/x?a=1&b=2&a=3",
    b"/any/x?a=%20+%2B;&=&&",
    b"/any/x?a=b?c=d",
    b"/any/x?a=/../..//.",
    b"/any/x?%zz%",
    b"/any/x?a=%C3%A9&b=%ff",
    b"/any/x?a[]=1&b{}|^`\\",
    b"/any/x?url=http://h:80/p?q=1",
    b"/any/x?q='\\''",
    b"/any/x?" + b"a" * 8000,
]


@pytest.mark.parametrize("target", UNTOUCHED, ids=lambda target: target[:40].decode())
async def test_a_target_passes_byte_for_byte(stand: Stand, target: bytes) -> None:
    caller = await stand.call(request(b"GET " + target + b" HTTP/1.1"))
    assert (await caller.response()).status == 200
    seen = stand.upstream.the_request()
    assert seen.start == b"GET " + target + b" HTTP/1.1"


AMBIGUOUS = [
    b"/any/../admin/x",
    b"/any/./x",
    b"/any/..",
    b"/any/.",
    b"/any/%2e%2e/admin/x",
    b"/any/.%2E/admin/x",
    b"/any/..;/admin/x",
    b"/any/..;a=b/admin/x",
    b"/any/%252e%252e/admin/x",
    b"/any/%25252e%25252e/admin",
    b"/any/..%2fadmin",
    b"/any/..%5cadmin",
    b"/any/a%2fb",
    b"/any/a%2Fb",
    b"/any/a%252fb",
    b"/any/a%5cb",
    b"/any/a\\b",
    b"/any//x",
    b"//any/x",
    b"//evil.example/any/x",
    b"/any/%00",
    b"/any/a%0ab",
    b"/any/a%0d%0ab",
    b"/any/a%09b",
    b"/any/a%7f",
    b"/any/%",
    b"/any/%4",
    b"/any/%zz",
    b"/any/%ff",
    b"/any/%c0%af",
    b"/any/%ef%bc%8e%ef%bc%8e/admin",
    b"/any/%ef%bc%8fadmin",
    b"/any/x#fragment",
    b"/any/x?a#fragment",
    b'/any/a"b',
    b"/any/a<b>",
    b"/any/a{b}",
    b"/any/a`b",
    b"/any/Vault/x",
    b"/any/VAULT",
    b"/any/%76ault/x",
    b"/any/%2576ault/x",
    b"/any/vault;x/y",
    b"/any/vault./x",
    b"/any/vault%20/x",
    b"/any/vault%3fx",
    b"/any/vault%23x",
    b"/any/%EF%BD%96ault/x",
    b"any/x",
    b"*/any",
    b"http://gate.example/any/x",
    b"HTTP://gate.example/any/x",
    b"http://other.example/any/x",
    b"http:/any/x",
    b"ftp://gate.example/any/x",
    b"gate.example:80",
    b"?a=b",
    b"#",
]


@pytest.mark.parametrize("method", [b"GET", b"POST", b"OPTIONS"])
@pytest.mark.parametrize("target", AMBIGUOUS, ids=lambda target: target.decode())
async def test_a_target_with_two_readings_is_refused(stand: Stand, target: bytes, method: bytes) -> None:
    caller = await stand.call(request(method + b" " + target + b" HTTP/1.1"))
    response = await caller.last_response()
    assert response.status == 400
    assert response.one(b"x-keyhatch-reason") in (b"target_ambiguous", b"request_malformed")
    stand.assert_untouched()


RAW_BYTES = {
    "latin-1": b"/any/\xe9",
    "utf-8": "/any/é".encode(),
    "utf-8-query": "/any/x?a=é".encode(),
    "latin-1-query": b"/any/x?a=\xe9",
    "nul": b"/any/\x00",
    "nul-query": b"/any/x?\x00",
    "tab": b"/any/a\tb",
    "bell": b"/any/a\x07b",
    "delete": b"/any/a\x7fb",
    "delete-query": b"/any/x?\x7f",
    "vertical-tab": b"/any/a\x0bb",
    "unit-separator": b"/any/x?a\x1fb",
    "bare-cr": b"/any/a\rb",
}


@pytest.mark.parametrize("target", RAW_BYTES.values(), ids=RAW_BYTES)
async def test_a_target_beyond_visible_ascii_is_refused(stand: Stand, target: bytes) -> None:
    caller = await stand.call(request(b"GET " + target + b" HTTP/1.1"))
    response = await caller.last_response()
    assert response.status == 400
    stand.assert_untouched()


async def test_a_path_under_a_stricter_route_needs_what_that_route_needs(stand: Stand) -> None:
    caller = await stand.call(request(b"GET /any/vault/x HTTP/1.1"))
    assert (await caller.response()).one(b"x-keyhatch-reason") == b"scope_missing"
    stand.assert_untouched()


OVERRIDES = [
    b"X-Original-URL",
    b"X-Original-URI",
    b"X-Rewrite-URL",
    b"X-Forwarded-Uri",
    b"X-Forwarded-Path",
    b"X-Forwarded-Prefix",
    b"X-Forwarded-Method",
    b"X-HTTP-Method",
    b"X-HTTP-Method-Override",
    b"X-Method-Override",
    b"X-Middleware-Subrequest",
]


@pytest.mark.parametrize("name", OVERRIDES, ids=lambda name: name.decode())
async def test_no_header_may_name_another_path_or_method(stand: Stand, name: bytes) -> None:
    caller = await stand.call(
        request(b"GET /any/x HTTP/1.1", name + b": /admin/x", name.lower() + b": DELETE")
    )
    assert (await caller.response()).status == 200
    assert stand.upstream.the_request().all(name) == []


@pytest.mark.parametrize("name", OVERRIDES, ids=lambda name: name.decode())
async def test_no_header_opens_a_guarded_path(stand: Stand, name: bytes) -> None:
    caller = await stand.call(request(b"GET /admin/x HTTP/1.1", name + b": /open/x", shown=None))
    assert (await caller.response()).one(b"x-keyhatch-reason") == b"credential_missing"
    stand.assert_untouched()
