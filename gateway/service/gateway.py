"""The house, built from a configuration: every room made once, opened in order, closed in the reverse order.

Start: store (and its lock), gatekeeper, control socket, plane, admin listener, then the tasks that run by
themselves. Stop: the plane drains first, so that callers are served to the end; then uses and usage are
flushed, then the store is closed. A start that fails half-way closes what it had opened.

A reload is all or nothing: the new configuration is compiled whole before any of it is put in force, and
exchanges under way finish on the ground they began on. Some options are for life
(`gateway.service.for_life`); a reload that changes one of them says that it takes a restart.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway import __version__
from gateway.admin.control import ControlServer
from gateway.admin.control_path import HAS_SOCKETS, socket_path
from gateway.admin.health import Pages, Readiness
from gateway.admin.listener import AdminListener
from gateway.config.fields import Address
from gateway.config.load import Loaded
from gateway.config.model import Settings
from gateway.core.hosts import Hosts
from gateway.core.keys import ApiKey
from gateway.core.policy import moment
from gateway.keeper.desk import KeyDesk
from gateway.keeper.gatekeeper import Gatekeeper
from gateway.keeper.ports import Clock, KeyStore, Observer
from gateway.logs import Logs, Observers
from gateway.metrics import Metrics
from gateway.plane.contract import Ground, Plane, Surroundings
from gateway.plane.lean_server import LeanPlane
from gateway.service.compile import lent_anew, rules_of, table_of
from gateway.service.for_life import is_among, takes_restart
from gateway.service.forgetting import Forgetting
from gateway.service.lender import Lender
from gateway.service.reloads import Reloads
from gateway.service.secure import Secure
from gateway.service.signing import signing_of
from gateway.service.sources import connect_sources
from gateway.service.targets import hand_on
from gateway.service.tracing import tracing_of
from gateway.service.watch import StoreWatch
from gateway.store.sqlite import open_sqlite

if TYPE_CHECKING:
    from aiohttp import web

    from gateway.config.reloaded import Reloaded
    from gateway.keeper.credentials import Store
    from gateway.keeper.draining import TargetDesk
    from gateway.keeper.keyring import Keyring
    from gateway.service.checks import TargetChecks

DRAIN_GRACE_S: Final = 30.0
CUT_GRACE_S: Final = 0.05  # aiohttp takes 0 for no limit at all
LATE_FLUSH_S: Final = 10.0
STOP_S: Final = DRAIN_GRACE_S + 10.0
"""What a stop takes at most where the store does not hang: the drain, then what is still to be written."""
_log: Final = logging.getLogger("gateway.service")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a started gateway listens."""

    proxy: tuple[str, int]
    admin: tuple[str, int]
    control: Path | None


OnEmpty = Callable[[KeyDesk], Awaitable[None]]
"""Called once, before anybody is served, if the store holds no key at all."""


class Gateway:
    """One gateway. `start` it once, `reload` it at will, `stop` it once."""

    def __init__(self, loaded: Loaded, clock: Clock, logs: Logs, on_empty: OnEmpty | None = None) -> None:
        self._on_empty = on_empty
        self._started_with = loaded
        self._logs = logs
        self._access_log = logs.access_log(clock, on=loaded.settings.logging.access)
        self._clock = clock
        self._open = AsyncExitStack()
        self.metrics = Metrics(version=__version__, plane=loaded.settings.server.plane, clock=clock)
        self._in_force = loaded.settings
        self._proxy_at = (loaded.settings.server.proxy.host, loaded.settings.server.proxy.port)
        self._store: Store
        self._lender: Lender
        self._gatekeeper: Gatekeeper
        self._observers: Observers
        self._plane: Plane
        self._checks: TargetChecks | None = None
        self._watch: StoreWatch
        self._forgetting: Forgetting
        self._secure: Secure
        self._lost: str | None = None
        self.reloads = Reloads(self.reload, self.metrics)

    def trouble(self) -> str | None:
        """What only a new start would mend, if there is anything of that kind."""
        return self._lost

    @property
    def keys_counted(self) -> int:
        """How many keys the store holds, as last counted; once started."""
        return sum(self._watch.key_counts.values())

    async def keys(self) -> list[ApiKey]:
        """Every record of the store; raises `StoreUnavailable`."""
        return await self._store.list_keys()

    @cached_property
    def keyring(self) -> "Keyring":
        """What changes keys; made, and loaded, when somebody needs it first. Once started."""
        from gateway.keeper.keyring import Keyring  # noqa: PLC0415 - 0.2 MB that an idle gateway needs not

        keys, keeper = self._in_force.keys, self._gatekeeper
        return Keyring(
            self._store,
            self._clock,
            prefix=self._started_with.settings.keys.prefix,
            default_expiry_s=keys.default_expiry_s,
            max_active_per_owner=keys.max_active_per_owner,
            catalogue=self._in_force.catalogue,
            entropy=os.urandom,
            on_change=keeper.key_changed,
            latest=keeper.latest,
            unwritten=keeper.usage.unwritten,
            days=keeper.usage.days,
            on_import=keeper.imported,
            signing=lambda: keeper.signing,
            signed_url_max_s=keys.signed_url_max_s,
        )

    async def start(self) -> Addresses:
        """Open everything; raises `StoreUnavailable` or `OSError`, and then nothing is left open."""
        try:
            return await self._start()
        except BaseException:
            await self._open.aclose()
            raise

    async def _start(self) -> Addresses:
        settings = self._started_with.settings
        self._secure = Secure(self._started_with, self._clock)
        store, path = await self._open_store()
        self._store = store
        failed = self.metrics.store_failed
        self._lender = Lender(store, self._clock, on_store_error=failed, on_change=self._lend_anew)
        await self._lender.load()
        self._lender.take(self._started_with)
        self._build(settings, store)
        await self._gatekeeper.load()
        if path is not None and HAS_SOCKETS:
            control = ControlServer(
                lambda: self.keyring,
                path,
                credentials=lambda: self._lender.vault,
                targets=self._targets,
                reload=self.reloads.do,
            )
            await control.start()
            self._open.push_async_callback(control.stop)
        self._run(self._gatekeeper.live.run())
        self._open.push_async_callback(self._gatekeeper.first_uses.flush)
        self._run(self._gatekeeper.first_uses.run())
        self._open.push_async_callback(self._gatekeeper.usage.flush)
        self._run(self._gatekeeper.usage.run(settings.keys.last_used_flush_s))
        self._open.push_async_callback(self._lender.flush)
        self._run(self._lender.run(settings.keys.last_used_flush_s))
        watch = self._watch = StoreWatch(
            store, self._gatekeeper, self._clock, self.metrics.store_failed, self._lender.data_changed
        )
        await watch.look()
        await watch.count()
        if self._on_empty is not None and not self.keys_counted:
            await self._on_empty(self.keyring)
        self._run(watch.run())
        self._forgetting = Forgetting(
            store, self._clock, self.metrics.store_failed, settings.keys.usage_kept_s
        )
        self._run(self._forgetting.run())
        self._watch_files()
        self._check_targets()
        connect_sources(self.metrics.sources, watch, self._gatekeeper, self._logs, lambda: self._plane)
        self._secure.connect(self.metrics.sources)
        admin_at = await self._start_admin(settings.server.admin, store)
        proxy_at = await self._plane.start(
            settings.server.proxy.host, settings.server.proxy.port, self._secure.door
        )
        self._proxy_at = proxy_at
        self._open.push_async_callback(self._drain)
        self.metrics.config_loaded()
        control_at = socket_path(path) if path is not None and HAS_SOCKETS else None
        return Addresses(proxy_at, admin_at, control_at)

    def reload(self, loaded: Loaded) -> "Reloaded":
        """Put a new configuration in force, all of it or (if it raises) none of it."""
        from gateway.config.changes import changed  # noqa: PLC0415 - most gateways never reload
        from gateway.config.reloaded import Reloaded  # noqa: PLC0415

        settings = loaded.settings
        table = table_of(settings)
        renew = self._secure.renewal(loaded)
        with self._lender.taking(loaded):
            ground = self._lender.ground()
        restart = tuple(takes_restart(self._started_with.settings, settings))
        for name in restart:
            _log.warning("%s changed, which takes a restart; the old value stays", name)
        names = changed(self._in_force, settings)
        if renew():
            names = tuple(dict.fromkeys((*names, "server.tls.cert_file")))
        self.metrics.know(table.routes)
        self._gatekeeper.table = table
        self._serve_on(ground)
        self._gatekeeper.signing = signing_of(loaded)
        self._forgetting.kept_s = settings.keys.usage_kept_s
        self._in_force = settings
        if "keyring" in vars(self):
            self.keyring.rules = rules_of(settings, self._started_with.settings.keys.prefix)
        self._logs.set_level(settings.logging.level)
        self._access_log.on = settings.logging.access
        self._lender.observe_with(self._observers)
        told = tuple(name for name in names if not is_among(name, restart))
        return Reloaded(told, restart, loaded.warnings)

    def _serve_on(self, ground: Ground) -> None:
        """From the next request on upstreams are asked on this ground."""
        before = self._plane.ground
        hand_on(ground.upstreams, before.upstreams, self._clock.monotonic())
        self._plane.ground = replace(ground, scheme=before.scheme, tracer=before.tracer)
        self._check_targets()

    def _lend_anew(self) -> None:
        """A credential changed: from the next request on upstreams are lent what is there now."""
        self._serve_on(lent_anew(self._plane.ground, self._in_force, self._lender.reveal))
        self._lender.tell()

    async def stop(self) -> None:
        """Drain, flush and close. Stopping twice is harmless; to cancel it is to cut what is under way."""
        await self._open.aclose()

    async def _drain(self) -> None:
        try:
            await self._plane.drain(DRAIN_GRACE_S)
        except asyncio.CancelledError:
            # In a task of its own: until Python 3.11.3 a timeout within a cancelled task ends in another
            # cancellation, and nothing would be cut.
            await asyncio.ensure_future(self._plane.drain(CUT_GRACE_S))
            raise

    def _check_targets(self) -> None:
        """Ask targets whether they are well, where somebody wants that."""
        if self._checks is not None:
            self._checks.changed()
        elif any(each.check is not None for each in self._plane.ground.upstreams.values()):
            from gateway.service.checks import TargetChecks  # noqa: PLC0415 - hardly anybody wants that

            self._checks = TargetChecks(lambda: self._plane.ground.upstreams, self._clock)
            self._run(self._checks.run())

    def _watch_files(self) -> None:
        looks = self._secure.looks
        if self._started_with.settings.server.watch_config:
            self.reloads.watch(self._started_with)
            looks.append(self.reloads.look)
        if looks:
            from gateway.service.file_watch import look_again_and_again  # noqa: PLC0415 - as above

            self._run(look_again_and_again(looks))

    async def _open_store(self) -> "tuple[Store, Path | None]":
        path = self._started_with.store_path
        if path is None:
            from gateway.store.memory import MemoryKeyStore  # noqa: PLC0415 - hardly anybody has one

            return MemoryKeyStore(), None
        store = await open_sqlite(path)
        self._open.push_async_callback(store.close)
        return store, store.path

    def _build(self, settings: Settings, store: KeyStore) -> None:
        keys = settings.keys
        table = table_of(settings)
        self.metrics.know(table.routes)
        self._gatekeeper = Gatekeeper(table, keys.prefix, store, self._clock, self.metrics.store_failed)
        self._gatekeeper.signing = signing_of(self._started_with)
        ground = self._lender.ground()
        observers: list[Observer] = [self.metrics, self._access_log, self._gatekeeper.usage.days]
        tracing = tracing_of(self._clock, self._logs.clean, lambda: self._gatekeeper.table, ground.scheme)
        if tracing is not None:
            self._open.push_async_callback(tracing.close)
            ground = replace(ground, tracer=tracing.spans)
            observers.insert(0, tracing.spans)  # before the log, which tells the trace
        self._observers = Observers(observers)
        around = Surroundings(self._gatekeeper, self._observers, self._clock)
        hand_on(ground.upstreams, {}, self._clock.monotonic())
        self._plane = _plane(settings.server.plane)(ground, around)
        self._lender.observe_with(self._observers)

    async def _start_admin(self, at: Address, store: KeyStore) -> tuple[str, int]:
        checks = {"store": lambda: self._store_check(store), "configuration": self._configuration_check}
        limits = self._plane.ground.limits
        readiness = Readiness(checks)
        self._open.push_async_callback(readiness.close)
        pages = Pages(readiness, self.metrics)
        hosts = Hosts(self._started_with.settings.server.admin_names)
        listener = AdminListener(self._admin_app, pages, limits, self._clock.now, hosts)
        self._open.push_async_callback(listener.stop)
        is_tls = self._started_with.settings.server.tls.admin
        return await listener.start(at.host, at.port, self._secure.door if is_tls else None)

    async def _store_check(self, store: KeyStore) -> str | None:
        """It can be read; what should have been written long ago is a warning."""
        await store.check()
        lag_s = self._gatekeeper.usage.lag_s()
        if lag_s <= LATE_FLUSH_S + self._started_with.settings.keys.last_used_flush_s:
            return None
        return f"the last uses of keys wait to be written for {lag_s:.0f} s: see the log"

    async def _configuration_check(self) -> str | None:
        """The configuration in force is whole, or it would not be in force; a missing upstream is a bug.

        A reload that failed is a warning: the configuration before it serves as well as it did.
        """
        for route in self._gatekeeper.table.routes:
            if route.upstream not in self._plane.ground.upstreams:
                raise LookupError(f"route {route.id} has no upstream")
        since = self.metrics.reload_failed_at
        if since is None:
            return await self._lender.warning()
        return f"reload failed since {moment(since)}; the configuration before it is in force"

    def _admin_app(self, pages: Pages, hosts: Hosts) -> "web.Application":
        """The admin listener's application; called when somebody needs it for the first time."""
        from gateway.service.management import Parts, admin_app  # noqa: PLC0415 - a third of the process

        parts = Parts(
            keyring=self.keyring,
            credentials=lambda: self._lender.vault,
            targets=self._targets,
            gatekeeper=self._gatekeeper,
            clock=self._clock,
            logs=self._logs,
            observers=self._observers,
            metrics=self.metrics,
            upstreams=lambda: self._plane.ground.upstreams,
            proxy_at=lambda: self._proxy_at,
            scheme=self._plane.ground.scheme,
            reload=self.reloads.do,
        )
        return admin_app(pages, hosts, parts)

    def _targets(self) -> "TargetDesk":
        from gateway.keeper.draining import Targets  # noqa: PLC0415 - nobody drains an idle gateway

        return Targets(lambda: self._plane.ground.upstreams, self._store, self._clock)

    def _run(self, endless: Awaitable[None]) -> None:
        task = asyncio.ensure_future(endless)
        task.add_done_callback(self._report)

        async def end() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        self._open.push_async_callback(end)

    def _report(self, task: asyncio.Future[None]) -> None:
        if not task.cancelled() and (trouble := task.exception()) is not None:
            self._lost = "a task of the gateway ended unexpectedly, see the log"
            _log.critical("a task of the gateway ended unexpectedly", exc_info=trouble)


def _plane(name: str) -> Callable[[Ground, Surroundings], Plane]:
    """The plane of this name; aiohttp is loaded for its own plane alone."""
    if name == "lean":
        return LeanPlane
    from gateway.plane.with_aiohttp import AiohttpPlane  # noqa: PLC0415

    return AiohttpPlane
