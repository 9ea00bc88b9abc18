"""A real voice server: `espeak-ng` behind `/v1/audio/speech` as OpenAI shaped it, in WAV.

The sound goes out while espeak-ng is still speaking. It stops when whoever listens has left.
"""

import asyncio

from aiohttp import web

from tests.support.programs import program
from tests.support.watched_upstream import WatchedUpstream

PIECE_BYTES = 4096


class VoiceServer(WatchedUpstream):
    """`speaking` counts the voices at work: those that were not told to be silent."""

    def __init__(self) -> None:
        super().__init__([web.post("/v1/audio/speech", self._speak)])
        self.speaking = 0
        self._command = program("espeak-ng")

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        words_per_minute = str(int(175 * asked.get("speed", 1)))
        process = await asyncio.create_subprocess_exec(
            *(self._command, "--stdout", "--stdin", "-s", words_per_minute),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        self.speaking += 1
        try:
            response = web.StreamResponse(headers={"Content-Type": "audio/wav"})
            await response.prepare(request)
            process.stdin.write(asked["input"].encode("utf-8"))
            process.stdin.close()
            while piece := await process.stdout.read(PIECE_BYTES):
                await response.write(piece)
            return response
        finally:
            self.speaking -= 1
            if process.returncode is None:
                process.kill()
            await asyncio.shield(self._buried(process))

    async def _buried(self, process: asyncio.subprocess.Process) -> None:
        """Wait for its end. What is left in its pipe is read, else asyncio does not see the end of that."""
        assert process.stdout is not None
        while await process.stdout.read(PIECE_BYTES):
            pass
        await process.wait()
