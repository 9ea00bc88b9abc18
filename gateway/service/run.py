"""`keyhatch serve`: the gateway in a process of its own, from the first line to the last signal.

SIGTERM and SIGINT drain and stop (a second one stops at once), SIGHUP reads the configuration anew: all of
it or, on any problem, none of it. Whoever supervises the process (systemd) is told of each step.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from gateway.config.fields import Address
from gateway.config.load import Loaded
from gateway.keeper.ports import Clock
from gateway.logs import configure
from gateway.service.clock import SystemClock
from gateway.service.gateway import STOP_S, Addresses, Gateway, OnEmpty
from gateway.service.reloads import Reloads

if TYPE_CHECKING:
    from gateway.service.notify import Supervisor

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
    reloads = gateway.reloads
    reloads.read = reload
    _on_signals(stop, reloads)
    supervisor = _supervisor()
    try:
        addresses = await gateway.start()
        where = (*addresses.proxy[:2], *addresses.admin[:2], os.getpid())
        _log.info("serving callers on %s:%d, admin on %s:%d, process %d", *where)
        if supervisor is not None:
            reloads.around = supervisor.reloading
            at = (Address(*addresses.proxy[:2]), Address(*addresses.admin[:2]))
            supervisor.ready("callers on {}, admin on {}".format(*at), gateway.trouble)
        reloads.begin()
        await announce(gateway, addresses)
        code = await asyncio.shield(stop)
        _log.info("stopping: no new connections, exchanges under way may finish")
        if supervisor is not None:
            supervisor.stopping(STOP_S)
        await gateway.stop()
    except asyncio.CancelledError:
        if not stop.done():
            raise
        _log.warning("told to stop again: exchanges under way were cut")
        code = stop.result()
    finally:
        await gateway.stop()
        if supervisor is not None:
            supervisor.close()
    _log.info("stopped")
    return code


def _supervisor() -> "Supervisor | None":
    """Whoever started this process and wants to be told how it goes; seldom is there one."""
    if "NOTIFY_SOCKET" not in os.environ:
        return None
    from gateway.service.notify import supervisor_of  # noqa: PLC0415 - for whoever has one

    return supervisor_of(os.environ, SystemClock(), asyncio.get_running_loop().call_later)


def _on_signals(stop: asyncio.Future[int], reloads: Reloads) -> None:
    if sys.platform == "win32":
        return  # its loop has no signal handlers: Ctrl-C cancels `serve`, which stops in good order
    loop = asyncio.get_running_loop()
    serving = asyncio.current_task()

    def end(code: int) -> None:
        if not stop.done():
            stop.set_result(code)
        elif serving is not None:
            serving.cancel()

    loop.add_signal_handler(signal.SIGTERM, end, 0)
    loop.add_signal_handler(signal.SIGINT, end, INTERRUPTED)
    loop.add_signal_handler(signal.SIGHUP, reloads.ask, "SIGHUP")


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The loop of uvloop where it exists: about a third less CPU per request (bench/RESULTS.md)."""
    try:
        import uvloop  # noqa: PLC0415 - absent on Windows
    except ImportError:
        return None
    return uvloop.new_event_loop
