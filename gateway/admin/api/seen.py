"""What the management API sees of the traffic on the callers' port: a key's last call."""

from gateway.admin.api.ask import Answer, Ask
from gateway.keeper.watched import Call
from gateway.wire.key_json import rfc3339


async def last_call(ask: Ask) -> Answer:
    """The last call with a key since it is watched. To ask is to watch."""
    key = await ask.key()
    call, since = ask.house.watched.look(key.id)
    return Answer({"call": None if call is None else _call_json(call), "watched_since": rfc3339(since)})


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
