"""What nginx cannot do for the upstream: event streams, one short event every 20 ms, and reading bodies away.

nginx passes `/v1/stream` and `/v1/sink` on to this server, whose CPU time is nobody's.
"""

import asyncio
import sys

TICK_S = 0.02
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
TAKEN = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
EVENT = b'data: {"id":"chunk","choices":[{"delta":{"content":"word "},"index":0}]}\n\n'


async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one request: read a body to its end, or send events until the other side leaves."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    try:
        if head.startswith(b"post"):
            await take_body(reader, int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
            writer.write(TAKEN)
            await writer.drain()
            return
        writer.write(HEAD)
        while not writer.is_closing():
            writer.write(EVENT)
            await writer.drain()
            await asyncio.sleep(TICK_S)
    except ConnectionError:
        pass
    finally:
        writer.close()


async def take_body(reader: asyncio.StreamReader, length: int) -> None:
    """Read so many bytes."""
    while length > 0:
        piece = await reader.read(262_144)
        if not piece:
            return
        length -= len(piece)


async def main(port: int) -> None:
    """Serve until the process is ended."""
    server = await asyncio.start_server(serve_one, "127.0.0.1", port, backlog=512, limit=1_048_576)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
