"""Requests that a web page elsewhere had a browser send: refused, whatever key they bear.

A browser says where a request comes from (`Origin`, RFC 6454; `Sec-Fetch-Site`, W3C Fetch Metadata), and a
page cannot change that. Programs send neither, and are not concerned. There are no CORS headers here, so no
page elsewhere could read an answer either.
"""

from http import HTTPStatus
from typing import Final

from aiohttp import web

from gateway.admin.api.problems import Code, Refused

_OURS: Final = frozenset({"same-origin", "none"})


def assert_same_origin(request: web.Request) -> None:
    """Return if no browser says that it comes from elsewhere; raises `Refused`."""
    host = request.headers.get("Host", "").lower()
    origins = [each.strip().lower() for each in request.headers.getall("Origin", [])]
    sites = [each.strip().lower() for each in request.headers.getall("Sec-Fetch-Site", [])]
    is_elsewhere = any(not host or each not in (f"http://{host}", f"https://{host}") for each in origins)
    if is_elsewhere or any(each not in _OURS for each in sites):
        raise Refused(
            HTTPStatus.FORBIDDEN,
            Code.ORIGIN_NOT_ALLOWED,
            "A web page of another origin asked for this. Use the management API from a program, or from a "
            "page of this listener.",
        )
