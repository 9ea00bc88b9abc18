"""SignalR from Python (pysignalr) and by hand: with a key it connects, with a wrong one it fails at once.

pysignalr shows the key on its first request only where it stands in `headers` or in the address. What is in
`headers` it repeats inside every message, where no gateway can take it out; so the address is the place.
Sticky cookies it keeps only for servers with a name.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Self

import pytest
from pysignalr.client import SignalRClient
from pysignalr.exceptions import AuthorizationError, HubError
from pysignalr.exceptions import ConnectionError as HubUnavailable
from pysignalr.messages import CompletionMessage, Message
from websockets.exceptions import InvalidStatus

from tests.support.client_stand import UNKNOWN, ClientStand, preset_stand
from tests.support.plain_caller import open_socket, open_stream
from tests.support.signalr_hub import END, STICKY, SignalRHub

HELLO = {"$type": "authenticate", "client": "tests"}
WELCOME = {"$type": "welcome", "user": "tests"}
COOKIE = {"Cookie": "=".join(STICKY)}


@pytest.fixture(scope="module")
def hub() -> SignalRHub:
    return SignalRHub()


@pytest.fixture(scope="module")
def stand(hub: SignalRHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClientStand]:
    with preset_stand(tmp_path_factory.mktemp("home"), hub, "voxta") as stand:
        yield stand


@pytest.fixture
def key(stand: ClientStand) -> str:
    return stand.key("chat:write")


class PythonSignalR:
    """pysignalr, running while it is entered: `received` holds what came by `ReceiveMessage`.

    No generator: pysignalr's errors are frozen, and contextlib would set their traceback.
    """

    def __init__(self, url: str, **options: Any) -> None:
        client = SignalRClient(url, retry_sleep=0.05, connection_timeout=5, **options)
        self.received: asyncio.Queue[Any] = asyncio.Queue()
        self.completed: asyncio.Queue[Any] = asyncio.Queue()
        self._opened = asyncio.Event()
        self._client = client
        client.on("ReceiveMessage", self._receive)
        client.on_open(self._open)
        client.on_error(self._complete)

    async def __aenter__(self) -> Self:
        """Return once the hub has answered; what ends the client before is raised."""
        self.running = asyncio.ensure_future(self._client.run())
        opened = asyncio.ensure_future(self._opened.wait())
        await asyncio.wait({opened, self.running}, return_when=asyncio.FIRST_COMPLETED, timeout=10)
        if self.running.done():
            opened.cancel()
            self.running.result()
        assert opened.done(), "the hub did not answer"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.running.cancel()
        with suppress(asyncio.CancelledError, HubError, InvalidStatus):
            await self.running
        if (socket := self._client._transport._ws) is not None:
            await socket.close()  # pysignalr leaves that to whoever tidies memory

    async def opened_anew(self) -> None:
        """Wait until it has come back."""
        self._opened.clear()
        await asyncio.wait_for(self._opened.wait(), 10)

    async def invoke(self, method: str, *values: dict[str, Any]) -> None:
        """Call a method of the hub."""
        await self._client.send(method, list(values), self._complete)

    async def _receive(self, values: list[Any]) -> None:
        self.received.put_nowait(values[0])

    async def _complete(self, message: Message) -> None:
        assert isinstance(message, CompletionMessage)
        self.completed.put_nowait(message.error)

    async def _open(self) -> None:
        self._opened.set()


def address(stand: ClientStand, key: str) -> str:
    return f"http://x:{key}@localhost:{stand.gateway.port}/hub"


async def greet(client: PythonSignalR) -> None:
    async with asyncio.timeout(10):
        await client.invoke("SendMessage", HELLO)
        assert await client.received.get() == WELCOME
        assert await client.completed.get() is None


async def test_it_connects_and_invokes_with_the_key_in_the_address(
    stand: ClientStand, hub: SignalRHub, key: str
) -> None:
    async with PythonSignalR(address(stand, key)) as client:
        await greet(client)
        await client.invoke("Unknown")
        assert "Unknown hub method" in await client.completed.get()
    assert not hub.has_seen(key)


async def test_it_connects_with_the_key_in_a_header_and_tells_the_hub_itself(
    stand: ClientStand, hub: SignalRHub
) -> None:
    told = stand.home.make_key("Told by its holder", "chat:write")
    shown = {"Authorization": f"Bearer {told}"}
    async with PythonSignalR(f"http://localhost:{stand.gateway.port}/hub", headers=shown) as client:
        await greet(client)
    assert all(told not in each.everything() for each in hub.seen), "the gateway hands it on nowhere"
    assert any(told in text for text in hub.said), "pysignalr repeats its headers in every message"


async def test_it_comes_back_by_itself_when_the_hub_was_cut(
    stand: ClientStand, hub: SignalRHub, key: str
) -> None:
    async with PythonSignalR(address(stand, key)) as client:
        await greet(client)
        negotiations = hub.count("/hub/negotiate")
        hub.cut()
        await client.opened_anew()
        assert hub.count("/hub/negotiate") == negotiations + 1
        await greet(client)


async def test_a_key_that_dies_ends_the_connection_for_good(stand: ClientStand, hub: SignalRHub) -> None:
    leaver = stand.home.make_key("Leaver", "chat:write")
    async with PythonSignalR(address(stand, leaver)) as client:
        await greet(client)
        await asyncio.to_thread(stand.home.manage, lambda desk: desk.revoke("Leaver"))
        await asyncio.wait({client.running}, timeout=10)
        assert client.running.exception() == AuthorizationError()
    assert not hub.has_seen(leaver)


@pytest.mark.parametrize(
    ("scopes", "status", "outcome"),
    [
        pytest.param(None, 401, AuthorizationError(), id="unknown"),
        pytest.param(("audio:speech",), 403, HubUnavailable(403), id="scope"),
    ],
)
async def test_with_a_wrong_key_it_fails_at_once(
    stand: ClientStand, hub: SignalRHub, scopes: tuple[str] | None, status: int, outcome: HubError
) -> None:
    """It tells the kind of refusal alone: pysignalr reads no bodies."""
    before = len(hub.seen)
    shown = UNKNOWN if scopes is None else stand.key(*scopes)
    with stand.exactly(1, status), pytest.raises(type(outcome)) as caught:
        async with PythonSignalR(address(stand, shown)):
            pass
    assert caught.value == outcome
    assert len(hub.seen) == before


def negotiated(stand: ClientStand, key: str) -> str:
    """The token of a new connection, asked for as a browser does: the key in a header."""
    answer = stand.gateway.ask("/hub/negotiate?negotiateVersion=1", "POST", key=key)
    assert answer.status == 200
    assert answer.headers["set-cookie"].startswith("=".join(STICKY))
    return str(answer.data["connectionToken"])


def test_a_browsers_socket_shows_its_key_in_the_query(stand: ClientStand, hub: SignalRHub, key: str) -> None:
    token = negotiated(stand, key)
    with open_socket(stand.gateway.port, f"/hub?id={token}&access_token={key}", headers=COOKIE) as socket:
        socket.send(json.dumps({"protocol": "json", "version": 1}) + END)
        assert socket.recv(timeout=10) == "{}" + END
        socket.send(json.dumps({"type": 1, "target": "SendMessage", "arguments": [HELLO]}) + END)
        told = json.loads(str(socket.recv(timeout=10)).rstrip(END))
        assert told["arguments"] == [WELCOME]
    assert hub.last("/hub").target == f"/hub?id={token}"


def test_a_browsers_event_source_shows_its_key_in_the_query(
    stand: ClientStand, hub: SignalRHub, key: str
) -> None:
    token = negotiated(stand, key)
    wants = {"Accept": "text/event-stream", **COOKIE}
    with open_stream(stand.gateway.port, f"/hub?id={token}&access_token={key}", headers=wants) as events:
        assert events.status == 200
        assert events.readline() == b":\r\n"
        text = json.dumps({"protocol": "json", "version": 1}) + END
        said = stand.gateway.ask(f"/hub?id={token}", "POST", key=key, headers=COOKIE, body=text.encode())
        assert said.status == 200
        assert events.readline() == f"data: {{}}{END}\r\n".encode()
    assert hub.last("/hub").target == f"/hub?id={token}"


def test_a_query_is_no_place_for_a_key_where_headers_can_be_sent(
    stand: ClientStand, hub: SignalRHub, key: str
) -> None:
    before = len(hub.seen)
    answer = stand.gateway.ask(f"/hub/negotiate?negotiateVersion=1&access_token={key}", "POST")
    assert (answer.status, answer.reason) == (401, "credential_missing")
    assert len(hub.seen) == before
