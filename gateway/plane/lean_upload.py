"""The caller's body on its way: bytes of the caller in, bytes for the upstream out. Pure.

A body of a declared length passes as it came, to the byte. A chunked one is framed anew for the upstream,
one chunk for each read: what an upstream's parser might take otherwise (extensions, odd sizes, trailers that
decide) never reaches it. Trailer fields pass by the rules of `wire.trailers`.
"""

from gateway.plane.lean_framing import ByChunks, ByLength, Fault, chunk, payload
from gateway.wire.trailers import TrailerFault, passed_on


class TooLarge(Exception):
    """The body is larger than the limit."""


class Upload:
    """One request's body. `body_bytes`: payload so far; at most `most`, unless that is None."""

    __slots__ = ("_framing", "_is_chunked", "_most", "body_bytes", "is_over")

    def __init__(self, length: int | None, *, chunked: bool, most: int | None) -> None:
        self._framing = ByChunks() if chunked else ByLength(length or 0)
        self._is_chunked = chunked
        self._most = most
        self.body_bytes = 0
        self.is_over = self._framing.is_over

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """What the upstream is to be sent, and what came behind the body. Raises `Fault`, `TooLarge`."""
        framing = self._framing
        spans, end = framing.walk(data)
        for begin, to in spans:
            self.body_bytes += to - begin
        if self._most is not None and self.body_bytes > self._most:
            raise TooLarge
        self.is_over = framing.is_over
        rest = data[end:] if end < len(data) else b""
        body = payload(data, spans)
        if not self._is_chunked:
            return body, rest
        return chunk(body) + self._end(framing.trailer) if self.is_over else chunk(body), rest

    def _end(self, trailer: bytes) -> bytes:
        try:
            return b"0\r\n" + passed_on(trailer, from_caller=True)
        except TrailerFault as fault:
            raise Fault(str(fault)) from None
