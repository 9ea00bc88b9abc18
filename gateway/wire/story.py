"""What would happen to a request: its outcome, the route it meets, the refusal if there is one.

It goes the way of a real request (`gateway.core.policy`), so it cannot tell a different story than the
gateway. Pure, and nothing is sent anywhere.
"""

from dataclasses import dataclass, replace
from typing import Final

from gateway.core.credentials import NOTHING_TO_STRIP
from gateway.core.decision import NeedKey
from gateway.core.keys import ApiKey
from gateway.core.ours import Ours
from gateway.core.policy import admit, judge
from gateway.core.refusal import Deny, Reason
from gateway.core.request import RequestView, read_target
from gateway.core.routes import OWN_ROUTES, Own, Route, RouteTable

ALLOWED: Final = "allowed"
REFUSED: Final = "refused"
NEEDS_KEY: Final = "needs_key"


@dataclass(frozen=True, slots=True)
class Story:
    """What would happen to a request: its outcome, the route it meets, and the refusal if there is one."""

    outcome: str
    route: Route | None
    deny: Deny | None = None


def tell(
    method: str, path: str, table: RouteTable, key: ApiKey | None, peer: str | None, now: float
) -> Story:
    """What would happen to the request. A key's networks count only where the caller's address is known."""
    target = read_target(path.encode("utf-8", "surrogateescape"), slashes=table.takes_slashes)
    if isinstance(target, Deny):
        return Story(REFUSED, None, target)
    route = table.match(method, target)
    if isinstance(route, Deny):
        return Story(REFUSED, _by_id(table, route.route_id), route)
    view = RequestView(method, replace(target, query=b""), (), peer or "", called=(b"localhost",))
    if key is None or route.public:
        seen = admit(view, table, Ours("-"))  # no text begins with it: the story is of a caller without a key
        if not isinstance(seen, Deny):
            return Story(ALLOWED, route)
        if seen.reason is Reason.CREDENTIAL_MISSING:
            return Story(NEEDS_KEY, route)
        return Story(REFUSED, None if route.own is Own.NOTHING else route, seen)
    judged = key if peer is not None else replace(key, allow_from=())
    verdict = judge(NeedKey(key.digest, route, NOTHING_TO_STRIP, view.peer), judged, now)
    return Story(REFUSED, route, verdict) if isinstance(verdict, Deny) else Story(ALLOWED, route)


def _by_id(table: RouteTable, route_id: str | None) -> Route | None:
    return next((route for route in (*table.routes, *OWN_ROUTES) if route.id == route_id), None)


def story_json(story: Story) -> dict[str, object]:
    """The story in the words of `keyhatch explain -o json` and of the management API."""
    route, deny = story.route, story.deny
    return {
        "outcome": story.outcome,
        "route": None if route is None else _route_json(route),
        "reason": None if deny is None else deny.reason.value,
    }


def _route_json(route: Route) -> dict[str, object]:
    door = route.anonymous
    return {
        "id": route.id,
        "path": route.path,
        "methods": None if route.methods is None else sorted(route.methods),
        "upstream": route.upstream or None,
        "public": route.public,
        "scopes": list(route.scopes),
        "any_of": list(route.any_of),
        "anonymous": None
        if door is None
        else {"from": [str(network) for network in door.networks], "scopes": sorted(door.scopes)},
    }
