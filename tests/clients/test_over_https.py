"""The same SDKs over HTTPS, trusting a certificate that the gateway's operator made: nothing else changes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import requests
from elevenlabs.client import ElevenLabs
from websockets.exceptions import InvalidStatus

from tests.support.ai_upstream import AUDIO, ENDLESS, READY, REPLY, ai_upstream
from tests.support.client_stand import UNKNOWN, ClientStand, client_stand
from tests.support.sdks import SDKS, Door, Sdk
from tests.support.signalr_hub import SignalRHub
from tests.support.signalr_node import NodeSignalR
from tests.support.tls_caller import write_pair

ROUTES: list[dict[str, Any]] = [{"id": "all", "path": "/**", "upstream": "main", "scopes": ["chat:write"]}]

outdated = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # SDKs use old names of `websockets`
every_sdk = pytest.mark.parametrize("sdk", SDKS, ids=[sdk.name for sdk in SDKS])


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The operator's certificate, trusted by every client in this process and those it starts."""
    trusted, _ = write_pair(tmp_path_factory.mktemp("certificate"))
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"):
            patch.setenv(name, str(trusted))
        yield trusted


@pytest.fixture(scope="module")
def tls(certificate: Path) -> dict[str, Any]:
    pair = {"cert_file": str(certificate), "key_file": str(certificate.with_suffix(".key"))}
    return {"proxy": "127.0.0.1:0", "admin": "127.0.0.1:0", "tls": pair}


@pytest.fixture(scope="module")
def stand(tls: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClientStand]:
    with client_stand(tmp_path_factory.mktemp("home"), ai_upstream(), ROUTES, server=tls) as stand:
        yield stand


def door(stand: ClientStand, key: str = "", **other: Any) -> Door:
    return Door(f"https://localhost:{stand.gateway.port}", key or stand.key("chat:write"), **other)


@every_sdk
def test_it_gets_an_answer_and_a_stream(stand: ClientStand, sdk: Sdk) -> None:
    with sdk.open(door(stand)) as client:
        whole = sdk.ask(client, READY)
        assert "".join(sdk.pieces(client, READY)) == whole
    assert whole == (AUDIO.decode("latin-1") if sdk.name == "elevenlabs" else REPLY)


@every_sdk
def test_a_refusal_says_why_and_whoever_leaves_stops_the_work(stand: ClientStand, sdk: Sdk) -> None:
    with sdk.open(door(stand, UNKNOWN)) as client, pytest.raises(sdk.refused, match="not issued by this"):
        sdk.ask(client, READY)
    with stand.left_once(sdk.paths[1].format(model=ENDLESS)), sdk.open(door(stand)) as client:
        pieces = sdk.pieces(client, ENDLESS)
        assert next(pieces)
        pieces.close()  # type: ignore[attr-defined] # they are generators


@outdated
def test_openais_realtime_converses(stand: ClientStand) -> None:
    """Its address is always wss://, made from base_url."""
    base, key = f"https://localhost:{stand.gateway.port}/v1", stand.key("chat:write")
    with openai.OpenAI(base_url=base, api_key=key) as client, client.realtime.connect(model=READY) as talk:
        assert talk.recv().type == "session.created"
        talk.response.create()
        assert talk.recv().type == "response.done"
    with (
        openai.OpenAI(base_url=base, api_key=UNKNOWN) as client,
        stand.exactly(1, 401),
        pytest.raises(InvalidStatus, match="HTTP 401"),
        client.realtime.connect(model=READY),
    ):
        pass


@outdated
def test_elevenlabs_speaks_as_the_text_comes(stand: ClientStand) -> None:
    base = f"https://localhost:{stand.gateway.port}"
    with httpx.Client() as http:
        client = ElevenLabs(base_url=base, api_key=stand.key("chat:write"), httpx_client=http)
        words = iter(["Good morning. ", "A key opened the way here. "])
        sound = client.text_to_speech.convert_realtime("v1", text=words, model_id=READY)
        assert b"".join(sound) == AUDIO


def test_requests_trusts_it_and_without_the_certificate_does_not(
    stand: ClientStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"https://localhost:{stand.gateway.port}/v1/models"
    shown = {"X-API-Key": stand.key("chat:write")}
    assert requests.get(url, headers=shown, timeout=10).status_code == 200
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(url, headers=shown, timeout=10)


@pytest.mark.parametrize("transport", ["WebSockets", "ServerSentEvents"])
def test_signalr_connects_and_invokes(tls: dict[str, Any], tmp_path: Path, transport: str) -> None:
    with client_stand(tmp_path, SignalRHub(), ROUTES, server=tls) as stand:
        url = f"https://localhost:{stand.gateway.port}/hub"
        with NodeSignalR(url, stand.key("chat:write"), transport) as client:
            client.expect("started")
            client.tell(send={"$type": "authenticate", "client": "tests"})
            assert client.expect("received")["message"] == {"$type": "welcome", "user": "tests"}
            client.expect("done")
        with NodeSignalR(url, UNKNOWN, transport) as client:
            assert "This key was not issued by this gateway" in client.expect("failed")["error"]
