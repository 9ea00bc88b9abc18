"""A browser's question before a page's request: OPTIONS with `Origin` and `Access-Control-Request-Method`.

It carries no key and never will, so it is judged by itself, and answered by the gateway. It reaches no
upstream and opens no door: the request it asks about is judged when it comes.

1. Where the route that takes the method asked for answers CORS, the question is answered (`Own.PREFLIGHT`).
2. A path whose routes take other methods refuses as it would the request.
3. Where no route is, the question is answered if any route answers that origin: else the page would never
   read that there is nothing here, and its author would look for the fault in CORS.
4. Elsewhere OPTIONS is a method like any other.
"""

import re
from dataclasses import replace
from typing import Final

from gateway.core.credentials import NOTHING_TO_STRIP
from gateway.core.decision import Allow
from gateway.core.refusal import Deny, Reason
from gateway.core.request import Headers, RequestView
from gateway.core.routes import PREFLIGHT_ROUTE, Own, RouteTable

REQUEST_METHOD: Final = b"access-control-request-method"

_METHOD: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}")


def preflight(view: RequestView, table: RouteTable) -> Allow | Deny | None:
    """What is made of a preflight; None if this is none, or none that the gateway answers."""
    cors = table.cors
    if cors is None or view.method != "OPTIONS":
        return None
    origin, method = only(view.headers, b"origin"), only(view.headers, REQUEST_METHOD)
    if origin is None or method is None or _METHOD.fullmatch(method) is None:
        return None
    route = table.match(method.decode("ascii"), view.target)
    if not isinstance(route, Deny):
        mine = table.cors_of(route)
        stays = replace(route, strip_prefix="", add_prefix="")  # it goes nowhere, so nothing of it is moved
        twin = replace(stays, own=Own.PREFLIGHT, public=True, upstream="", cors=mine)
        return None if mine is None else Allow(twin, NOTHING_TO_STRIP)
    if route.reason is not Reason.NO_ROUTE:
        return None if table.cors_of(table.by_id.get(route.route_id or "")) is None else route
    is_answered = cors.answers(origin.decode("latin-1"))
    return Allow(replace(PREFLIGHT_ROUTE, cors=cors), NOTHING_TO_STRIP) if is_answered else None


def only(headers: Headers, name: bytes) -> bytes | None:
    """The value of a field that was sent exactly once, in whatever case."""
    found = [value for field, value in headers if field.lower() == name]
    return found[0] if len(found) == 1 else None
