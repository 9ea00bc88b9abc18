"""When a key dies, what it opened ends within a second, and what still waits is told why."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from gateway.core.decision import Allow, NeedKey
from gateway.core.refusal import Deny
from tests.conformance.conftest import BuildStand
from tests.support.http_samples import EVENTS, answer, chunked, switching, websocket
from tests.support.plane_stand import EPOCH_S, KEY, OTHER_KEY, Stand, key, other_key, request
from tests.support.raw_caller import RawCaller, json_body
from tests.support.raw_connection import steady
from tests.support.scripted_upstream import OK, UpstreamConnection

SOON_S = 1.0
HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def revoke(stand: Stand) -> None:
    await stand.change_key(revoked_at=stand.clock.now())


async def disable(stand: Stand) -> None:
    await stand.change_key(disabled_at=stand.clock.now())


async def delete(stand: Stand) -> None:
    await stand.delete_key()


async def expire(stand: Stand) -> None:
    stand.clock.at = EPOCH_S + 3_600


async def shorten(stand: Stand) -> None:
    await stand.change_key(expires_at=stand.clock.now())


async def rotate(stand: Stand) -> None:
    now = stand.clock.now()
    await stand.change_key(
        digest=b"n" * 32, previous_digest=key().digest, rotated_at=now, previous_secret_valid_until=now
    )


async def change_behind_its_back(stand: Stand) -> None:
    await stand.store.update("key_ada", lambda old: replace(old, revoked_at=EPOCH_S))
    await stand.gatekeeper.data_changed()


DEATHS: dict[str, tuple[Callable[[Stand], Awaitable[None]], bytes]] = {
    "revoked": (revoke, b"key_revoked"),
    "disabled": (disable, b"key_disabled"),
    "deleted": (delete, b"key_unknown"),
    "expired": (expire, b"key_expired"),
    "shortened": (shorten, b"key_expired"),
    "rotated": (rotate, b"key_rotated"),
    "revoked-elsewhere": (change_behind_its_back, b"key_revoked"),
}
Death = Callable[[Stand], Awaitable[None]]


@pytest.fixture
async def mortal(build: BuildStand) -> Stand:
    """A stand whose key lives for an hour, with an upstream driven by hand."""
    return await build(script=None, keys=(key(expires_at=EPOCH_S + 3_600), other_key()))


async def streaming(stand: Stand, shown: bytes = KEY) -> tuple[RawCaller, UpstreamConnection]:
    caller = await stand.call(request(b"GET /any/x HTTP/1.1", EVENTS, shown=shown))
    upstream = await stand.upstream.asked()
    await upstream.request()
    upstream.send(HEAD + chunked(b"data: 1\n\n", end=b""))
    await caller.until_body(b"data: 1\n\n")
    return caller, upstream


@pytest.mark.parametrize(("die", "reason"), DEATHS.values(), ids=DEATHS)
async def test_an_open_stream_is_cut(mortal: Stand, die: Death, reason: bytes) -> None:
    caller, upstream = await streaming(mortal)
    await die(mortal)
    assert (await caller.cut_response(within_s=SOON_S)).body == b"data: 1\n\n"
    await upstream.until_ended(within_s=SOON_S)
    assert (await mortal.exchange()).cut == "key_ended"
    again = await mortal.call(request())
    assert (await again.response()).one(b"x-keyhatch-reason") == reason


@pytest.mark.parametrize(("die", "reason"), DEATHS.values(), ids=DEATHS)
async def test_an_open_websocket_is_cut(mortal: Stand, die: Death, reason: bytes) -> None:
    caller = await mortal.call(websocket())
    upstream = await mortal.upstream.connection()
    await upstream.request()
    upstream.send(switching())
    assert (await caller.response()).status == 101
    await die(mortal)
    await caller.until_ended(within_s=SOON_S)
    await upstream.until_ended(within_s=SOON_S)
    assert caller.rest() == b""
    told = await mortal.exchange()
    assert (told.status, told.cut) == (101, "key_ended")
    again = await mortal.call(websocket())
    assert (await again.response()).one(b"x-keyhatch-reason") == reason


@pytest.mark.parametrize(("die", "reason"), DEATHS.values(), ids=DEATHS)
async def test_a_request_that_waits_is_told(mortal: Stand, die: Death, reason: bytes) -> None:
    caller = await mortal.call(request())
    upstream = await mortal.upstream.connection()
    await upstream.request()
    await die(mortal)
    response = await caller.last_response(within_s=SOON_S)
    assert (response.status, response.one(b"x-keyhatch-reason")) == (401, reason)
    assert response.one(b"www-authenticate") == b'Bearer realm="keyhatch", error="invalid_token"'
    assert json_body(response)["error"]["code"] == reason.decode()
    await upstream.until_ended(within_s=SOON_S)
    told = await mortal.exchange()
    assert (told.status, told.key_id) == (401, "key_ada")


@pytest.mark.parametrize(("die", "reason"), DEATHS.values(), ids=DEATHS)
async def test_an_upload_under_way_is_refused(mortal: Stand, die: Death, reason: bytes) -> None:
    caller = await mortal.call(request(b"POST /any/x HTTP/1.1", b"Content-Length: 100", body=b"half"))
    upstream = await mortal.upstream.connection()
    await upstream.until_received(b"half")
    await die(mortal)
    await caller.until(caller.peek, "an answer", within_s=SOON_S)
    response = await caller.response()
    assert (response.status, response.one(b"x-keyhatch-reason")) == (401, reason)
    await upstream.until_ended(within_s=SOON_S)
    assert not any(each.is_whole for each in upstream.requests())


async def test_a_websocket_in_its_handshake_is_told(mortal: Stand) -> None:
    caller = await mortal.call(websocket())
    upstream = await mortal.upstream.connection()
    await upstream.request()
    await revoke(mortal)
    response = await caller.last_response(within_s=SOON_S)
    assert (response.status, response.one(b"x-keyhatch-reason")) == (401, b"key_revoked")
    await upstream.until_ended(within_s=SOON_S)


async def test_a_stream_whose_reader_does_not_read_is_cut_as_well(mortal: Stand) -> None:
    caller, upstream = await streaming(mortal)
    caller.stop_reading()
    mortal.task(upstream.send_all(chunked(bytes(60_000), end=b"") * 2_000))
    await steady(lambda: upstream.bytes_sent, for_s=0.1)
    await revoke(mortal)
    await upstream.until_ended(within_s=SOON_S)
    assert (await mortal.exchange()).cut == "key_ended"
    caller.go_on_reading()
    await caller.cut_response()


async def test_a_stream_to_a_caller_of_http_1_0_does_not_end_cleanly(mortal: Stand) -> None:
    caller = await mortal.call(request(b"GET /any/x HTTP/1.0"))
    upstream = await mortal.upstream.connection()
    await upstream.request()
    upstream.send(HEAD + chunked(b"data", end=b""))
    await caller.until_received(b"data")
    await revoke(mortal)
    await caller.until_ended(within_s=SOON_S)
    assert caller.was_reset


async def test_what_other_keys_opened_goes_on(mortal: Stand) -> None:
    dying, _ = await streaming(mortal)
    living, upstream = await streaming(mortal, OTHER_KEY)
    await revoke(mortal)
    await dying.cut_response(within_s=SOON_S)
    upstream.send(chunked(b"data: 2\n\n"))
    assert (await living.response()).body == b"data: 1\n\ndata: 2\n\n"


async def test_what_needs_no_key_goes_on(mortal: Stand) -> None:
    caller = await mortal.call(request(b"GET /open/x HTTP/1.1"))
    upstream = await mortal.upstream.connection()
    await upstream.request()
    await revoke(mortal)
    upstream.send(answer(body=b"still here"))
    assert (await caller.response()).body == b"still here"


HARMLESS: dict[str, dict[str, object]] = {
    "renamed": {"name": "Another name"},
    "expiry-moved": {"expires_at": EPOCH_S + 60},
    "rotated-with-overlap": {
        "digest": b"n" * 32,
        "previous_digest": key().digest,
        "rotated_at": EPOCH_S,
        "previous_secret_valid_until": EPOCH_S + 60,
    },
}


@pytest.mark.parametrize("changes", HARMLESS.values(), ids=HARMLESS)
async def test_a_change_that_leaves_the_secret_alive_cuts_nothing(
    mortal: Stand, changes: dict[str, object]
) -> None:
    caller, upstream = await streaming(mortal)
    await mortal.change_key(**changes)
    upstream.send(chunked(b"data: 2\n\n"))
    assert (await caller.response()).body == b"data: 1\n\ndata: 2\n\n"


async def test_the_end_of_an_overlap_cuts_what_the_old_secret_opened(mortal: Stand) -> None:
    caller, upstream = await streaming(mortal)
    await mortal.change_key(**HARMLESS["rotated-with-overlap"])
    mortal.clock.at = EPOCH_S + 60
    await caller.cut_response(within_s=SOON_S)
    await upstream.until_ended(within_s=SOON_S)


async def test_a_key_that_dies_while_it_is_looked_up_opens_nothing(mortal: Stand) -> None:
    mortal.store.may_answer.clear()
    caller = await mortal.call(request())
    await mortal.until_looking()
    await revoke(mortal)
    mortal.store.may_answer.set()
    assert (await caller.response()).one(b"x-keyhatch-reason") == b"key_revoked"
    mortal.assert_untouched()


async def test_a_key_that_dies_right_after_the_decision_is_not_missed(
    mortal: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    gatekeeper, loop = mortal.gatekeeper, asyncio.get_running_loop()
    settle = gatekeeper.settle

    async def settle_before_the_death(need: NeedKey) -> Allow | Deny:
        decision = await settle(need)
        loop.call_soon(gatekeeper.key_changed, "key_ada", key(revoked_at=EPOCH_S))
        return decision

    monkeypatch.setattr(gatekeeper, "settle", settle_before_the_death)
    caller = await mortal.call(request())
    response = await caller.last_response(within_s=SOON_S)
    assert (response.status, response.one(b"x-keyhatch-reason")) == (401, b"key_revoked")


async def test_a_kept_connection_gives_a_dead_key_nothing(mortal: Stand) -> None:
    caller = await mortal.call(request())
    upstream = await mortal.upstream.connection()
    await upstream.request()
    upstream.send(OK)
    assert (await caller.response()).status == 200
    await revoke(mortal)
    caller.send(request())
    assert (await caller.response()).one(b"x-keyhatch-reason") == b"key_revoked"
    caller.send(request(shown=OTHER_KEY))
    await upstream.request()
    upstream.send(OK)
    assert (await caller.response()).status == 200


async def test_a_hundred_streams_of_one_key_end_together(mortal: Stand) -> None:
    streams = [await streaming(mortal) for _ in range(100)]
    assert len(mortal.gatekeeper.live) == 100
    await revoke(mortal)
    for caller, upstream in streams:
        await caller.until_ended(within_s=SOON_S)
        await upstream.until_ended(within_s=SOON_S)
    assert len(mortal.gatekeeper.live) == 0
