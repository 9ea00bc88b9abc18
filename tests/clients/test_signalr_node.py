"""SignalR's own client for JavaScript: over each transport it connects, invokes and reconnects with a key.

The gateway was told that Voxta is behind it, and nothing else.
With a wrong key it fails at once, and says what we said.
"""

from collections.abc import Iterator

import pytest

from tests.support.ai_upstream import AUDIO
from tests.support.client_stand import UNKNOWN, ClientStand, preset_settings, preset_stand
from tests.support.running_gateway import Home, eventually
from tests.support.signalr_hub import TRANSPORTS, SignalRHub
from tests.support.signalr_node import NodeSignalR

HELLO = {"$type": "authenticate", "client": "tests"}
WELCOME = {"$type": "welcome", "user": "tests"}

every_transport = pytest.mark.parametrize("transport", TRANSPORTS)


@pytest.fixture(scope="module")
def hub() -> SignalRHub:
    return SignalRHub()


@pytest.fixture(scope="module")
def stand(hub: SignalRHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClientStand]:
    with preset_stand(tmp_path_factory.mktemp("home"), hub, "voxta") as stand:
        yield stand


def connect(stand: ClientStand, key: str = "", transport: str = "WebSockets") -> NodeSignalR:
    key = key or stand.key("chat:write")
    return NodeSignalR(f"{stand.gateway.url}/hub", key, transport)


def greet(client: NodeSignalR) -> None:
    """One call and what comes of it, whichever of the two arrives first."""
    client.tell(send=HELLO)
    assert client.expect("received")["message"] == WELCOME
    assert client.expect("done")["result"] is None


@every_transport
def test_it_connects_and_invokes(stand: ClientStand, hub: SignalRHub, transport: str) -> None:
    with connect(stand, transport=transport) as client:
        client.expect("started")
        greet(client)
        client.tell(send={"$type": "send", "text": "good morning"})
        message = client.expect("received")["message"]
        assert message["text"] == "good morning"
        client.expect("done")
        client.tell(call="Unknown")
        assert "Unknown hub method" in client.expect("refused")["error"]
        assert stand.gateway.ask(message["audioUrl"]).body == AUDIO, "a player shows no key"
        client.tell(stop=True)
        assert client.expect("closed")["error"] is None
        client.expect("stopped")
    eventually(lambda: not hub.connections, "the hub forgets it")


@every_transport
def test_it_comes_back_when_the_hub_was_cut(stand: ClientStand, hub: SignalRHub, transport: str) -> None:
    with connect(stand, transport=transport) as client:
        client.expect("started")
        greet(client)
        hub.cut()
        client.expect("reconnecting")
        client.expect("reconnected")
        greet(client)


def test_it_comes_back_when_the_hub_asks_it_to(stand: ClientStand, hub: SignalRHub) -> None:
    with connect(stand) as client:
        client.expect("started")
        hub.ask_to_reconnect()
        client.expect("reconnecting")
        client.expect("reconnected")
        greet(client)


def test_it_comes_back_when_the_gateway_was_restarted(home: Home) -> None:
    with SignalRHub() as hub:
        home.write(preset_settings(hub.url, "voxta"))
        first = home.serve()
        key = home.make_key("Node", "chat:write")
        with first, NodeSignalR(f"{first.url}/hub", key) as client:
            client.expect("started")
            first.kill()
            client.expect("reconnecting")
            home.write(preset_settings(hub.url, "voxta", proxy=f"127.0.0.1:{first.port}"))
            with home.serve():
                client.expect("reconnected")
                greet(client)
                client.tell(stop=True)
                client.expect("closed")


@every_transport
@pytest.mark.parametrize(
    ("scopes", "status", "sentence"),
    [
        pytest.param(None, 401, "This key was not issued by this gateway, or it was deleted.", id="unknown"),
        pytest.param(
            ("audio:speech",), 403, "Needed here: chat:write. The key has: audio:speech.", id="scope"
        ),
    ],
)
def test_with_a_wrong_key_it_fails_at_once_and_says_why(
    stand: ClientStand, hub: SignalRHub, transport: str, scopes: tuple[str] | None, status: int, sentence: str
) -> None:
    before = len(hub.seen)
    key = UNKNOWN if scopes is None else stand.key(*scopes)
    with stand.exactly(1, status), connect(stand, key, transport) as client:
        error = client.expect("failed")["error"]
    assert sentence in error
    assert f"Status code '{status}'" in error
    assert key not in error
    assert len(hub.seen) == before


def test_a_key_that_dies_ends_the_connection_and_the_next_attempt_says_why(
    stand: ClientStand, hub: SignalRHub
) -> None:
    key = stand.home.make_key("Leaver", "chat:write")
    stand.keys["Leaver",] = key
    with connect(stand, key) as client:
        client.expect("started")
        greet(client)
        stand.home.manage(lambda desk: desk.revoke("Leaver"))
        client.expect("reconnecting")
    with connect(stand, key) as client:
        assert "This key was revoked at" in client.expect("failed")["error"]
