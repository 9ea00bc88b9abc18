"""Guarantees of gateway/plane/own_reply.py: an answer of our own says its length, its date and its end."""

import pytest

from gateway.plane.own_reply import reply_bytes
from gateway.wire.reply import TABLE, Reply

REPLY = Reply(404, ((b"x-a", b"1"),), b'{"a": 1}')


@pytest.mark.parametrize(
    ("is_head", "keep_alive", "expected"),
    [
        pytest.param(
            False,
            True,
            b'HTTP/1.1 404 Not Found\r\ndate: D\r\nx-a: 1\r\ncontent-length: 8\r\n\r\n{"a": 1}',
            id="stays",
        ),
        pytest.param(
            False,
            False,
            b"HTTP/1.1 404 Not Found\r\ndate: D\r\nx-a: 1\r\ncontent-length: 8\r\n"
            b'connection: close\r\n\r\n{"a": 1}',
            id="closes",
        ),
        pytest.param(
            True,
            True,
            b"HTTP/1.1 404 Not Found\r\ndate: D\r\nx-a: 1\r\ncontent-length: 8\r\n\r\n",
            id="to-head",
        ),
    ],
)
def test_an_answer_of_our_own_is_framed_by_its_length(
    is_head: bool, keep_alive: bool, expected: bytes
) -> None:
    assert reply_bytes(REPLY, b"D", is_head=is_head, keep_alive=keep_alive) == expected


@pytest.mark.parametrize("status", sorted({200, *(row.status for row in TABLE.values())}))
def test_every_status_we_answer_with_has_its_phrase(status: int) -> None:
    line = reply_bytes(Reply(status, (), b""), b"D", is_head=False, keep_alive=True).split(b"\r\n")[0]
    assert len(line.split(b" ", 2)[2]) > 1
