"""Every endpoint of every preset: who may, who may not, what is said to them, what is streamed."""

import json
from collections.abc import Iterator
from typing import Any, get_args

import pytest

from gateway.config.presets import DANGEROUS, SCOPES, Endpoint, Preset, preset_of
from gateway.config.upstream_sections import Preset as Name
from gateway.core.dialect import Dialect, spoken_at
from gateway.core.refusal import Deny, Reason
from gateway.core.routes import Route, RouteTable
from tests.conformance.conftest import BuildStand
from tests.support.http_samples import websocket
from tests.support.plane_stand import Stand, key, request
from tests.support.preset_upstream import PIECES, PresetUpstream
from tests.support.strict_http import Message
from tests.unit.core.samples import target

NAMES = get_args(Name)
GUARDED = [name for name in NAMES if name != "generic"]
STREAMS = [
    pytest.param(name, word, id=f"{name}-{word}")
    for name in NAMES
    for word, endpoint in preset_of(name).endpoints.items()
    if endpoint.streams is not None
]
LENGTH = b"Content-Length: 0"
PLACES = {
    "combined": ("error", "message"),
    "openai": ("error", "message"),
    "anthropic": ("error", "message"),
    "elevenlabs": ("detail", "message"),
    "ollama": ("error",),
    "fastapi": ("detail",),
    "azure": ("error", "message"),
    "gemini": ("error", "message"),
    "comfyui": ("error", "message"),
    "message": ("message",),
}
"""Where the SDKs that people use with such a server look for what to show (reference: their own sources)."""


def asked(endpoint: Endpoint) -> Iterator[tuple[str, str]]:
    """A method and a path for everything that an endpoint takes."""
    path = endpoint.path.replace("/**", "/one/two").replace("*", "one")
    for method in endpoint.methods or ("GET", "POST", "DELETE"):
        yield method, path


def needed(endpoint: Endpoint) -> frozenset[str]:
    return frozenset((*(endpoint.scopes or ()), *(endpoint.any_of or ())))


def head_of(endpoint: Endpoint, method: str, path: str, *, shown: bool = True) -> bytes:
    more: dict[str, Any] = {} if shown else {"shown": None}
    if endpoint.streams == "websocket" and method == "GET":
        return websocket(path.encode(), **more)
    return request(f"{method} {path} HTTP/1.1".encode(), LENGTH, **more)


async def told(stand: Stand, endpoint: Endpoint, method: str, path: str, *, shown: bool = True) -> Message:
    """The answer to one request, on a connection of its own."""
    caller = await stand.call(head_of(endpoint, method, path, shown=shown))
    response = await caller.response(method.encode())
    caller.abandon()
    return response


def sentence(response: Message, dialect: Dialect) -> str:
    """What the SDK of this dialect shows of a refusal."""
    if dialect is Dialect.TEXT:
        assert response.one(b"content-type") == b"text/plain; charset=utf-8"
        return response.body.decode()
    assert response.one(b"content-type") == b"application/json"
    found = json.loads(response.body)
    for part in PLACES[dialect]:
        found = found[part]
    assert isinstance(found, str)
    return found


def spoken(preset: Preset, path: str) -> Dialect:
    return spoken_at(path, tuple(preset.dialects.items()))


@pytest.mark.parametrize("name", NAMES)
async def test_every_endpoint_lets_pass_whoever_holds_its_scopes(build: BuildStand, name: str) -> None:
    preset = preset_of(name)
    stand = await build(known={"preset": name}, script=PresetUpstream(preset).serve)
    for word, endpoint in preset.endpoints.items():
        await stand.change_key(scopes=needed(endpoint))
        for method, path in asked(endpoint):
            response = await told(stand, endpoint, method, path)
            socket = endpoint.streams == "websocket" and method == "GET"
            assert response.status == (101 if socket else 200), (word, method, path, response)
    seen = [each.start.split(b" ")[1].decode() for each in stand.upstream.requests()]
    assert sorted(seen) == sorted(path for each in preset.endpoints.values() for _, path in asked(each))


@pytest.mark.parametrize("name", GUARDED)
async def test_no_endpoint_lets_pass_whoever_lacks_its_scope_and_the_error_names_it(
    build: BuildStand, name: str
) -> None:
    preset = preset_of(name)
    stand = await build(known={"preset": name}, keys=(key(),))
    for endpoint in preset.endpoints.values():
        if endpoint.public:
            continue
        await stand.change_key(scopes=frozenset(SCOPES) - needed(endpoint))
        for method, path in asked(endpoint):
            response = await told(stand, endpoint, method, path)
            assert (response.status, response.one(b"x-keyhatch-reason")) == (403, b"scope_missing"), path
            if method != "HEAD":
                said = sentence(response, spoken(preset, path))
                assert all(scope in said for scope in needed(endpoint))
    stand.assert_untouched()


@pytest.mark.parametrize("name", GUARDED)
async def test_what_is_dangerous_is_closed_to_a_key_with_every_ordinary_scope(
    build: BuildStand, name: str
) -> None:
    preset = preset_of(name)
    stand = await build(known={"preset": name}, keys=(key(scopes=frozenset(SCOPES) - DANGEROUS),))
    dangerous = [each for each in preset.endpoints.values() if each.is_dangerous]
    assert dangerous
    for endpoint in dangerous:
        for method, path in asked(endpoint):
            assert (await told(stand, endpoint, method, path)).status == 403, (method, path)
    stand.assert_untouched()


@pytest.mark.parametrize("name", NAMES)
async def test_without_a_key_nothing_but_what_is_public_passes_and_the_error_says_how(
    build: BuildStand, name: str
) -> None:
    preset = preset_of(name)
    stand = await build(known={"preset": name}, script=PresetUpstream(preset).serve)
    for endpoint in preset.endpoints.values():
        for method, path in asked(endpoint):
            response = await told(stand, endpoint, method, path, shown=False)
            assert response.status == (200 if endpoint.public else 401), (method, path)
            if not endpoint.public and method != "HEAD":
                assert "No API key was sent" in sentence(response, spoken(preset, path))
                assert response.one(b"x-keyhatch-reason") == b"credential_missing"
                assert response.all(b"x-request-id")


@pytest.mark.parametrize("name", GUARDED)
async def test_what_a_preset_does_not_know_is_refused_in_its_words(build: BuildStand, name: str) -> None:
    preset = preset_of(name)
    stand = await build(known={"preset": name}, keys=(key(scopes=frozenset({"*"})),))
    closed = ["/no-such-thing", "/v1/no/such/thing/at/all", "/.env", "/api/no/such/thing/at/all"]
    closed += [f"{prefix.rstrip('/')}/no-such/of/all/things" for prefix in preset.dialects]
    table = RouteTable(preset.routes("it"))
    unknown = [path for path in closed if table.match("GET", target(path)) == Deny(Reason.NO_ROUTE)]
    assert len(unknown) >= 3
    for path in unknown:
        caller = await stand.call(request(f"GET {path} HTTP/1.1".encode()))
        response = await caller.response()
        assert (response.status, response.one(b"x-keyhatch-reason")) == (404, b"no_route"), path
        assert "nothing at this path" in sentence(response, spoken(preset, path))
    stand.assert_untouched()


@pytest.mark.parametrize(("name", "word"), STREAMS)
async def test_a_stream_arrives_piece_by_piece(build: BuildStand, name: str, word: str) -> None:
    preset = preset_of(name)
    endpoint = preset.endpoints[word]
    upstream = PresetUpstream(preset)
    upstream.hold()
    stand = await build(known={"preset": name}, script=upstream.serve)
    await stand.change_key(scopes=needed(endpoint))
    method, path = next(asked(endpoint))
    caller = await stand.call(head_of(endpoint, method, path))
    assert endpoint.streams is not None
    first, last = PIECES[endpoint.streams]
    if endpoint.streams == "websocket" and method == "GET":
        assert (await caller.response()).status == 101
        await caller.until(lambda: caller.rest() == first, "the first frame")
        upstream.go_on()
        await caller.until(lambda: caller.rest() == first + last, "the last frame")
    else:
        await caller.until_body(first)
        upstream.go_on()
        assert (await caller.response()).body == first + last


@pytest.mark.parametrize("name", ["ollama", "voxta", "elevenlabs"])
async def test_below_a_mount_everything_is_as_at_the_root(build: BuildStand, name: str) -> None:
    preset = preset_of(name)
    stand = await build(known={"preset": name, "mount": "/way/in"}, script=PresetUpstream(preset).serve)
    for endpoint in preset.endpoints.values():
        await stand.change_key(scopes=needed(endpoint))
        method, path = next(asked(endpoint))
        assert (await told(stand, endpoint, method, f"/way/in{path}")).status in (101, 200)
        if not endpoint.public:
            refused = await told(stand, endpoint, method, f"/way/in{path}", shown=False)
            assert method == "HEAD" or "No API key" in sentence(refused, spoken(preset, path))
    seen = {each.start.split(b" ")[1].decode() for each in stand.upstream.requests()}
    assert seen == {path for each in preset.endpoints.values() for _, path in [next(asked(each))]}
    caller = await stand.call(request(b"GET /way/in/no/such/thing HTTP/1.1"))
    assert (await caller.response()).status == 404


PAGE = b"Origin: https://app.example"
ASKS = b"Access-Control-Request-Method: POST"


async def test_a_page_may_call_a_preset_where_that_was_said_and_reads_its_refusals(build: BuildStand) -> None:
    preset = preset_of("ollama")
    known = {"preset": "ollama", "cors": ["https://app.example"]}
    stand = await build(known=known, script=PresetUpstream(preset).serve)
    caller = await stand.call(request(b"OPTIONS /api/chat HTTP/1.1", PAGE, ASKS, LENGTH, shown=None))
    preflight = await caller.response(b"OPTIONS")
    assert preflight.status == 204
    assert preflight.one(b"access-control-allow-origin") == b"https://app.example"
    caller = await stand.call(request(b"POST /api/chat HTTP/1.1", PAGE, LENGTH, shown=None))
    refused = await caller.response(b"POST")
    assert (refused.status, refused.one(b"access-control-allow-origin")) == (401, b"https://app.example")
    assert "No API key was sent" in sentence(refused, Dialect.OLLAMA)


async def test_no_page_may_call_a_preset_unless_that_was_said(build: BuildStand) -> None:
    stand = await build(known={"preset": "ollama"})
    caller = await stand.call(request(b"OPTIONS /api/chat HTTP/1.1", PAGE, ASKS, LENGTH, shown=None))
    assert (await caller.response(b"OPTIONS")).status == 405
    stand.assert_untouched()


async def test_a_persons_route_goes_before_the_presets_on_the_wire(build: BuildStand) -> None:
    mine = Route("mine", "/api/pull", "main", methods=frozenset({"POST"}), scopes=("chat:write",))
    preset = preset_of("ollama")
    stand = await build(known={"preset": "ollama"}, routes=(mine,), script=PresetUpstream(preset).serve)
    pull = preset.endpoints["pull"]
    assert (await told(stand, pull, "POST", "/api/pull")).status == 200
    assert (await told(stand, pull, "GET", "/api/pull")).status == 405
    assert (await told(stand, preset.endpoints["push"], "POST", "/api/push")).status == 403
