"""Guarantees of gateway/demo/audio.py: a real WAV file that comes in pieces."""

import io
import itertools
import struct
import wave

import aiohttp

from gateway.demo import Demo
from gateway.demo.audio import DURATION_S, RATE_HZ, TONE_HZ, tone


def test_the_tone_is_a_wav_file_of_the_promised_length_and_pitch() -> None:
    with wave.open(io.BytesIO(tone())) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, RATE_HZ)
        assert sound.getnframes() == RATE_HZ * DURATION_S
        samples = struct.unpack(f"<{sound.getnframes()}h", sound.readframes(sound.getnframes()))
    rises = sum(before < 0 <= after for before, after in itertools.pairwise(samples))
    assert abs(rises - TONE_HZ * DURATION_S) <= 1
    assert 1_000 < max(samples) < 32_767


async def test_the_tone_arrives_whole_without_a_length_told_beforehand(demo: Demo) -> None:
    async with aiohttp.ClientSession() as caller, caller.get(demo.url + "/audio") as reply:
        assert reply.content_type == "audio/wav"
        assert reply.content_length is None
        assert await reply.read() == tone()


async def test_the_first_piece_does_not_wait_for_the_last(demo: Demo) -> None:
    async with aiohttp.ClientSession() as caller, caller.get(demo.url + "/audio") as reply:
        first = await reply.content.readany()
    assert first.startswith(b"RIFF")
    assert len(first) < len(tone())
