"""What else people do with these SDKs: models, embeddings, responses, speech, uploads; a store in trouble."""

import io
from collections.abc import Iterator
from threading import Thread
from typing import Any

import anthropic
import httpx
import ollama
import openai
import pytest

from tests.support.ai_upstream import AUDIO, READY, REPLY, ai_upstream
from tests.support.client_stand import ClientStand, client_stand
from tests.support.running_gateway import eventually
from tests.support.sdks import SDKS, Door, Sdk

SCOPES = {"chat:write": "Ask", "audio:speech": "Listen", "models:read": "List", "models:manage": "Manage"}
ROUTES: list[dict[str, Any]] = [
    {"id": "ask", "path": "/**", "upstream": "main", "scopes": ["chat:write"]},
    {"id": "list", "path": "/api/tags", "upstream": "main", "scopes": ["models:read"]},
    {"id": "pull", "path": "/api/pull", "upstream": "main", "scopes": ["models:manage"]},
]
UPLOAD_BYTES = 5_000_000


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClientStand]:
    folder = tmp_path_factory.mktemp("home")
    with client_stand(folder, ai_upstream(), ROUTES, scopes=SCOPES) as stand:
        yield stand


@pytest.fixture
def client(stand: ClientStand) -> Iterator[openai.OpenAI]:
    key = stand.key("chat:write")
    with openai.OpenAI(base_url=f"{stand.gateway.url}/v1", api_key=key, max_retries=0) as client:
        yield client


def test_openai_lists_models_and_makes_embeddings(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [READY]
    made = client.embeddings.create(model=READY, input="good morning", encoding_format="float")
    assert made.data[0].embedding == [0.25, -0.5]


def test_openais_responses_come_whole_and_as_events(client: openai.OpenAI) -> None:
    assert client.responses.create(model=READY, input="good morning").output_text == REPLY
    with client.responses.create(model=READY, input="good morning", stream=True) as events:
        said = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert said == REPLY


def test_openais_speech_arrives_in_pieces(client: openai.OpenAI) -> None:
    with client.audio.speech.with_streaming_response.create(
        model=READY, voice="alloy", input="good morning"
    ) as response:
        pieces = list(response.iter_bytes(1024))
    assert b"".join(pieces) == AUDIO
    assert len(pieces) > 5


def test_openais_upload_for_a_transcription_arrives_whole(client: openai.OpenAI) -> None:
    recording = io.BytesIO(b"\x01" * UPLOAD_BYTES)
    recording.name = "speech.wav"
    assert client.audio.transcriptions.create(model=READY, file=recording).text == (
        f"{UPLOAD_BYTES} bytes of speech.wav"
    )


def test_openais_own_headers_reach_the_upstream(stand: ClientStand, client: openai.OpenAI) -> None:
    client.models.with_raw_response.list(extra_headers={"OpenAI-Beta": "assistants=v2"})
    seen = stand.upstream.last("/v1/models").headers
    assert seen["openai-beta"] == "assistants=v2"
    assert seen["x-stainless-lang"] == "python"
    assert "authorization" not in seen


def test_anthropics_own_headers_reach_the_upstream(stand: ClientStand) -> None:
    with anthropic.Anthropic(base_url=stand.gateway.url, api_key=stand.key("chat:write")) as client:
        client.beta.messages.create(
            model=READY, max_tokens=10, messages=[{"role": "user", "content": "hi"}], betas=["tools-2024"]
        )
    seen = stand.upstream.last("/v1/messages").headers
    assert seen["anthropic-version"]
    assert seen["anthropic-beta"] == "tools-2024"
    assert not {"x-api-key", "authorization"} & seen.keys()


def test_ollama_lists_and_generates_with_a_key_that_may_not_pull(stand: ClientStand) -> None:
    shown = {"Authorization": f"Bearer {stand.key('chat:write', 'models:read')}"}
    with ollama.Client(host=stand.gateway.url, headers=shown, timeout=10) as client:
        assert [model.model for model in client.list().models] == [READY]
        assert client.generate(READY, "good morning").response == REPLY
        with stand.exactly(1, 403), pytest.raises(ollama.ResponseError, match="models:manage") as caught:
            client.pull("something-large")
    assert caught.value.status_code == 403
    assert stand.upstream.count("/api/pull") == 0


def test_ollama_takes_its_key_from_the_environment_too(
    stand: ClientStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_API_KEY", stand.key("chat:write"))
    monkeypatch.setenv("OLLAMA_HOST", stand.gateway.url)
    with ollama.Client(timeout=10) as client:
        assert client.generate(READY, "good morning").response == REPLY


@pytest.mark.parametrize(
    "sdk", [sdk for sdk in SDKS if sdk.name in {"openai", "anthropic"}], ids=lambda sdk: sdk.name
)
def test_an_sdk_that_retries_gets_in_once_the_store_is_back(stand: ClientStand, sdk: Sdk) -> None:
    never_seen = stand.home.make_key(f"Patient {sdk.name}", "chat:write")
    aside = stand.home.store.rename(stand.home.folder / "aside.db")
    refused = len(stand.gateway.lines(reason="store_unavailable"))

    def mend() -> None:
        eventually(
            lambda: len(stand.gateway.lines(reason="store_unavailable")) > refused, "it was refused once"
        )
        aside.rename(stand.home.store)

    mender = Thread(target=mend)
    mender.start()
    try:
        with stand.exactly(1, 503), sdk.open(Door(stand.gateway.url, never_seen, retries=2)) as client:
            assert sdk.ask(client, READY) == REPLY
    finally:
        mender.join()


@pytest.mark.parametrize(
    "sdk", [sdk for sdk in SDKS if sdk.name in {"ollama", "elevenlabs"}], ids=lambda sdk: sdk.name
)
def test_an_sdk_that_does_not_retry_says_that_the_key_could_not_be_checked(
    stand: ClientStand, sdk: Sdk
) -> None:
    never_seen = stand.home.make_key(f"Unlucky {sdk.name}", "chat:write")
    aside = stand.home.store.rename(stand.home.folder / "aside.db")
    try:
        with (
            stand.exactly(1, 503),
            sdk.open(Door(stand.gateway.url, never_seen)) as client,
            pytest.raises(sdk.refused, match="could not be checked"),
        ):
            sdk.ask(client, READY)
    finally:
        aside.rename(stand.home.store)


def test_a_prepared_httpx_client_inside_an_sdk_keeps_its_connection(stand: ClientStand) -> None:
    """People hand their own httpx client to SDKs; ours must not close what it could keep."""
    key = stand.key("chat:write")
    with httpx.Client(headers={"x-api-key": key}, base_url=stand.gateway.url) as http:
        streams = [http.get("/v1/models").extensions["network_stream"] for _ in range(5)]
        assert len({stream.get_extra_info("client_addr") for stream in streams}) == 1
