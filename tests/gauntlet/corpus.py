"""The payloads as the tests take them, and how one is sent and counted.

Behind every hostile payload follows a sound request, as a smuggler would send it. After a refusal that
closes, nobody hears of it; after one that does not, it is one request more, which the gateway counts too.
The upstream's record is read by a strict reader, so that "a request" means the same to everyone.
"""

from collections.abc import Iterable
from typing import Any

import pytest

from tests.gauntlet.payloads import chunks, framing, heads, targets, upgrades, valid
from tests.gauntlet.payloads.parts import FOLLOWER
from tests.support.plane_stand import Stand
from tests.support.raw_caller import RawCaller
from tests.support.strict_http import Message

DIFFERS = {
    "size-long-extension": "long chunk extensions",
    "last-size-long-extension": "long chunk extensions",
    "trailer-underscore": "trailers",
    "trailer-upgrade": "trailers",
    **{
        f"{chunk}-extension-no-{part}": "loose chunk extensions"
        for chunk in ("size", "last-size")
        for part in ("name", "value")
    },
    "chunks-extension-blanks": "blanks in chunk extensions",
    **{f"field-{name}": "values that are not UTF-8" for name in ("latin-1", "bytes-beyond-ascii")},
}
"""Where the aiohttp plane is known to be otherwise: rows of docs/planes.md."""

CLOSING = {**framing.REFUSED, **chunks.REFUSED, **heads.REFUSED, **upgrades.REFUSED}
EITHER = {**framing.EITHER, **chunks.EITHER, **heads.EITHER}
STAYING = {**heads.STAYING, **targets.STAYING}
PASSED = valid.PASSED
EVERY_THIRD = slice(None, None, 3)
REFUSALS = {*range(400, 500), 501, 505}
_SMALL_BYTES = 2_000


def cases(names: Iterable[str]) -> list[Any]:
    """Each name as a case, marked where a plane differs."""
    return [
        pytest.param(name, marks=pytest.mark.differs("aiohttp", DIFFERS[name])) if name in DIFFERS else name
        for name in names
    ]


def method_of(sent: bytes) -> bytes:
    """The method of a request, which says how its answer is framed."""
    return sent.lstrip(b"\r\n")[:8].partition(b" ")[0]


def piece_bytes(sent: bytes) -> int:
    """In what pieces a payload is sent that is sent slowly."""
    return 1 if len(sent) < _SMALL_BYTES else 4_093


def counted(stand: Stand) -> int:
    """How many requests the gateway says it let pass to an upstream."""
    return sum(told.status != 0 and told.reason is None for told in stand.notebook.ended)


async def refused(stand: Stand, sent: bytes, in_pieces: int | None) -> Message:
    """Send a payload and `FOLLOWER`, at once or in pieces; the one answer, after which the gateway closes."""
    caller = await stand.call()
    if in_pieces is None:
        caller.send(sent + FOLLOWER)
    else:
        await caller.send_slowly(sent + FOLLOWER, in_pieces)
    await caller.until(lambda: caller.is_ended or _passed(caller), "the gateway refuses and closes")
    return await caller.last_response(to=method_of(sent))


def _passed(caller: RawCaller) -> bool:
    response = caller.peek(at_end=False)
    assert response is None or response.status in REFUSALS, f"not refused: {response}"
    return False
