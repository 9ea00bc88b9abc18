"""What the admin listener serves beside probes: the management API and the console, put together.

It is loaded and built when somebody asks for the first time; a gateway that nobody manages does without.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from gateway.admin.api.access import Access
from gateway.admin.api.ask import House
from gateway.admin.api.serve import Api
from gateway.admin.api.throttle import Throttle
from gateway.admin.app import build_admin_app
from gateway.admin.console.files import add_files, read_files
from gateway.admin.console.sign_in import Facts, SignIn
from gateway.admin.health import Pages
from gateway.admin.sessions import Sessions
from gateway.config.reloaded import Reload
from gateway.core.hosts import Hosts
from gateway.keeper.credentials import CredentialDesk
from gateway.keeper.draining import TargetDesk
from gateway.keeper.gatekeeper import Gatekeeper
from gateway.keeper.keyring import Keyring
from gateway.keeper.ports import Clock
from gateway.keeper.watched import Watched
from gateway.logs import Logs, Observers
from gateway.metrics import Metrics
from gateway.service.reachable import Reachable
from gateway.wire.upstream import Upstream


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What management needs of a gateway. What a reload may replace is called for each time."""

    keyring: Keyring
    credentials: Callable[[], CredentialDesk]
    targets: Callable[[], TargetDesk]
    gatekeeper: Gatekeeper
    clock: Clock
    logs: Logs
    observers: Observers
    metrics: Metrics
    upstreams: Callable[[], Mapping[str, Upstream]]
    proxy_at: Callable[[], tuple[str, int]]
    scheme: str
    reload: Reload


def admin_app(pages: Pages, hosts: Hosts, parts: Parts) -> web.Application:
    """The application on the admin listener, not started yet."""
    keyring, clock = parts.keyring, parts.clock

    def facts() -> Facts:
        rules = keyring.rules
        return Facts(parts.proxy_at(), rules.prefix, rules.default_expiry_s, parts.scheme)

    sessions = Sessions(clock, secrets.token_bytes)
    access = Access(keyring, clock, Throttle(clock), sessions, parts.gatekeeper.note_use)
    app = build_admin_app(pages, hosts)
    Api(_house(parts), access).add_to(app)
    SignIn(access, clock, facts).add_to(app)
    add_files(app, read_files())
    return app


def _house(parts: Parts) -> House:
    observers = parts.observers
    return House(
        parts.keyring,
        parts.clock,
        lambda: parts.gatekeeper.table,
        Watched(parts.clock, parts.logs.clean, observers.add, observers.remove),
        parts.metrics,
        Reachable(parts.upstreams, parts.clock).look,
        parts.credentials,
        parts.reload,
        parts.targets,
    )
