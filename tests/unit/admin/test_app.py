"""Guarantees of gateway/admin/app.py: what holds for every answer of the admin listener."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request
from multidict import CIMultiDict

from gateway.admin.app import _host_check, build_admin_app
from gateway.core.hosts import Hosts
from tests.unit.admin.conftest import make_pages

Client = TestClient[web.Request, web.Application]
Serve = Callable[[web.Application], Awaitable[Client]]


@pytest.fixture
def app() -> web.Application:
    async def fall(_request: web.Request) -> web.Response:
        raise RuntimeError("/srv/keyhatch/keyhatch.db is on fire")

    async def elsewhere(_request: web.Request) -> web.Response:
        raise web.HTTPFound("/healthz")

    async def cached(_request: web.Request) -> web.Response:
        return web.Response(headers={"Cache-Control": "max-age=60"})

    app = build_admin_app(make_pages(), Hosts())
    app.router.add_get("/fall", fall)
    app.router.add_get("/elsewhere", elsewhere)
    app.router.add_get("/cached", cached)
    return app


@pytest.fixture
async def client(aiohttp_client: Serve, app: web.Application) -> Client:
    return await aiohttp_client(app)


async def speak(client: Client, raw: bytes) -> bytes:
    """Send bytes as they are, and read the answer to its end."""
    server = client.server
    assert isinstance(server, TestServer)
    reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(raw)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


PROBLEM = "application/problem+json"


async def problem_of(response: Any, status: int, title: str) -> dict[str, Any]:
    assert response.status == status
    assert response.content_type == PROBLEM
    body: dict[str, Any] = await response.json(content_type=PROBLEM)
    assert (body["type"], body["title"], body["status"]) == ("about:blank", title, status)
    return body


@pytest.mark.parametrize("path", ["/", "/nothing", "/healthz/", "/healthz/x", "/.keyhatch/me"])
async def test_an_unknown_path_is_404(client: Client, path: str) -> None:
    body = await problem_of(await client.get(path), 404, "Not Found")
    assert path not in body.values()


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"])
async def test_a_wrong_method_is_405_and_told_the_right_ones(client: Client, method: str, path: str) -> None:
    response = await client.request(method, path)
    await problem_of(response, 405, "Method Not Allowed")
    assert response.headers["Allow"] == "GET,HEAD"


async def test_an_accident_is_500_and_stays_in_the_log(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        response = await client.get("/fall")
    body = await problem_of(response, 500, "Internal Server Error")
    assert "fire" not in str(body)
    (record,) = caplog.records
    assert record.exc_info is not None
    assert record.getMessage() == "the admin listener met something unexpected: GET /fall"


async def test_a_redirect_is_no_problem(client: Client) -> None:
    response = await client.get("/elsewhere", allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (302, "/healthz")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/nothing", "/fall", "/elsewhere"])
async def test_every_answer_is_guarded_and_names_no_version(client: Client, path: str) -> None:
    response = await client.get(path, allow_redirects=False)
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "Server" not in response.headers


async def test_a_route_may_say_otherwise_for_itself(client: Client) -> None:
    response = await client.get("/cached")
    assert response.headers.getall("Cache-Control") == ["max-age=60"]


async def test_any_other_host_is_misdirected(client: Client) -> None:
    response = await client.get("/healthz", headers={"Host": "evil.test"})
    body = await problem_of(response, 421, "Misdirected Request")
    assert "evil" not in str(body)


async def test_a_misdirected_caller_does_not_learn_which_paths_exist(client: Client) -> None:
    for path in ("/healthz", "/nothing"):
        assert (await client.get(path, headers={"Host": "evil.test"})).status == 421


async def test_a_library_that_lets_several_hosts_pass_is_not_trusted() -> None:
    check = _host_check(Hosts())

    async def never(_request: web.Request) -> web.Response:
        raise AssertionError("the request was let through")

    for hosts in ([], ["localhost", "localhost"]):
        headers = CIMultiDict([("Host", host) for host in hosts])
        response = await check(make_mocked_request("GET", "/healthz", headers), never)
        assert response.status == 400


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        pytest.param(b"GET /healthz HTTP/1.0\r\n\r\n", b"200", id="none-before-1.1"),
        pytest.param(b"GET /healthz HTTP/1.0\r\nHost: evil.test\r\n\r\n", b"421", id="foreign-before-1.1"),
        pytest.param(b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", b"400", id="none"),
        pytest.param(
            b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            b"400",
            id="two",
        ),
        pytest.param(
            b"GET http://localhost/healthz HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n",
            b"421",
            id="absolute-form",
        ),
    ],
)
async def test_a_request_names_one_host(client: Client, raw: bytes, status: bytes) -> None:
    answer = await speak(client, raw)
    assert answer.split(b" ", 2)[1] == status
