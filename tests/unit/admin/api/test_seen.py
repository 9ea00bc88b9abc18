"""Guarantees of gateway/admin/api/seen.py: whoever waits for a call with a key sees it, and no secret."""

from gateway import __version__
from gateway.admin.api.ask import Knocked, Unreachable
from gateway.core.refusal import Reason
from gateway.keeper.watched import PATH_CHARS_MAX
from gateway.wire.key_json import rfc3339
from tests.support.records import NOW
from tests.unit.admin.api.stand import ABSENT, STRANGER, Held, Stand
from tests.unit.keeper.test_watched import exchange


async def created(stand: Stand, admin: Held) -> str:
    """A key that was made over the API; its id."""
    made: str = (await stand.ask(admin, "POST", "/keys", {"name": "a"})).json["id"]
    return made


async def test_the_first_call_of_a_new_key_is_seen(stand: Stand, admin: Held) -> None:
    key_id = await created(stand, admin)
    asked = f"/keys/{key_id}/last-call"
    waiting = (await stand.ask(admin, "GET", asked)).json
    assert waiting == {"call": None, "watched_since": rfc3339(NOW)}
    stand.clock.time += 3
    stand.observers.exchange_ended(exchange(key_id))
    assert (await stand.ask(admin, "GET", asked)).json == {
        "call": {
            "at": rfc3339(NOW + 3),
            "method": "GET",
            "path": "/v1/models",
            "status": 200,
            "reason": None,
            "from": "192.168.1.20",
            "route": "models",
        },
        "watched_since": rfc3339(NOW),
    }


async def test_a_call_before_the_first_question_is_seen(stand: Stand, admin: Held) -> None:
    key_id = await created(stand, admin)
    stand.observers.exchange_ended(exchange(key_id, status=403, reason=Reason.SCOPE_MISSING, route_id=None))
    told = (await stand.ask(admin, "GET", f"/keys/{key_id}/last-call")).json["call"]
    assert (told["status"], told["reason"], told["route"]) == (403, "scope_missing", None)


async def test_a_rotated_key_is_waited_for_anew(stand: Stand, admin: Held) -> None:
    key_id = await created(stand, admin)
    stand.observers.exchange_ended(exchange(key_id))
    stand.clock.time += 3
    await stand.ask(admin, "POST", f"/keys/{key_id}/rotate")
    told = (await stand.ask(admin, "GET", f"/keys/{key_id}/last-call")).json
    assert told == {"call": None, "watched_since": rfc3339(NOW + 3)}
    stand.observers.exchange_ended(exchange(key_id))
    assert (await stand.ask(admin, "GET", f"/keys/{key_id}/last-call")).json["call"] is not None


async def test_a_key_that_was_made_elsewhere_is_watched_once_somebody_asks(stand: Stand, admin: Held) -> None:
    key = await stand.make("made on the command line")
    stand.observers.exchange_ended(exchange(key.id))
    asked = f"/keys/{key.id}/last-call"
    assert (await stand.ask(admin, "GET", asked)).json["call"] is None
    stand.observers.exchange_ended(exchange(key.id))
    assert (await stand.ask(admin, "GET", asked)).json["call"] is not None


async def test_a_secret_in_a_path_is_not_seen(stand: Stand, admin: Held) -> None:
    key_id = await created(stand, admin)
    stand.observers.exchange_ended(exchange(key_id, path=f"/{STRANGER}/{'p' * 400}"))
    told = (await stand.ask(admin, "GET", f"/keys/{key_id}/last-call")).json["call"]["path"]
    assert told.startswith("/kh_****/ppp")
    assert len(told) == PATH_CHARS_MAX


async def test_who_may_not_see_the_key_does_not_watch_it_either(stand: Stand) -> None:
    own = await stand.make("own", "keyhatch:own", owner="ann")
    hidden = await stand.make("hidden", owner="bob")
    for key_id in (hidden.id, ABSENT):
        assert (await stand.ask(own, "GET", f"/keys/{key_id}/last-call")).status == 404
    assert stand.observers._ended == ()


async def test_a_deleted_key_has_no_call(stand: Stand, admin: Held) -> None:
    key_id = await created(stand, admin)
    await stand.ask(admin, "POST", f"/keys/{key_id}/revoke")
    await stand.ask(admin, "DELETE", f"/keys/{key_id}")
    assert (await stand.ask(admin, "GET", f"/keys/{key_id}/last-call")).status == 404


async def test_the_gateway_at_a_glance(stand: Stand, admin: Held) -> None:
    stand.metrics.exchange_ended(exchange())
    for _ in range(2):
        refused = exchange(None, status=401, reason=Reason.KEY_UNKNOWN, route_id=None)
        stand.metrics.exchange_ended(refused)
    stand.metrics.exchange_ended(exchange(status=502, reason=Reason.UPSTREAM_UNREACHABLE))
    sources = stand.metrics.sources
    sources.live_streams, sources.connections = lambda: 3, lambda: 7
    sources.key_counts = lambda: {"active": 5, "revoked": 1}
    stand.upstreams = [Knocked("local-ai", NOW, None), Knocked("voice", NOW + 1, Unreachable.REFUSED)]
    stand.clock.time += 60
    assert (await stand.ask(admin, "GET", "/overview")).json == {
        "version": __version__,
        "started_at": rfc3339(NOW),
        "now": rfc3339(NOW + 60),
        "requests": 4,
        "refusals": {"key_unknown": 2},
        "streams_open": 3,
        "connections_open": 7,
        "keys": {"active": 5, "expiring": 0, "expired": 0, "disabled": 0, "revoked": 1},
        "upstreams": [
            {"name": "local-ai", "state": "up", "checked_at": rfc3339(NOW), "problem": None},
            {
                "name": "voice",
                "state": "down",
                "checked_at": rfc3339(NOW + 1),
                "problem": "refuses connections",
            },
        ],
    }


async def test_a_gateway_without_anything_is_empty_at_a_glance(stand: Stand, admin: Held) -> None:
    told = (await stand.ask(admin, "GET", "/overview")).json
    assert (told["requests"], told["refusals"], told["upstreams"]) == (0, {}, [])
    assert (told["streams_open"], told["connections_open"]) == (0, 0)
    assert set(told["keys"].values()) == {0}


async def test_who_manages_only_their_own_keys_does_not_see_the_whole(stand: Stand) -> None:
    own = await stand.make("own", "keyhatch:own", owner="ann")
    told = await stand.ask(own, "GET", "/overview")
    assert (told.status, told.code) == (403, "not_allowed")
