"""Guarantees of gateway/plane/lean_exchange.py: told once, refused while that can be said, cut after that.

What can be seen on the wire is held by tests/conformance; here are the moments that the wire cannot choose.
"""

import asyncio
from dataclasses import replace

import pytest

from gateway.core.refusal import Deny, Reason
from gateway.plane.contract import Ground
from tests.unit.plane.lean_stage import GET, KEYED, LIMITS, OK, Stage, status_of

STREAM = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch)


async def until_quiet() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_known_key_is_decided_in_the_same_step(stage: Stage) -> None:
    stage.remember()
    _, upstream = stage.link()
    stage.caller(KEYED)
    assert b"\r\nx-keyhatch-key-id: k1\r\n" in upstream.written


async def test_while_the_store_is_asked_nothing_reaches_the_upstream(stage: Stage) -> None:
    await stage.store.insert(stage.remember())
    stage.keeper.cache.clear()
    _, upstream = stage.link()
    caller, _ = stage.caller(KEYED)
    assert (upstream.written, caller.is_busy) == (b"", True)
    stage.wait(1, caller)
    await until_quiet()
    assert upstream.written.count(b"GET /any/x") == 1


async def test_a_caller_that_left_while_the_store_was_asked_is_not_served(stage: Stage) -> None:
    await stage.store.insert(stage.remember())
    stage.keeper.cache.clear()
    _, upstream = stage.link()
    caller, _ = stage.caller(KEYED)
    caller.connection_lost(None)
    await until_quiet()
    assert upstream.written == b""
    assert [each.cut for each in stage.witness.ended] == ["caller_gone"]


async def test_a_key_that_dies_is_refused_while_that_can_be_said_and_cut_after(stage: Stage) -> None:
    key = stage.remember()
    dead = replace(key, revoked_at=stage.clock.wall)
    stage.link()
    _, early = stage.caller(KEYED)
    stage.keeper.key_changed(key.id, dead)
    assert status_of(early.written) == 401
    stage.keeper.key_changed(key.id, key)
    stage.remember()
    link, _ = stage.link()
    _, late = stage.caller(KEYED, peer="198.51.100.8")
    link.data_received(STREAM)
    stage.keeper.key_changed(key.id, dead)
    assert late.is_closing()
    assert [(each.status, each.cut) for each in stage.witness.ended] == [(401, None), (200, "key_ended")]


async def test_what_is_over_is_told_once_whatever_comes(stage: Stage) -> None:
    stage.remember()
    link, _ = stage.link()
    caller, transport = stage.caller(KEYED)
    exchange = caller._exchange
    assert exchange is not None
    link.data_received(OK)
    written = transport.take()
    exchange.caller_left()
    exchange.end_by_key(Deny(Reason.KEY_REVOKED))
    exchange.cut("shutdown")
    assert (transport.written, status_of(written)) == (b"", 200)
    assert (stage.witness.began, len(stage.witness.ended)) == (1, 1)


async def test_an_upstream_that_a_reload_took_away_is_a_refusal_and_a_logged_fault(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.plane.ground = Ground({}, LIMITS)
    _, transport = stage.caller(GET)
    assert status_of(transport.written) == 502
    assert "there is no upstream 'main'" in caplog.text
    assert stage.witness.ended[0].reason is Reason.UPSTREAM_PROTOCOL


async def test_an_accident_after_the_store_was_asked_is_a_refusal_too(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.store.insert(stage.remember())
    stage.keeper.cache.clear()
    stage.plane.ground = Ground({}, LIMITS)
    _, transport = stage.caller(KEYED)
    await until_quiet()
    assert status_of(transport.written) == 502
    assert "there is no upstream 'main'" in caplog.text


async def test_an_accident_in_the_middle_of_an_answer_cuts_it(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    link, upstream = stage.link()
    _, transport = stage.caller(GET)
    link.data_received(STREAM)

    def fail(_: bytes) -> None:
        raise RuntimeError("a fault in the house")

    transport.may_write = fail
    link.data_received(b"1\r\na\r\n")
    assert transport.is_closing()
    assert upstream.was_aborted
    assert "a fault in the house" in caplog.text
    assert [each.cut for each in stage.witness.ended] == ["upstream_cut"]


async def test_an_accident_when_all_is_over_changes_nothing(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    link, _ = stage.link()
    caller, transport = stage.caller(GET)
    exchange = caller._exchange
    assert exchange is not None
    link.data_received(OK)
    written = transport.written
    exchange.accident()
    assert (transport.written, len(stage.witness.ended)) == (written, 1)
    assert "unexpected" in caplog.text


async def later_use(stage: Stage) -> None:
    """A use in the store that is later than any that comes, as after a wall clock that went back."""
    await stage.store.insert(stage.remember())
    stage.keeper.usage.note("k1", "198.51.100.8", stage.clock.now() + 60)
    assert await stage.keeper.usage.flush()


async def test_a_holder_who_left_before_the_answer_is_not_answered(stage: Stage) -> None:
    await later_use(stage)
    caller, transport = stage.caller(KEYED.replace(b"/any/x", b"/.keyhatch/me"))
    caller.connection_lost(None)
    await until_quiet()
    assert transport.written == b""
    assert [each.cut for each in stage.witness.ended] == ["caller_gone"]


async def test_a_holder_is_told_of_the_key_at_once(stage: Stage) -> None:
    stage.remember()
    _, transport = stage.caller(KEYED.replace(b"/any/x", b"/.keyhatch/me"))
    assert status_of(transport.written) == 200
    assert b'"last_used_from": "198.51.100.7"' in transport.written


async def test_a_holder_is_told_of_a_later_use_that_only_the_store_knows(stage: Stage) -> None:
    await later_use(stage)
    _, transport = stage.caller(KEYED.replace(b"/any/x", b"/.keyhatch/me"))
    await until_quiet()
    assert status_of(transport.written) == 200
    assert b'"key 1"' in transport.written
