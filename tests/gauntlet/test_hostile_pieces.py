"""A hostile payload that arrives byte by byte is refused like one that arrives whole: every third one."""

import pytest

from tests.gauntlet.corpus import CLOSING, EVERY_THIRD, REFUSALS, cases, counted, piece_bytes, refused
from tests.gauntlet.obliging_upstream import whole
from tests.support.plane_stand import Stand


@pytest.mark.parametrize("name", cases(list(CLOSING)[EVERY_THIRD]))
async def test_nor_does_it_byte_by_byte(stand: Stand, name: str) -> None:
    sent = CLOSING[name]
    response = await refused(stand, sent, piece_bytes(sent))
    assert whole(stand.upstream.requests()) == []
    assert response.status in REFUSALS
    assert counted(stand) == 0
