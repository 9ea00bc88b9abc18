"""Guarantees of gateway/plane/own_reply.py: an answer of our own says its length, its date and its end."""

import pytest

from gateway.core.credentials import NOTHING_TO_STRIP
from gateway.core.decision import Allow
from gateway.core.dialect import Dialect
from gateway.core.refusal import Deny, Reason
from gateway.core.routes import Route, RouteTable
from gateway.keeper.gatekeeper import Gatekeeper
from gateway.plane.account import Account
from gateway.plane.own_reply import refuse, reply_bytes
from gateway.store.memory import MemoryKeyStore
from gateway.wire.reply import TABLE, Reply
from tests.support.plane_stand import HandClock

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


@pytest.mark.parametrize(
    ("deny", "allowed", "path", "body"),
    [
        (Deny(Reason.NO_ROUTE), None, "/api/x", b'{"error": "There'),
        (Deny(Reason.NO_ROUTE), None, "/x", b'{"type": "error", "error": {'),
        (Deny(Reason.NO_ROUTE), None, "/k/kh_****/api/x", b'{"error": "There'),
        (Deny(Reason.NO_ROUTE, route_id="mine"), None, "/api/x", b"There is"),
        (Deny(Reason.NO_ROUTE), "mine", "/api/x", b"There is"),
    ],
    ids=["path", "elsewhere", "behind-a-key", "refused-route", "allowed-route"],
)
def test_a_refusal_is_told_as_is_spoken_there(
    deny: Deny, allowed: str | None, path: str, body: bytes
) -> None:
    mine = Route("mine", "/**", dialect=(("/", Dialect.TEXT),))
    table = RouteTable([mine], (), (("/api", Dialect.OLLAMA),))
    keeper = Gatekeeper(table, "kh", MemoryKeyStore(), HandClock(), lambda: None)
    account = Account("rid", "GET", "192.0.2.1", 0.0, keep_alive=True, path=path)
    account.allow = None if allowed is None else Allow(mine, NOTHING_TO_STRIP)
    reply = refuse(account, deny, keeper)
    assert reply.body.startswith(body)
    assert account.deny is deny
