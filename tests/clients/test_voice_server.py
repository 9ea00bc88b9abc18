"""A real voice behind the gateway: heard while it is still speaking, and silent when its listener leaves."""

import struct
from collections.abc import Iterator

import openai
import pytest

from tests.support.client_stand import ClientStand, preset_stand
from tests.support.running_gateway import eventually
from tests.support.voice_server import VoiceServer

SENTENCE = "Good morning. A key opened the way here."
LECTURE = "The quick brown fox jumps over the lazy dog. " * 1_000  # ten minutes are 26 MB
WAV_HEADER_BYTES = 44


@pytest.fixture(scope="module")
def voice() -> VoiceServer:
    return VoiceServer()


@pytest.fixture(scope="module")
def stand(voice: VoiceServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClientStand]:
    with preset_stand(tmp_path_factory.mktemp("home"), voice, "kokoro") as stand:
        yield stand


@pytest.fixture
def client(stand: ClientStand) -> Iterator[openai.OpenAI]:
    key = stand.key("audio:speech")
    with openai.OpenAI(base_url=f"{stand.gateway.url}/v1", api_key=key, max_retries=0) as client:
        yield client


def test_a_sentence_is_a_whole_wav_file(client: openai.OpenAI) -> None:
    sound = client.audio.speech.create(model="espeak", voice="en", input=SENTENCE).content
    assert (sound[:4], sound[8:12], sound[36:40]) == (b"RIFF", b"WAVE", b"data")
    _, kind, channels, hertz = struct.unpack("<IHHI", sound[16:28])
    assert (kind, channels, hertz) == (1, 1, 22_050)
    seconds = (len(sound) - WAV_HEADER_BYTES) / 2 / hertz
    assert 1 < seconds < 10
    assert max(sound[WAV_HEADER_BYTES:]) > 0, "it is not silence"


def test_what_is_asked_for_reaches_the_voice(client: openai.OpenAI) -> None:
    slow, fast = (
        len(client.audio.speech.create(model="espeak", voice="en", input=SENTENCE, speed=speed).content)
        for speed in (0.5, 2.0)
    )
    assert slow > 2 * fast


def test_the_first_sound_is_heard_while_it_is_still_speaking_and_leaving_silences_it(
    client: openai.OpenAI, stand: ClientStand, voice: VoiceServer
) -> None:
    with (
        stand.left_once("/v1/audio/speech"),
        client.audio.speech.with_streaming_response.create(
            model="espeak", voice="en", input=LECTURE
        ) as response,
    ):
        assert response.headers["transfer-encoding"] == "chunked"
        pieces = response.iter_bytes(1024)  # kept, since to let go of it is to leave
        assert next(pieces).startswith(b"RIFF")
        assert voice.speaking == 1
    eventually(lambda: voice.speaking == 0, "it is silent", 3)


def test_a_key_without_the_scope_hears_nothing(stand: ClientStand, voice: VoiceServer) -> None:
    with (
        openai.OpenAI(base_url=f"{stand.gateway.url}/v1", api_key=stand.key("models:read")) as client,
        stand.exactly(1, 403),
        pytest.raises(openai.PermissionDeniedError, match="Needed here: audio:speech"),
    ):
        client.audio.speech.create(model="espeak", voice="en", input=SENTENCE)
    assert voice.speaking == 0
