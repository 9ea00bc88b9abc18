"""Tells whoever supervises the gateway how it goes: systemd, in the words of sd_notify(3).

Promises
1. Nothing is loaded and nothing is sent where `NOTIFY_SOCKET` is not set. Its variables are taken out of the
   environment, so that no program started from here speaks for the gateway.
2. `READY=1` is said when both listeners accept; around a reload `RELOADING=1` and, however it ends, `READY=1`
   again; `STOPPING=1` when the drain begins, with as much time as the drain may take.
3. `STATUS=` is for people, in `systemctl status`: addresses, moments and counts. A problem of the
   configuration may quote what somebody wrote there, so problems are counted here and told in the log.
4. Nothing here raises or waits. What the supervisor cannot take just now is sent later, in order; what it
   does not want (its socket is gone) is forgotten.

What the watchdog means. `WATCHDOG=1` is said from the loop that serves callers, twice in each
`WATCHDOG_USEC`, so it falls silent when that loop hangs. It also falls silent when a task that should run as
long as the gateway does has ended (`Gateway.trouble`): uses would not be written, keys that expire would
keep their streams, and nothing brings such a task back but a new start. Being killed mends both.

It mends nothing else, so nothing else is asked. A store that hangs or is full: who is known is served on, the
rest is refused with 503, and a new process would find the same disk, without what this one knows. An upstream
that is gone, a reload that failed, descriptors that ran out: these are what /readyz, metrics and refusals
tell of, and open streams must not die for them.
"""

import asyncio
import os
import re
import socket
from collections import deque
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Final

from gateway.config.problems import ConfigError
from gateway.core.policy import moment
from gateway.keeper.ports import Clock

RETRY_S: Final = 0.1
UNSENT_MAX: Final = 64
_VARIABLES: Final = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
_COUNT: Final = re.compile("[1-9][0-9]{0,17}")

Later = Callable[[float, Callable[[], None]], asyncio.TimerHandle]


def supervisor_of(environ: MutableMapping[str, str], clock: Clock, later: Later) -> "Supervisor | None":
    """Whoever these variables name, and they are taken out; None if that is nobody we can speak to.

    `later` is the loop's `call_later`.
    """
    named, usec, pid = (environ.pop(name, "") for name in _VARIABLES)
    if len(named) < 2 or named[0] not in "/@":
        return None
    try:
        speaking = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    except (OSError, AttributeError):  # no descriptor is left; Windows knows no such socket
        return None
    speaking.settimeout(0.0)  # rule 4: nothing waits
    is_for_us = pid in {"", str(os.getpid())}
    watchdog_s = int(usec) / 1e6 if is_for_us and _COUNT.fullmatch(usec) else None
    address = f"\0{named[1:]}" if named[0] == "@" else named
    return Supervisor(speaking, address, watchdog_s, clock, later)


class Supervisor:
    """Told of each step: `ready`, `reloading` any number of times, `stopping`, and at the end `close`."""

    def __init__(
        self, speaking: socket.socket, address: str, watchdog_s: float | None, clock: Clock, later: Later
    ) -> None:
        self._socket = speaking
        self._address = address
        self._watchdog_s = watchdog_s
        self._clock = clock
        self._later = later
        self._unsent: deque[bytes] = deque(maxlen=UNSENT_MAX)
        self._again: asyncio.TimerHandle | None = None
        self._ping: asyncio.TimerHandle | None = None
        self._is_serving = False
        self._serving = ""
        self._tell("STATUS=Starting: opening the store")

    def ready(self, serving: str, trouble: Callable[[], str | None]) -> None:
        """Both listeners accept, as `serving` says; `trouble` tells what only a new start would mend."""
        self._is_serving = True
        self._serving = f"Serving {serving}"
        self._tell("READY=1", f"STATUS={self._serving}")
        self._watch(trouble)

    @contextmanager
    def reloading(self) -> Iterator[None]:
        """Around a reload. Before the gateway is ready, and once it stops, that is nobody's business."""
        if not self._is_serving:
            yield
            return
        since_us = int(self._clock.monotonic() * 1e6)
        self._tell("RELOADING=1", f"MONOTONIC_USEC={since_us}", "STATUS=Reading the configuration anew")
        outcome = "reload failed, the configuration before stays in force: see the log"
        try:
            yield
            outcome = "configuration reloaded"
        except ConfigError as error:
            found = len(error.problems)
            outcome = f"{outcome} ({found} problem{'s' if found > 1 else ''})"
            raise
        finally:
            when = moment(self._clock.now())
            self._tell("READY=1", f"STATUS={self._serving}. {when}: {outcome}")

    def stopping(self, within_s: float) -> None:
        """No new connections are taken; what is under way may take so long, flushing included."""
        self._is_serving = False
        self._tell(
            "STOPPING=1",
            f"EXTEND_TIMEOUT_USEC={int(within_s * 1e6)}",
            f"STATUS=Stopping: exchanges under way may finish, {within_s:.0f} s at most",
        )

    def close(self) -> None:
        """Say nothing any more."""
        for timer in (self._again, self._ping):
            if timer is not None:
                timer.cancel()
        self._socket.close()

    def _watch(self, trouble: Callable[[], str | None]) -> None:
        if self._watchdog_s is None:
            return
        if (found := trouble()) is not None:
            self._tell(f"STATUS=To be started anew by the watchdog: {found}")
            return
        self._tell("WATCHDOG=1")
        self._ping = self._later(self._watchdog_s / 2, lambda: self._watch(trouble))

    def _tell(self, *lines: str) -> None:
        self._unsent.append("\n".join(lines).encode("utf-8", "replace"))
        if self._again is None:
            self._send()

    def _send(self) -> None:
        self._again = None
        while self._unsent:
            try:
                self._socket.sendto(self._unsent[0], self._address)
            except BlockingIOError:  # it has more to read than it can just now
                self._again = self._later(RETRY_S, self._send)
                return
            except OSError:
                pass  # nobody is there: rule 4
            self._unsent.popleft()
