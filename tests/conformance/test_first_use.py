"""Where a rotation says so, the first request with the new secret ends the old one, and what it opened."""

from collections.abc import Callable

import pytest

from gateway.core.keys import ApiKey, digest_of
from gateway.keeper.audit import Act
from gateway.keeper.ports import CHANGE, StoreUnavailable
from tests.conformance.conftest import BuildStand
from tests.support.http_samples import EVENTS, chunked, switching, websocket
from tests.support.plane_stand import EPOCH_S, KEY, STRANGE_KEY, Stand, key, request
from tests.support.raw_connection import eventually

SOON_S = 1.0
NEW = STRANGE_KEY
ROTATED = key(
    digest=digest_of(NEW.decode("ascii")),
    previous_digest=digest_of(KEY.decode("ascii")),
    rotated_at=EPOCH_S,
    previous_secret_valid_until=EPOCH_S + 86_400,
    previous_until_first_use=True,
)


async def rotated(build: BuildStand, *, script: bool = True) -> Stand:
    """A stand whose key was rotated until first use; both secrets lead to it."""
    stand = await build(keys=(key(),), **({} if script else {"script": None}))
    await stand.change_key(
        **{name: getattr(ROTATED, name) for name in ("digest", "previous_digest", "rotated_at")},
        previous_secret_valid_until=ROTATED.previous_secret_valid_until,
        previous_until_first_use=True,
    )
    return stand


async def reason(stand: Stand, shown: bytes, line: bytes = b"GET /any/x HTTP/1.1") -> bytes | None:
    caller = await stand.call(request(line, shown=shown))
    response = await caller.response()
    return None if response.status == 200 else response.one(b"x-keyhatch-reason")


async def test_the_old_secret_passes_until_the_new_one_did(build: BuildStand) -> None:
    stand = await rotated(build)
    for _ in range(3):
        assert await reason(stand, KEY) is None
    for _ in range(3):
        assert await reason(stand, NEW) is None
        assert await reason(stand, KEY) == b"key_rotated"


async def test_on_connections_that_stay_open_it_is_no_different(build: BuildStand) -> None:
    stand = await rotated(build)
    old, new = await stand.call(), await stand.call()
    for _ in range(3):
        old.send(request(shown=KEY))
        assert (await old.response()).status == 200
    new.send(request(shown=NEW))
    assert (await new.response()).status == 200
    old.send(request(shown=KEY))
    assert (await old.response()).one(b"x-keyhatch-reason") == b"key_rotated"


async def test_a_refused_request_with_the_new_secret_ends_nothing(build: BuildStand) -> None:
    stand = await rotated(build)
    assert await reason(stand, NEW, b"GET /admin/x HTTP/1.1") == b"scope_missing"
    assert await reason(stand, NEW, b"GET /nowhere HTTP/1.1") == b"no_route"
    assert await reason(stand, KEY) is None


async def test_what_the_old_secret_opened_ends_with_it(build: BuildStand) -> None:
    stand = await rotated(build, script=False)
    stream = await stand.call(request(b"GET /any/x HTTP/1.1", EVENTS))
    upstream = await stand.upstream.asked()
    await upstream.request()
    upstream.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"data: 1\n\n", end=b""))
    await stream.until_body(b"data: 1\n\n")
    socket = await stand.call(websocket())
    upstream = await stand.upstream.asked()
    await upstream.request()
    upstream.send(switching())
    assert (await socket.response()).status == 101
    new = await stand.call(request(shown=NEW))
    await stream.cut_response(within_s=SOON_S)
    await socket.until_ended(within_s=SOON_S)
    upstream = await stand.upstream.asked()
    await upstream.request()
    upstream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    assert (await new.response()).body == b"ok"
    assert [(await stand.exchange(number)).cut for number in (0, 1)] == ["key_ended"] * 2


async def test_it_is_written_behind_the_request_also_if_the_store_was_down_at_first(
    build: BuildStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand = await rotated(build)
    stand.clock.at += 60
    update, tries = stand.store.update, 0

    async def late(key_id: str, change: Callable[[ApiKey], ApiKey], act: Act = CHANGE) -> ApiKey:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise StoreUnavailable("down")
        return await update(key_id, change, act)

    monkeypatch.setattr(stand.store, "update", late)
    stand.task(stand.gatekeeper.first_uses.run(retry_s=0.01))
    assert await reason(stand, NEW) is None
    assert await reason(stand, KEY) == b"key_rotated"
    await eventually(lambda: not stand.gatekeeper.first_uses.pending, "the first use is written")
    written = await stand.store.get("key_ada")
    assert written is not None
    assert written.previous_secret_valid_until == EPOCH_S + 60
    last = (await stand.store.audit())[-1]
    assert (last.act, last.actor, last.at) == ("first_use", "key_ada", EPOCH_S + 60)
    assert stand.store_errors == 1
    assert await reason(stand, KEY) == b"key_rotated"
