"""WebSockets through the real command, called by the real `websockets` client."""

from collections.abc import Iterator
from socket import SHUT_RDWR

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.lasting_upstream import LastingUpstream
from tests.support.plain_caller import open_socket
from tests.support.running_gateway import Home, RunningGateway, eventually


@pytest.fixture(scope="module")
def upstream() -> Iterator[LastingUpstream]:
    with LastingUpstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def at_home(upstream: LastingUpstream, tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("home"))
    home.configure(upstream.url)
    return home


@pytest.fixture(scope="module")
def gateway(at_home: Home) -> Iterator[RunningGateway]:
    with at_home.serve() as gateway:
        yield gateway


@pytest.fixture(scope="module")
def key(gateway: RunningGateway, at_home: Home) -> str:
    return at_home.make_key("Socket")


def test_text_and_bytes_come_back_as_they_went(gateway: RunningGateway, key: str) -> None:
    with open_socket(gateway.port, "/ws", key=key) as socket:
        for message in ("grüß dich", b"\x00\xff" * 10, "", b"x" * 3_000_000):
            socket.send(message)
            assert socket.recv(timeout=10) == message


def test_compression_is_agreed_between_the_ends(gateway: RunningGateway, key: str) -> None:
    with open_socket(gateway.port, "/ws", key=key) as socket:
        assert [extension.name for extension in socket.protocol.extensions] == ["permessage-deflate"]
        socket.send("squeeze " * 50_000)
        assert socket.recv(timeout=10) == "squeeze " * 50_000


def test_the_upstream_chooses_among_the_offered_subprotocols(gateway: RunningGateway, key: str) -> None:
    with open_socket(gateway.port, "/ws", key=key, subprotocols=["other", "tune.v1"]) as socket:
        assert socket.subprotocol == "tune.v1"


def test_a_key_offered_as_a_subprotocol_lets_in_and_goes_no_further(
    gateway: RunningGateway, upstream: LastingUpstream, key: str
) -> None:
    with open_socket(
        gateway.port, "/ws", subprotocols=["tune.v2", f"openai-insecure-api-key.{key}"]
    ) as socket:
        assert socket.subprotocol == "tune.v2"
    assert upstream.offers[-1] == "tune.v2"


def test_a_key_in_the_query_lets_in_and_goes_no_further(
    gateway: RunningGateway, upstream: LastingUpstream, key: str
) -> None:
    with open_socket(gateway.port, f"/ws?room=7&access_token={key}&loud") as socket:
        socket.send("in")
        assert socket.recv(timeout=10) == "in"
    assert upstream.queries[-1] == "room=7&loud"


@pytest.mark.parametrize("code", [1000, 1001, 1008, 3000, 4999])
def test_the_upstreams_close_code_and_reason_reach_the_caller(
    gateway: RunningGateway, key: str, code: int
) -> None:
    with open_socket(gateway.port, "/ws", key=key) as socket:
        socket.send(f"close {code} that is enough")
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=10)
        assert (socket.close_code, socket.close_reason) == (code, "that is enough")


def test_the_callers_close_code_reaches_the_upstream(
    gateway: RunningGateway, upstream: LastingUpstream, key: str
) -> None:
    seen = len(upstream.close_codes)
    with open_socket(gateway.port, "/ws", key=key) as socket:
        socket.close(4321, "bye")
        assert socket.close_code == 4321
    eventually(lambda: upstream.close_codes[seen:] == [4321], "the upstream reads the close code")


def test_a_caller_that_vanishes_is_noticed_by_the_upstream_within_a_second(
    gateway: RunningGateway, upstream: LastingUpstream, key: str
) -> None:
    before = upstream.open_now["/ws"]
    with open_socket(gateway.port, "/ws", key=key) as socket:
        eventually(lambda: upstream.open_now["/ws"] == before + 1, "the upstream has it open")
        socket.socket.shutdown(SHUT_RDWR)
        eventually(lambda: upstream.open_now["/ws"] == before, "the upstream's side is closed", 1.0)


@pytest.mark.parametrize(
    ("shown", "reason"),
    [
        pytest.param(None, "credential_missing", id="none"),
        pytest.param("kh_" + "A" * 49, "credential_malformed", id="mistyped"),
        pytest.param("sk-proj-" + "A1b2C3d4" * 12, "credential_foreign", id="of-a-provider"),
    ],
)
def test_a_wrong_key_is_refused_with_401_before_the_upstream_is_touched(
    gateway: RunningGateway, upstream: LastingUpstream, shown: str | None, reason: str
) -> None:
    before = upstream.arrived["/ws"]
    with pytest.raises(InvalidStatus) as caught, open_socket(gateway.port, "/ws", key=shown):
        pass
    response = caught.value.response
    assert response.status_code == 401
    assert response.headers["X-Keyhatch-Reason"] == reason
    assert response.headers["WWW-Authenticate"].startswith('Bearer realm="keyhatch"')
    assert upstream.arrived["/ws"] == before


def test_an_upstream_that_declines_the_upgrade_is_heard(gateway: RunningGateway, key: str) -> None:
    with pytest.raises(InvalidStatus) as caught, open_socket(gateway.port, "/nothing-here", key=key):
        pass
    assert caught.value.response.status_code == 404
    assert "X-Keyhatch-Reason" not in caught.value.response.headers
