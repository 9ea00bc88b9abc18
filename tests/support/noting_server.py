"""A server in a process of its own that notes what it carries out: `python -m tests.support.noting_server`.

Each request's `X-Number` is written into a file before it is answered, in one write, so the note survives a
`kill -9` that the answer does not. The answer is the server's name.
"""

import asyncio
import os
import sys

from aiohttp import web

PAUSE_S = 0.003


def main(name: str, port: int, notes: str) -> None:
    """Serve on this port."""
    file = os.open(notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def answer(request: web.Request) -> web.Response:
        os.write(file, f"{request.method} {request.headers.get('X-Number', '-')}\n".encode())
        await asyncio.sleep(PAUSE_S)
        return web.Response(text=name)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    web.run_app(app, host="127.0.0.1", port=port, print=None)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
