"""Reloads: the configuration is read anew, checked whole, and put in force; or, on any problem, nothing is.

Whoever asks (SIGHUP, the watch over the files, `keyhatch reload`, the management API) has it done in the same
way: one after the other, told in the log and counted. What is asked while the gateway starts has to wait.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.config.load import Loaded
from gateway.config.problems import ConfigError
from gateway.metrics import Metrics

if TYPE_CHECKING:
    from gateway.config.reloaded import Reloaded
    from gateway.service.file_watch import FileWatch

Read = Callable[[], Loaded]

_log: Final = logging.getLogger("gateway.service")


class Reloads:
    """Reads the configuration with `read` and hands it to `take`, which puts all of it in force or raises.

    Each reload is made within `around()`: for whoever wants to know when one begins and how it ends.
    """

    def __init__(self, take: "Callable[[Loaded], Reloaded]", metrics: Metrics) -> None:
        self.read: Read | None = None
        self.around: Callable[[], AbstractContextManager[None]] = nullcontext
        self._take = take
        self._metrics = metrics
        self._watch: FileWatch | None = None
        self._has_begun = False
        self._is_waiting = False

    def begin(self) -> None:
        """The gateway has started."""
        self._has_begun = True
        if self._is_waiting:
            self.ask("SIGHUP")

    def watch(self, loaded: Loaded) -> None:
        """Watch the files that a configuration was read from: `look` has it read anew when they change."""
        from gateway.service.file_watch import FileWatch  # noqa: PLC0415 - for whoever asked for it

        self._watch = FileWatch(loaded.files)

    def look(self) -> None:
        """Reload if a watched file changed."""
        if self._watch is not None and self._watch.has_changed():
            self.ask("a changed file")

    def ask(self, who: str) -> None:
        """Reload now or as soon as possible; whatever comes of it is logged and counted, never raised."""
        if not self._has_begun:
            self._is_waiting = True
            return
        from gateway.config.reloaded import CannotReload  # noqa: PLC0415 - most gateways never reload

        try:
            self.do(who)
        except (ConfigError, CannotReload):
            return  # told already

    def do(self, who: str) -> "Reloaded":
        """Reload now; raises `ConfigError` or `CannotReload`, and then nothing changed."""
        with self.around():
            return self._do(who)

    def _do(self, who: str) -> "Reloaded":
        from gateway.config.reloaded import CannotReload  # noqa: PLC0415 - as above

        if self.read is None:
            raise CannotReload("this gateway was given no configuration to read anew")
        try:
            loaded = self.read()
            reloaded = self._take(loaded)
        except ConfigError as error:
            self._metrics.config_reloaded(success=False)
            for problem in error.problems:
                _log.error("configuration not reloaded (%s), the old one stays in force: %s", who, problem)
            self._watch_on(error.files)
            raise
        except Exception as error:
            self._metrics.config_reloaded(success=False)
            _log.exception("configuration not reloaded (%s), the old one stays in force", who)
            raise CannotReload("the configuration could not be read: the gateway's log says why") from error
        self._metrics.config_reloaded(success=True)
        self._watch_on(loaded.files)
        told = ", ".join(reloaded.changed) or "nothing"
        _log.info("configuration reloaded (%s); changed: %s", who, told)
        return reloaded

    def _watch_on(self, files: tuple[Path, ...]) -> None:
        if self._watch is not None and files:
            self._watch.watch(files)
