"""What each plane tells of a key's usage: whose exchange it was, how it was judged, what it weighed."""

from datetime import date
from typing import Any

import pytest

from gateway.core.keys import ApiKey
from gateway.core.refusal import Reason
from gateway.keeper.days import UsageDay, UsageQuery
from gateway.wire.request_head import Limits
from tests.conformance.conftest import BuildStand
from tests.support.http_samples import chunked, websocket
from tests.support.plane_stand import ELSEWHERE, EPOCH_S, KEY, STRANGE_KEY, Stand, key, request

TODAY = date(2027, 1, 15)
SINCE = EPOCH_S - 60
ROTATED = {"digest": b"n" * 32, "previous_digest": key().digest, "rotated_at": SINCE}

REFUSED: dict[str, tuple[Reason, ApiKey, bytes]] = {
    "scope_missing": (Reason.SCOPE_MISSING, key(), request(b"GET /admin/x HTTP/1.1")),
    "scope_missing-websocket": (Reason.SCOPE_MISSING, key(), websocket(b"/admin/ws")),
    "address_not_allowed": (Reason.ADDRESS_NOT_ALLOWED, key(allow_from=(ELSEWHERE,)), request()),
    "key_revoked": (Reason.KEY_REVOKED, key(revoked_at=SINCE), request()),
    "key_revoked-websocket": (Reason.KEY_REVOKED, key(revoked_at=SINCE), websocket(b"/any/ws")),
    "key_revoked-own-path": (
        Reason.KEY_REVOKED,
        key(revoked_at=SINCE),
        request(b"GET /.keyhatch/me HTTP/1.1"),
    ),
    "key_expired": (Reason.KEY_EXPIRED, key(expires_at=SINCE), request()),
    "key_disabled": (Reason.KEY_DISABLED, key(disabled_at=SINCE), request()),
    "key_rotated": (Reason.KEY_ROTATED, key(**ROTATED), request()),
}
OF_NOBODY = {
    "without-a-key": request(shown=None),
    "unknown": request(shown=STRANGE_KEY),
    "malformed": request(shown=KEY[:-1]),
    "no-route": request(b"GET /nowhere HTTP/1.1"),
    "public": request(b"GET /open/x HTTP/1.1"),
}


async def counted(stand: Stand) -> list[UsageDay]:
    """The usage of the exchanges that the stand has seen."""
    days = stand.gatekeeper.usage.days
    for exchange in stand.notebook.ended:
        days.exchange_ended(exchange)
    return await days.page(stand.store, UsageQuery())


@pytest.mark.parametrize(("reason", "record", "sent"), REFUSED.values(), ids=REFUSED)
async def test_a_refused_key_is_told_by_its_id_and_its_last_use_is_not_touched(
    build: BuildStand, reason: Reason, record: ApiKey, sent: bytes
) -> None:
    stand = await build(keys=(record,))
    for number in range(2):  # first from the store, then from the cache
        caller = await stand.call(sent)
        assert (await caller.response()).one(b"x-keyhatch-reason") == reason.encode()
        assert (await stand.exchange(number)).key_id == "key_ada"
    [day] = await counted(stand)
    assert (day.key_id, day.day, day.requests, day.refusals) == ("key_ada", TODAY, 0, {reason: 2})
    assert day.last_address == "127.0.0.1"
    assert await stand.gatekeeper.usage.flush()
    stored = await stand.store.get("key_ada")
    assert stored == record
    assert stand.gatekeeper.usage.latest(record) == record


@pytest.mark.parametrize("sent", OF_NOBODY.values(), ids=OF_NOBODY)
async def test_what_no_key_was_found_for_is_nobodys_usage(stand: Stand, sent: bytes) -> None:
    await (await stand.call(sent)).response()
    assert (await stand.exchange()).key_id is None
    assert await counted(stand) == []


async def test_a_request_that_passes_counts_with_its_bytes(stand: Stand) -> None:
    sent = request(b"POST /any/x HTTP/1.1", b"Content-Length: 5", body=b"12345")
    answer = await (await stand.call(sent)).response()
    exchange = await stand.exchange()
    assert (exchange.bytes_in, exchange.bytes_out) == (5, len(answer.body))
    assert await counted(stand) == [UsageDay("key_ada", TODAY, 1, {}, 5, len(answer.body), "127.0.0.1")]


@pytest.mark.parametrize(
    ("sent", "setting"),
    [
        pytest.param(request(b"GET /down/x HTTP/1.1"), {}, id="upstream-down"),
        pytest.param(
            request(b"POST /any/x HTTP/1.1", b"Transfer-Encoding: chunked", body=chunked(bytes(1001))),
            {"limits": Limits(body_bytes_max=1000)},
            id="body-too-large",
        ),
    ],
)
async def test_trouble_after_the_decision_is_a_request_as_it_is_a_use(
    build: BuildStand, sent: bytes, setting: dict[str, Any]
) -> None:
    stand = await build(**setting)
    await (await stand.call(sent)).response()
    exchange = await stand.exchange()
    assert (exchange.key_id, exchange.reason is None) == ("key_ada", False)
    [day] = await counted(stand)
    assert (day.requests, day.refusals) == (1, {})
    await stand.gatekeeper.usage.flush()
    stored = await stand.store.get("key_ada")
    assert stored is not None
    assert stored.use_count == 1
