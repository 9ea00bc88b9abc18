"""The sound of the demo upstream: two seconds of a 440 Hz tone as a real WAV file, sent in pieces.

It is streamed without a length, as speech servers do, so that one hears (or counts) that the gateway
passes each piece on when it comes.
"""

import asyncio
import math
import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from aiohttp import web

from gateway.demo.settings import PAUSE_S

RATE_HZ: Final = 16_000
TONE_HZ: Final = 440
DURATION_S: Final = 2
PIECES: Final = 10
_SAMPLE_BYTES: Final = 2
_LOUDNESS: Final = 0.25 * 32_767


async def stream_tone(request: web.Request) -> web.StreamResponse:
    """Answer `GET /audio` with the tone, piece by piece."""
    response = web.StreamResponse(headers={"Content-Type": "audio/wav"})
    await response.prepare(request)
    for piece in _pieces(tone()):
        await asyncio.sleep(request.app[PAUSE_S])
        await response.write(piece)
    await response.write_eof()
    return response


@lru_cache(maxsize=1)
def tone() -> bytes:
    """The whole WAV file: mono, 16 bit, little-endian."""
    count = RATE_HZ * DURATION_S
    turn = 2 * math.pi * TONE_HZ / RATE_HZ
    samples = struct.pack(f"<{count}h", *(round(_LOUDNESS * math.sin(turn * at)) for at in range(count)))
    kind = struct.pack("<HHIIHH", 1, 1, RATE_HZ, RATE_HZ * _SAMPLE_BYTES, _SAMPLE_BYTES, 8 * _SAMPLE_BYTES)
    body = b"WAVE" + b"fmt " + struct.pack("<I", len(kind)) + kind
    body += b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _pieces(sound: bytes) -> Iterator[bytes]:
    size = math.ceil(len(sound) / PIECES)
    for start in range(0, len(sound), size):
        yield sound[start : start + size]
