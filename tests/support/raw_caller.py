"""A caller that sends exactly these bytes and reads the answers strictly."""

import asyncio
import json
from typing import Any

from tests.support.raw_connection import DEADLINE_S, RawConnection
from tests.support.strict_http import Message, NotHttp, read_response


class RawCaller(RawConnection):
    """One connection to the gateway."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = 0

    async def response(self, to: bytes = b"GET", within_s: float = DEADLINE_S) -> Message:
        """Take the next response, which must be whole and end where its framing says; `to` is the method."""

        def whole() -> Message | None:
            response = self.peek(to)
            if response is not None and response.is_whole:
                return response
            assert not self.is_ended, f"the answer stopped before its end: {self.state()}"
            return None

        response = await self.until(whole, "a whole response", within_s)
        self.taken += response.size
        return response

    async def last_response(self, to: bytes = b"GET", within_s: float = DEADLINE_S) -> Message:
        """Take the next response, after which the gateway must close without another byte."""
        await self.until(lambda: self.is_ended, "the gateway closes", within_s)
        response = await self.response(to)
        assert self.rest() == b"", "bytes after the last response"
        return response

    async def cut_response(self, to: bytes = b"GET", within_s: float = DEADLINE_S) -> Message:
        """The next response, which the gateway must break off before its end."""
        await self.until(lambda: self.is_ended, "the gateway closes", within_s)
        response = self.peek(to, at_end=False)
        assert response is not None, f"not even a head: {self.state()}"
        assert not response.is_whole, "a cut answer looks whole"
        return response

    async def until_body(self, expected: bytes, within_s: float = DEADLINE_S) -> None:
        """Wait until the body of the next response, as far as it came, is exactly this."""

        def there() -> bool:
            response = self.peek()
            return response is not None and response.body == expected

        await self.until(there, f"the body {expected[-200:]!r}", within_s)

    def peek(self, to: bytes = b"GET", *, at_end: bool | None = None) -> Message | None:
        """The next response as far as it came; it is not taken."""
        data = bytes(self.received[self.taken :])
        return read_response(data, to, at_end=self.is_ended if at_end is None else at_end)

    def rest(self) -> bytes:
        """What was received and not taken."""
        return bytes(self.received[self.taken :])


async def call(host: str, port: int, *pieces: bytes) -> RawCaller:
    """Connect and send."""
    loop = asyncio.get_running_loop()
    _, caller = await loop.create_connection(RawCaller, host, port)
    caller.send(*pieces)
    return caller


def json_body(response: Message) -> Any:
    """The body of a response that says it is JSON."""
    if response.one(b"content-type") != b"application/json":
        raise NotHttp(f"not JSON: {response.fields}")
    return json.loads(response.body)
