"""What a browser does by itself: the key that its user typed once goes with whatever any page asks for.

So a page of another site could act with it (cross-site request forgery). Where a route makes browsers ask
for a key, a request that may change something, or opens a WebSocket, and shows its key in `Authorization:
Basic`, must come from a page of this very server. A browser says where it comes from in `Sec-Fetch-Site`
(over https and on this machine) and in `Origin`; no page can say otherwise. Who says neither is no browser.
"""

from typing import Final

from gateway.core.request import SAFE, Kind, RequestView

_OWN: Final = frozenset({b"same-origin", b"none"})  # none: the user typed the address


def is_unasked(view: RequestView) -> bool:
    """Whether another site's page made a browser send its key along."""
    if view.method in SAFE and view.kind is not Kind.WEBSOCKET:
        return False
    said = dict(view.headers)
    if not said.get(b"authorization", b"").lower().startswith(b"basic"):
        return False
    site = said.get(b"sec-fetch-site")
    if site is not None:
        return site not in _OWN
    origin = said.get(b"origin")
    if origin is None:
        return False
    here = {said.get(b"host"), said.get(b"x-forwarded-host")}
    return origin.lower().partition(b"://")[2] not in {host.lower() for host in here if host is not None}
