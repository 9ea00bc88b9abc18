"""What payloads are made of, and the two kinds of them.

A payload to be refused is plain bytes. Behind each the test sends `FOLLOWER`, as a smuggler would: after a
refusal that closes nobody may ever hear of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests.support.http_samples import chunked
from tests.support.plane_stand import KEY, request

TE: Final = b"Transfer-Encoding: chunked"
CL: Final = b"Content-Length: 5"
HELLO: Final = b"hello"
CHUNKED_HELLO: Final = chunked(HELLO)
KEYED: Final = b"Host: gate.example\r\nX-API-Key: " + KEY + b"\r\n"
FOLLOWER_TARGET: Final = b"/open/follower"
FOLLOWER: Final = request(b"GET " + FOLLOWER_TARGET + b" HTTP/1.1", shown=None)

Table = Mapping[str, bytes]


@dataclass(frozen=True)
class Valid:
    """Bytes that hold `bodies` many valid requests, each of which must arrive with that body, once.

    `status` is what each must be answered with.
    """

    sent: bytes
    bodies: tuple[bytes, ...] = (b"",)
    status: int = 200


def post(*fields: bytes, body: bytes = b"", target: bytes = b"/any/x", version: bytes = b"1.1") -> bytes:
    """A POST with the key."""
    return request(b"POST " + target + b" HTTP/" + version, *fields, body=body)


def get(*fields: bytes, target: bytes = b"/any/x", version: bytes = b"1.1") -> bytes:
    """A GET with the key."""
    return request(b"GET " + target + b" HTTP/" + version, *fields)


def line(text: bytes, fields: bytes = KEYED) -> bytes:
    """A head that begins with this line."""
    return text + b"\r\n" + fields + b"\r\n"


def named(prefix: str, parts: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same table, its names behind a prefix."""
    return {f"{prefix}-{name}": sent for name, sent in parts.items()}
