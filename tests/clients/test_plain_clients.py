"""curl, httpx, requests, Node's fetch, `websockets` and `ws`, with the key wherever each can put it."""

import base64
import json
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
from aiohttp import web
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.support.client_stand import UNKNOWN, ClientStand, client_stand
from tests.support.programs import program
from tests.support.signalr_node import require_packages
from tests.support.watched_upstream import WatchedUpstream

ROUTES: list[dict[str, Any]] = [{"id": "all", "path": "/**", "upstream": "main", "scopes": []}]
FETCH = Path(__file__).parent / "fetch.cjs"


async def say_hello(request: web.Request) -> web.Response:
    return web.Response(text="hello")


async def echo(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(protocols=["realtime"])
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str(message.data)
    return socket


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClientStand]:
    upstream = WatchedUpstream([web.get("/hello", say_hello), web.get("/echo", echo)])
    with client_stand(tmp_path_factory.mktemp("home"), upstream, ROUTES) as stand:
        yield stand


@dataclass(frozen=True)
class Told:
    """What a client got."""

    status: int
    reason: str | None
    text: str


def by_curl(url: str, headers: Mapping[str, str]) -> Told:
    """The key in a configuration on stdin, as a careful person does."""
    given = [f'url = "{url}"', *(f'header = "{name}: {value}"' for name, value in headers.items())]
    done = subprocess.run(
        [program("curl"), "--silent", "--include", "--max-time", "20", "--config", "-"],
        input="\n".join(given).encode(),
        capture_output=True,
        check=True,
    )
    head, _, text = done.stdout.decode().partition("\r\n\r\n")
    reason = re.search(r"^x-keyhatch-reason: (\S+)", head, re.IGNORECASE | re.MULTILINE)
    return Told(int(head.split(" ")[1]), reason[1] if reason else None, text)


def by_httpx(url: str, headers: Mapping[str, str]) -> Told:
    answer = httpx.get(url, headers=headers, timeout=20)
    return Told(answer.status_code, answer.headers.get("x-keyhatch-reason"), answer.text)


def by_requests(url: str, headers: Mapping[str, str]) -> Told:
    answer = requests.get(url, headers=headers, timeout=20)
    return Told(answer.status_code, answer.headers.get("x-keyhatch-reason"), answer.text)


def by_node(**asked: Any) -> Told:
    done = subprocess.run(
        [program("node", "nodejs"), str(FETCH)],
        input=json.dumps(asked) + "\n",
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    told = json.loads(done.stdout)
    return Told(told["status"], told.get("reason"), told["text"])


def by_fetch(url: str, headers: Mapping[str, str]) -> Told:
    return by_node(fetch=url, headers=headers)


Get = Callable[[str, Mapping[str, str]], Told]
GETS: list[Get] = [by_curl, by_httpx, by_requests, by_fetch]
every_client = pytest.mark.parametrize("get", GETS)


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


HEADERS: list[Any] = [
    pytest.param(lambda key: {"Authorization": f"Bearer {key}"}, id="bearer"),
    pytest.param(lambda key: {"X-API-Key": key}, id="x-api-key"),
    pytest.param(lambda key: basic("x", key), id="password"),
]


@every_client
@pytest.mark.parametrize("shown", HEADERS)
def test_a_key_in_a_header_opens(
    stand: ClientStand, get: Get, shown: Callable[[str], dict[str, str]]
) -> None:
    assert get(f"{stand.gateway.url}/hello", shown(stand.key())) == Told(200, None, "hello")
    seen = stand.upstream.last("/hello").headers
    assert not {"authorization", "x-api-key"} & seen.keys()


@pytest.mark.parametrize("get", [by_curl, by_httpx, by_requests])
@pytest.mark.parametrize("userinfo", ["x:{}", "{}:", "{}:x"])
def test_a_key_in_the_address_opens(stand: ClientStand, get: Get, userinfo: str) -> None:
    """Not fetch: it takes no address with a name or a password in it."""
    address = f"http://{userinfo.format(stand.key())}@127.0.0.1:{stand.gateway.port}/hello"
    assert get(address, {}) == Told(200, None, "hello")


@every_client
def test_a_wrong_key_is_told_to_a_person(stand: ClientStand, get: Get) -> None:
    told = get(f"{stand.gateway.url}/hello", {"Authorization": f"Bearer {UNKNOWN}"})
    assert (told.status, told.reason) == (401, "key_unknown")
    assert "This key was not issued by this gateway" in json.loads(told.text)["error"]["message"]


@every_client
def test_a_query_opens_nothing_that_a_header_could(stand: ClientStand, get: Get) -> None:
    before = stand.upstream.count("/hello")
    told = get(f"{stand.gateway.url}/hello?access_token={stand.key()}", {})
    assert (told.status, told.reason) == (401, "credential_missing")
    assert stand.upstream.count("/hello") == before


def by_websockets(url: str, headers: Mapping[str, str], protocols: list[str]) -> Told:
    offered = [Subprotocol(name) for name in protocols] or None
    try:
        with connect(url, additional_headers=headers, subprotocols=offered, proxy=None) as socket:
            socket.send("good morning")
            return Told(101, None, str(socket.recv(timeout=10)))
    except InvalidStatus as refused:
        response = refused.response
        return Told(response.status_code, response.headers.get("x-keyhatch-reason"), "")


def by_ws(url: str, headers: Mapping[str, str], protocols: list[str]) -> Told:
    require_packages("ws")
    return by_node(socket=url, headers=headers, protocols=protocols)


Talk = Callable[[str, Mapping[str, str], list[str]], Told]
every_socket = pytest.mark.parametrize("talk", [by_websockets, by_ws])
PLACES = {
    "bearer": ("ws://{at}/echo", {"Authorization": "Bearer {key}"}, []),
    "xi-api-key": ("ws://{at}/echo", {"xi-api-key": "{key}"}, []),
    "address": ("ws://x:{key}@{at}/echo", {}, []),
    "access_token": ("ws://{at}/echo?access_token={key}", {}, []),
    "api_key": ("ws://{at}/echo?model=m&api_key={key}", {}, []),
    "subprotocol": ("ws://{at}/echo", {}, ["realtime", "openai-insecure-api-key.{key}"]),
}


def told_with(talk: Talk, stand: ClientStand, place: str, key: str) -> Told:
    url, headers, protocols = PLACES[place]
    filled = {"at": f"127.0.0.1:{stand.gateway.port}", "key": key}
    return talk(
        url.format(**filled),
        {name: value.format(**filled) for name, value in headers.items()},
        [name.format(**filled) for name in protocols],
    )


@every_socket
@pytest.mark.parametrize("place", PLACES)
def test_a_socket_opens_with_the_key_in_any_place_it_has(stand: ClientStand, talk: Talk, place: str) -> None:
    assert told_with(talk, stand, place, stand.key()) == Told(101, None, "good morning")


@every_socket
def test_a_socket_with_a_wrong_key_is_refused_before_it_opens(stand: ClientStand, talk: Talk) -> None:
    before = stand.upstream.count("/echo")
    assert told_with(talk, stand, "access_token", UNKNOWN) == Told(401, "key_unknown", "")
    assert stand.upstream.count("/echo") == before
