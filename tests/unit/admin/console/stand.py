"""The console's questions on the stand of the management API."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.admin.console.files import add_files, read_files
from gateway.admin.console.sign_in import Facts, SignIn
from tests.unit.admin.api.stand import Held, Stand, Told

HERE = {"Host": "localhost:8081"}


@dataclass(slots=True)
class Browser:
    """What a page has of its session: the cookie that was set for it, and the token that it was told."""

    cookie: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


class ConsoleStand(Stand):
    """The admin listener's application with the console."""

    def __init__(self) -> None:
        super().__init__()
        facts = Facts(("127.0.0.1", 8080), "kh", 90 * 86_400.0)
        SignIn(self.access, self.clock, lambda: facts).add_to(self.app)
        add_files(self.app, read_files())

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        by: Browser | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Told:
        """Ask as the page does, on the name by which a browser calls the listener."""
        sent = {**HERE, **(headers or {})}
        if by is not None and by.cookie:
            sent["Cookie"] = by.cookie
        if by is not None and by.token:
            sent["X-Keyhatch-Csrf"] = by.token
        if body is not None:
            sent["Content-Type"] = "application/json"
        data = None if body is None else json.dumps(body).encode()
        async with self.client.request(
            method,
            path,
            data=data,
            headers=sent,
            allow_redirects=False,
            skip_auto_headers=["Accept-Encoding"],
        ) as answer:
            return Told(answer.status, answer.headers.copy(), await answer.read())

    async def sign_in(self, held: Held, **headers: str) -> Browser:
        """Sign in, as far as a browser keeps what it is told."""
        told = await self.send("POST", "/console/session", {"key": held.secret}, headers=headers)
        assert told.status == 201, told.raw
        return Browser(told.headers["Set-Cookie"].partition(";")[0], told.json["token"])
