"""The management API on a stand: a store in memory, a clock that stands still, keys to ask with.

Every answer to a documented question is held to the document: its status stands there, its body
has the shape.
"""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import jsonschema_rs
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.admin.answers import PROBLEM
from gateway.admin.api.access import Access
from gateway.admin.api.ask import House, Knocked
from gateway.admin.api.openapi import document
from gateway.admin.api.operations import BASE, OPERATIONS, Operation
from gateway.admin.api.serve import Api
from gateway.admin.api.throttle import Throttle
from gateway.admin.app import build_admin_app
from gateway.admin.sessions import Sessions
from gateway.config.reloaded import Reloaded
from gateway.core.hosts import Hosts
from gateway.core.keys import ApiKey
from gateway.core.routes import Route, RouteTable
from gateway.keeper.desk import KeyDraft
from gateway.keeper.draining import Targets
from gateway.keeper.keyring import Keyring
from gateway.keeper.watched import Watched
from gateway.logs.observers import Observers
from gateway.logs.scrub import scrubber
from gateway.metrics import Metrics
from gateway.store.memory import MemoryKeyStore
from gateway.wire.targets import UpstreamTarget
from gateway.wire.upstream import Upstream
from tests.support.records import StillClock, repeatable_entropy
from tests.support.vaults import VaultStand
from tests.unit.admin.conftest import make_pages

Client = TestClient[web.Request, web.Application]
DOCUMENT = document(OPERATIONS)
ABSENT = "key_0000000000000000"
STRANGER = "kh_8okNIhSXfRxxKZxv7Fa0tk7SThxjCN2owYNrPBtto2U4TdOZU"
"""Well formed, and issued by nobody."""
SCRUB = scrubber(["kh"])
CATALOGUE = {"chat:write": "Ask for completions", "models:read": "List models"}
ROUTES = RouteTable([Route("models", "/v1/models", "local-ai", scopes=("models:read",))])


@dataclass(frozen=True, slots=True)
class Held:
    """A key and its secret."""

    id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Told:
    """An answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def code(self) -> str:
        """What a problem is about."""
        assert self.headers["Content-Type"].startswith(PROBLEM)
        told: str = self.json["code"]
        return told

    @property
    def fields(self) -> list[str]:
        """The fields that are wrong."""
        return sorted(each["field"] for each in self.json["errors"])

    @property
    def besides_id(self) -> dict[str, Any]:
        """The body but for the id of the request."""
        return {name: value for name, value in self.json.items() if name != "request_id"}


class Stand:
    """The API over one keyring. `peer` is where the caller seems to be."""

    def __init__(self) -> None:
        self.store = MemoryKeyStore()
        self.clock = StillClock()
        self.uses: list[tuple[str, str]] = []
        self.changes: list[str] = []
        self.keyring = Keyring(
            self.store,
            self.clock,
            prefix="kh",
            default_expiry_s=None,
            max_active_per_owner=50,
            catalogue=CATALOGUE,
            entropy=repeatable_entropy(),
            on_change=lambda key_id, _key: self.changes.append(key_id),
            signing=lambda: bytes(32),
        )
        self.throttle = Throttle(self.clock)
        self.sessions = Sessions(self.clock, repeatable_entropy())
        self.access = Access(self.keyring, self.clock, self.throttle, self.sessions, self._note)
        self.observers = Observers([])
        self.watched = Watched(self.clock, _clean, self.observers.add, self.observers.remove)
        self.metrics = Metrics(version="1.2.3", plane="lean", clock=self.clock)
        self.upstreams: list[Knocked] = []
        targets = tuple(UpstreamTarget(name, "http", name, 80) for name in ("big", "small"))
        self.served = {"local-ai": Upstream("local-ai", "http", "big", 80, targets=targets)}
        self.vaults = VaultStand(store=self.store, clock=self.clock)
        self.reloaded: Reloaded | Exception = Reloaded()
        self.reloaded_by: list[str] = []
        house = House(
            self.keyring,
            self.clock,
            lambda: ROUTES,
            self.watched,
            self.metrics,
            self._find_upstreams,
            lambda: self.vaults.vault,
            self._reload,
            lambda: Targets(lambda: self.served, self.store, self.clock),
        )
        self.api = Api(house, self.access)
        self.app = build_admin_app(make_pages(), Hosts())
        self.api.add_to(self.app)
        self.client: Client

    def _note(self, key: ApiKey, _digest: bytes, peer: str, _now: float) -> None:
        self.uses.append((key.id, peer))

    def _reload(self, who: str) -> Reloaded:
        self.reloaded_by.append(who)
        if isinstance(self.reloaded, Exception):
            raise self.reloaded
        return self.reloaded

    async def _find_upstreams(self) -> list[Knocked]:
        return self.upstreams

    async def make(self, name: str, *scopes: str, **terms: Any) -> Held:
        """A key, made at the desk itself."""
        draft = KeyDraft(**{"name": name, "scopes": scopes, "expires_at": None, **terms})
        key, secret = await self.keyring.create(draft)
        return Held(key.id, secret.reveal())

    async def admin(self) -> Held:
        """A key that may everything."""
        return await self.make("admin", "keyhatch:admin")

    async def ask(
        self,
        by: Held | str | None,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        raw: bytes | BytesIO | None = None,
        media: str = "application/json",
    ) -> Told:
        """Ask, with a key or without; `body` becomes JSON, `raw` is sent as it is."""
        sent = dict(headers or {})
        secret = by.secret if isinstance(by, Held) else by
        if secret is not None:
            sent["Authorization"] = f"Bearer {secret}"
        data = json.dumps(body).encode() if body is not None else raw
        if data is not None:
            sent["Content-Type"] = media
        url = path if path.startswith("/api") else BASE + path
        skipped = [] if data is not None else ["Content-Type"]
        async with self.client.request(
            method, url, data=data, headers=sent, skip_auto_headers=skipped
        ) as answer:
            told = Told(answer.status, answer.headers.copy(), await answer.read())
        self._hold_to_document(method, url.partition("?")[0], told)
        return told

    async def speak(self, raw: bytes) -> bytes:
        """Send bytes as they are, and read the answer to its end."""
        server = self.client.server
        assert isinstance(server, TestServer)
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(raw)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer

    def record(self, held: Held) -> ApiKey:
        """A record, straight from the store."""
        return self.store._keys[held.id]

    def acts(self, held: Held) -> list[tuple[str, str]]:
        """What was done with a key, and by whom."""
        return [(entry.act, entry.actor) for entry in self.store._entries if entry.key_id == held.id]

    def _hold_to_document(self, method: str, path: str, told: Told) -> None:
        assert told.headers["Cache-Control"] == "no-store"
        documented = _documented(method, path)
        if documented is None or told.status == 500:
            return
        assert str(told.status) in documented["responses"], f"{method} {path} tells {told.status}"
        assert len(told.headers["X-Request-Id"]) == 32
        content = documented["responses"][str(told.status)].get("content")
        if content is None or method == "HEAD":
            assert told.raw == b""
            return
        ((media, of),) = content.items()
        assert told.headers["Content-Type"].partition(";")[0] == media
        schema = {**of["schema"], "components": DOCUMENT["components"]}
        jsonschema_rs.validate(schema, told.json)


def _clean(text: str, chars_max: int) -> str:
    return SCRUB(text)[:chars_max]


def _documented(method: str, path: str) -> dict[str, Any] | None:
    """What the document says of this question, if it knows it."""
    method = "get" if method == "HEAD" else method.lower()
    exact = path.removeprefix(BASE)
    paths = {exact: DOCUMENT["paths"][exact]} if exact in DOCUMENT["paths"] else DOCUMENT["paths"]
    for template, item in paths.items():
        pattern = re.sub(r"\\\{[a-z]+\\\}", "[^/]+", re.escape(BASE + template))
        if re.fullmatch(pattern, path) and method in item:
            found: dict[str, Any] = item[method]
            return found
    return None


def path_of(operation: Operation, key_id: str = ABSENT) -> str:
    """The path of an operation, about this key."""
    names = {"{id}": key_id, "{name}": "openai", "{upstream}": "local-ai", "{target}": "big"}
    path = operation.path
    for template, name in names.items():
        path = path.replace(template, name)
    return path


BODIES: Mapping[str, Mapping[str, Any]] = {
    "createKey": {"name": "new"},
    "editKey": {"name": "renamed"},
    "signAddress": {"path": "/v1/audio/a.mp3"},
    "verifyKey": {"key": STRANGER},
    "revokeByValue": {"key": STRANGER},
    "importKeys": {"text": f"old,{'ab' * 32}", "format": "digests"},
    "putCredential": {"value": "sk-1"},
    "explainRequest": {"method": "GET", "path": "/v1/models"},
}
"""A body that is right, for each operation that takes one."""


async def perform(stand: Stand, by: Held | str | None, operation: Operation, key_id: str = ABSENT) -> Told:
    """Ask for an operation with a right body."""
    path, body = path_of(operation, key_id), BODIES.get(operation.name)
    return await stand.ask(by, operation.method, path, body)


async def pieces(stand: Stand, by: Held, path: str, limit: int) -> list[Any]:
    """A whole list, piece by piece."""
    found: list[Any] = []
    cursor = ""
    while True:
        told = (await stand.ask(by, "GET", f"{path}limit={limit}{cursor}")).json
        assert len(told["items"]) <= limit
        found += told["items"]
        if told["next_cursor"] is None:
            return found
        assert told["items"] != []
        cursor = f"&cursor={told['next_cursor']}"
