"""The mutation grid as raw requests: spellings × methods × versions × forms of the target × Hosts.

Every spelling meets every method; versions, forms and Hosts are met by spellings that mean to arrive at the
guarded folder. What is not among the advisories is a seeded choice from the whole grid.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tests.fuzz.path_grid import ADVISORIES, grid

METHODS: Final = ("GET", "HEAD", "POST", "get", "GeT", "X", "TRACE", "CONNECT", "OPTIONS")
HOSTS: Final = (
    *("a/b", "a?b", "a#b", "a@b", "a\\b", "a b", "a,b", "", "[::1", "a" * 300, "a:99999", "/admin/keys"),
    *("evil/admin/keys", "evil/admin?", "gate.example/admin/keys#", "http://gate.example/admin/keys?"),
)
OVERRIDES: Final = (
    *("X-Forwarded-Uri", "X-Original-URL", "X-Original-URI", "X-Rewrite-URL", "X-Forwarded-Prefix"),
    *("X-Forwarded-Path", "X-HTTP-Method-Override", "Forwarded", "X-Middleware-Subrequest"),
)
HARMLESS: Final = (
    *(
        "/public/x",
        "/public/%78",
        "/public/x;y=z",
        "/public/x?admin=/admin/keys",
        "/public/admin/keys",
        "/x/admin",
    ),
    *("/administrator/keys", "/admins", "/xadmin/keys", "/x-admin", "/public/a%20b", "/%78/keys", "/keys"),
)
"""What must still pass: a gateway that refuses everything would be no proof."""

GOOD_HOST: Final = "gate.example"
CHOSEN: Final = 150


@dataclass(frozen=True)
class Case:
    """One raw request; `raw` says all of it but the key."""

    name: str
    method: str
    head: bytes

    def raw(self, secret: str) -> bytes:
        """The whole of it."""
        return self.head + f"X-Case: {self.name}\r\nX-API-Key: {secret}\r\n\r\n".encode()


def case(
    number: int,
    target: str,
    method: str = "GET",
    version: str = "1.1",
    host: str = GOOD_HOST,
    extra: str = "",
) -> Case:
    """Its name is a number and what it asks for, in characters that any log keeps."""
    name = f"{number}:{method}:{version}:{target}:{host[:20]}:{extra}"
    safe = re.sub(r"[^0-9A-Za-z/.;:%?&=*]", "~", name)
    head = f"{method} {target} HTTP/{version}\r\nHost: {host}\r\n{extra}".encode()
    return Case(safe, method, head)


def cases() -> Iterator[Case]:
    """About 1,800."""
    chosen = random.Random(3).sample(sorted(set(grid()) - set(ADVISORIES)), CHOSEN)
    for number, parts in enumerate(_parts(chosen)):
        yield case(number, **parts)


def _parts(chosen: list[str]) -> Iterator[dict[str, str]]:
    for spelling in (*ADVISORIES, *HARMLESS):
        for method in METHODS:
            yield {"target": spelling, "method": method}
        yield {"target": spelling, "version": "1.0"}
        yield {"target": f"http://{GOOD_HOST}{spelling}"}
        yield {"target": f"http://{GOOD_HOST}{spelling}", "version": "1.0"}
    for spelling in chosen:
        yield {"target": spelling}
    for host in HOSTS:
        for target in ("/public/x", "/admin/keys", "/", "/x", "http://gate.example/public/x"):
            yield {"target": target, "host": host}
            yield {"target": target, "host": host, "version": "1.0"}
    for name in OVERRIDES:
        yield {"target": "/public/x", "extra": f"{name}: /admin/keys\r\n"}
        yield {"target": "/admin/keys", "extra": f"{name}: /public/x\r\n"}
