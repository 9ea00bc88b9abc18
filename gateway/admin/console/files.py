"""The files of the console: read once, served from memory, under a policy that runs nothing but them.

1. The page loads nothing from elsewhere and runs no script that stands in it: the policy (CSP level 3) allows
   own files alone, and no script may turn text into markup (Trusted Types). Nobody frames it.
2. Files are told apart by their digest (`ETag`) and asked for again each time; who has one gets a 304.
3. They are served compressed to whoever takes that: the first visit stays under 100 KB (a test measures it).
4. Only files that were there at the start of the console are served: no path leads anywhere else.
"""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import hdrs, web

PATH: Final = "/console/"
FOLDER: Final = Path(__file__).parent / "static"
PAGE: Final = "index.html"

_RULES: Final = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'none'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}
POLICY: Final = "; ".join(f"{name} {value}" for name, value in _RULES.items())
HEADERS: Final = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "clipboard-write=(self), camera=(), geolocation=(), microphone=(), payment=()",
    "Vary": "Accept-Encoding",
    "X-Frame-Options": "DENY",
}
_WHERE_TRUSTED: Final = {"Cross-Origin-Opener-Policy": "same-origin"}
"""Browsers take it over TLS and from loopback alone, and complain of it elsewhere."""

_TYPES: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class File:
    """One file, as it is and compressed."""

    raw: bytes
    packed: bytes
    content_type: str

    @property
    def etag(self) -> str:
        """Names its content."""
        return f'"{hashlib.sha256(self.raw).hexdigest()[:32]}"'


def read_files(folder: Path = FOLDER) -> dict[str, File]:
    """Every file of the console by its name; a kind that nobody knows is a mistake of ours (`KeyError`)."""
    return {
        path.name: File(raw, gzip.compress(raw, 9, mtime=0), _TYPES[path.suffix])
        for path in sorted(folder.iterdir())
        if (raw := path.read_bytes())
    }


def add_files(app: web.Application, files: Mapping[str, File]) -> None:
    """Give the application the console's page and what belongs to it; `/` leads there."""

    async def lead(_request: web.Request) -> web.Response:
        return web.Response(status=303, headers={hdrs.LOCATION: PATH})

    for path in ("/", PATH.rstrip("/")):
        app.router.add_get(path, lead)
    app.router.add_get(PATH, _Served(files[PAGE]).answer)
    for name, file in files.items():
        app.router.add_get(f"{PATH}{name}", _Served(file).answer)


class _Served:
    """Answers with one file."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._etag = file.etag

    async def answer(self, request: web.Request) -> web.Response:
        headers = {**HEADERS, hdrs.ETAG: self._etag}
        if "Sec-Fetch-Site" in request.headers:  # said only to where the browser trusts the way
            headers.update(_WHERE_TRUSTED)
        asked = request.headers.get(hdrs.IF_NONE_MATCH, "")
        if self._etag in (tag.strip().removeprefix("W/") for tag in asked.split(",")):
            return web.Response(status=304, headers=headers)
        takes = request.headers.get(hdrs.ACCEPT_ENCODING, "").lower().replace(" ", "").split(",")
        body = self._file.raw
        if "gzip" in takes:
            headers[hdrs.CONTENT_ENCODING] = "gzip"
            body = self._file.packed
        return web.Response(body=body, headers=headers, content_type=self._file.content_type, charset="utf-8")
