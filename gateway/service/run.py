"""`keyhatch serve`: the gateway in a process of its own, from the first line to the last signal.

SIGTERM and SIGINT drain and stop (a second one stops at once), SIGHUP reads the configuration anew: all of
it or, on any problem, none of it.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Final

from gateway.config.load import Loaded
from gateway.config.problems import ConfigError
from gateway.keeper.ports import Clock
from gateway.logs import configure
from gateway.service.gateway import Addresses, Gateway, OnEmpty

INTERRUPTED: Final = 130

Reload = Callable[[], Loaded]
Announce = Callable[[Gateway, Addresses], Awaitable[None]]

_log: Final = logging.getLogger("gateway.service")


def run_gateway(
    loaded: Loaded, clock: Clock, *, reload: Reload, announce: Announce, on_empty: OnEmpty | None = None
) -> int:
    """Serve until told to stop; the process's exit code. Raises `StoreUnavailable` or `OSError`.

    `announce` is awaited once the gateway serves; `reload` reads the configuration again (SIGHUP); `on_empty`
    is awaited before, if the store holds no key.
    """
    written = loaded.settings.logging
    logs = configure(written.level, written.format, prefixes=[loaded.settings.keys.prefix])
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(serve(Gateway(loaded, clock, logs, on_empty), reload=reload, announce=announce))
    finally:
        logs.close()


async def serve(gateway: Gateway, *, reload: Reload, announce: Announce) -> int:
    """The same inside a running loop: 0 after SIGTERM, 130 after SIGINT."""
    stop: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    reloads = _Reloads(gateway, reload)
    _on_signals(stop, reloads)
    try:
        addresses = await gateway.start()
        where = (*addresses.proxy[:2], *addresses.admin[:2], os.getpid())
        _log.info("serving callers on %s:%d, admin on %s:%d, process %d", *where)
        reloads.begin()
        await announce(gateway, addresses)
        code = await asyncio.shield(stop)
        _log.info("stopping: no new connections, exchanges under way may finish")
        await gateway.stop()
    except asyncio.CancelledError:
        if not stop.done():
            raise
        _log.warning("told to stop again: exchanges under way were cut")
        code = stop.result()
    finally:
        await gateway.stop()
    _log.info("stopped")
    return code


class _Reloads:
    """Reads the configuration anew when asked to; what is asked while the gateway starts has to wait."""

    def __init__(self, gateway: Gateway, reload: Reload) -> None:
        self._gateway = gateway
        self._reload = reload
        self._has_begun = False
        self._is_waiting = False

    def begin(self) -> None:
        """The gateway has started."""
        self._has_begun = True
        if self._is_waiting:
            self.ask()

    def ask(self) -> None:
        """Reload now or as soon as possible; whatever comes of it is logged and counted, never raised."""
        if not self._has_begun:
            self._is_waiting = True
            return
        metrics = self._gateway.metrics
        try:
            self._gateway.reload(self._reload())
        except ConfigError as error:
            metrics.config_reloaded(success=False)
            for problem in error.problems:
                _log.error("configuration not reloaded, the old one stays in force: %s", problem)
        except Exception:  # noqa: BLE001 - a reload must never end the gateway
            metrics.config_reloaded(success=False)
            _log.exception("configuration not reloaded, the old one stays in force")
        else:
            metrics.config_reloaded(success=True)
            _log.info("configuration reloaded")


def _on_signals(stop: asyncio.Future[int], reloads: _Reloads) -> None:
    if sys.platform == "win32":
        return  # its loop has no signal handlers: Ctrl-C ends the process, and the store survives that
    loop = asyncio.get_running_loop()
    serving = asyncio.current_task()

    def end(code: int) -> None:
        if not stop.done():
            stop.set_result(code)
        elif serving is not None:
            serving.cancel()

    loop.add_signal_handler(signal.SIGTERM, end, 0)
    loop.add_signal_handler(signal.SIGINT, end, INTERRUPTED)
    loop.add_signal_handler(signal.SIGHUP, reloads.ask)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The loop of uvloop where it exists: about a third less CPU per request (bench/RESULTS.md)."""
    try:
        import uvloop  # noqa: PLC0415 - absent on Windows
    except ImportError:
        return None
    return uvloop.new_event_loop
