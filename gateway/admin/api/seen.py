"""What the management API sees of the gateway at work: a key's last call, and the whole at a glance."""

from collections.abc import Callable

from gateway import __version__
from gateway.admin.api.ask import Answer, Ask, Knocked
from gateway.core.keys import Status
from gateway.core.refusal import Reason
from gateway.keeper.watched import Call
from gateway.wire.key_json import rfc3339


async def last_call(ask: Ask) -> Answer:
    """The last call with a key since it is watched. To ask is to watch."""
    call, since = ask.house.watched.look(await ask.key())
    return Answer({"call": None if call is None else _call_json(call), "watched_since": rfc3339(since)})


async def overview(ask: Ask) -> Answer:
    """How the gateway fares, counted since its start, and whether the upstreams can be reached."""
    ask.assert_sees_all()
    upstreams = await ask.house.upstreams()
    metrics = ask.house.metrics
    totals, sources = metrics.totals(), metrics.sources
    keys = {} if sources.key_counts is None else sources.key_counts()
    return Answer(
        {
            "version": __version__,
            "started_at": rfc3339(metrics.started_at),
            "now": rfc3339(ask.house.clock.now()),
            "requests": sum(totals.requests.values()),
            "refusals": {reason.value: n for reason in Reason if (n := totals.results.get(reason.value))},
            "streams_open": _number(sources.live_streams),
            "connections_open": _number(sources.connections),
            "keys": {status.value: keys.get(status.value, 0) for status in Status},
            "upstreams": [_upstream_json(each) for each in upstreams],
        }
    )


def _number(source: Callable[[], int] | None) -> int:
    return 0 if source is None else source()


def _upstream_json(found: Knocked) -> dict[str, object]:
    problem = found.problem
    return {
        "name": found.name,
        "state": "up" if problem is None else "down",
        "checked_at": rfc3339(found.at),
        "problem": None if problem is None else problem.value,
    }


def _call_json(call: Call) -> dict[str, object]:
    return {
        "at": rfc3339(call.at),
        "method": call.method,
        "path": call.path,
        "status": call.status,
        "reason": None if call.reason is None else call.reason.value,
        "from": call.peer,
        "route": call.route_id,
    }
