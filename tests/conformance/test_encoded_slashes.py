"""Encoded slashes: refused unless the route allows them, and then only where no reading leads elsewhere."""

import pytest

from gateway.core.routes import Route
from tests.conformance.conftest import BuildStand
from tests.support.plane_stand import KEY, Stand, request

ROUTES = (
    Route("files", "/api/userdata/**", "main", encoded_slash=True),
    Route("kept", "/api/userdata/private/**", "main", scopes=("admin:write",), encoded_slash=True),
    Route("plain", "/api/userdata/plain/**", "main"),
    Route("one", "/one/*", "main", encoded_slash=True),
    Route("cut", "/cut/**", "main", strip_prefix="/cut", add_prefix="/api", encoded_slash=True),
)


@pytest.fixture
async def filing(build: BuildStand) -> Stand:
    return await build(routes=ROUTES)


@pytest.mark.parametrize(
    ("target", "sent"),
    [
        (b"/api/userdata/workflows%2Fname.json?overwrite=true", None),
        (b"/api/userdata/a%2fb%2Fc", None),
        (b"/cut/a%2Fb", b"/api/a%2Fb"),
    ],
)
async def test_where_the_route_allows_it_the_bytes_pass_as_they_came(
    filing: Stand, target: bytes, sent: bytes | None
) -> None:
    caller = await filing.call()
    for _ in range(2):
        caller.send(request(b"POST " + target + b" HTTP/1.1", b"Content-Length: 2", body=b"{}"))
        assert (await caller.response()).status == 200
    lines = {each.start for each in filing.upstream.requests()}
    assert lines == {b"POST " + (sent or target) + b" HTTP/1.1"}


@pytest.mark.parametrize(
    "target",
    [
        b"/any/a%2Fb",
        b"/nowhere/a%2Fb",
        b"/api/userdata%2Fx",
        b"/api%2Fuserdata/x",
        b"/%2Fapi/userdata/x",
        b"/api/userdata/private%2Fx",
        b"/api/userdata/PRIVATE%2Fx",
        b"/api/userdata/plain%2Fx",
        b"/api/userdata/x%2F..%2Fprivate%2Fx",
        b"/api/userdata/..%2Fx",
        b"/api/userdata/%2e%2e%2Fx",
        b"/api/userdata/x%2F%2Fx",
        b"/api/userdata/x%2F/x",
        b"/api/userdata/x%252Fx",
        b"/api/userdata/x%252Fx%2Fy",
        b"/api/userdata/x%5C..%2Fx",
        b"/api/userdata/x%ef%bc%8fx%2Fy",
        b"/one/a%2Fb",
        b"/.keyhatch%2Fme",
        b"/cut/..%2Fx",
        b"/cut%2Fx",
    ],
)
async def test_what_any_upstream_could_read_as_another_path_is_refused(filing: Stand, target: bytes) -> None:
    caller = await filing.call(request(b"GET " + target + b" HTTP/1.1"))
    response = await caller.response()
    assert (response.status, response.one(b"x-keyhatch-reason")) == (400, b"target_ambiguous")
    filing.assert_untouched()


async def test_a_key_may_lead_such_a_path(build: BuildStand) -> None:
    stand = await build(routes=ROUTES)
    caller = await stand.call(request(b"GET /k/" + KEY + b"/any/a%2Fb HTTP/1.1", shown=None))
    assert (await caller.response()).status == 400
    caller = await stand.call(request(b"GET /k/" + KEY + b"/api/userdata/a%2Fb HTTP/1.1", shown=None))
    assert (await caller.response()).one(b"x-keyhatch-reason") == b"credential_malformed"
    stand.assert_untouched()


async def test_where_no_route_allows_it_nothing_is_looked_for(stand: Stand) -> None:
    response = await (await stand.call(request(b"GET /any/a%2Fb HTTP/1.1"))).response()
    assert (response.status, response.one(b"x-keyhatch-reason")) == (400, b"target_ambiguous")
    stand.assert_untouched()
