"""Setting up: one handler on the root logger, one formatter, one sink; and everything put back at the end.

The standard library's logging is the trunk. structlog's loggers hand their events to it, and so do aiohttp,
asyncio and aiosqlite, whose debug lines are left out: they hold statements and parameters. aiohttp's own
access log stays silent, for it would print queries.
"""

import logging
import os
import sys
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Final, TextIO

import structlog

from gateway.keeper.ports import Clock
from gateway.logs import hooks
from gateway.logs.access import AccessLog
from gateway.logs.escape import escape, shorten
from gateway.logs.render import formatter
from gateway.logs.scrub import Scrub, scrubber
from gateway.logs.sink import Sink

OURS: Final = "gateway"
"""The logger above all of ours; only there may debug lines be asked for."""
SILENT: Final = ("aiohttp.access",)


class LogFormat(StrEnum):
    """How lines look. `auto`: console on a terminal, JSON elsewhere."""

    AUTO = "auto"
    CONSOLE = "console"
    JSON = "json"


class Logs:
    """The logs of a running gateway. `configure` makes one; `close` puts everything back."""

    def __init__(self, sink: Sink, scrub: Scrub, *, as_json: bool, undo: Callable[[], None]) -> None:
        self._sink = sink
        self._scrub = scrub
        self._as_json = as_json
        self._undo = undo
        self._closed = False

    @property
    def dropped(self) -> int:
        """How many lines were thrown away because the stream did not take them."""
        return self._sink.dropped

    def access_log(self, clock: Clock, *, on: bool = True) -> AccessLog:
        """An observer that writes one line for each exchange into these logs, while it is `on`."""
        return AccessLog(self._sink.write, clock, self._scrub, as_json=self._as_json, on=on)

    def clean(self, text: str, chars_max: int) -> str:
        """A caller's text as the access log would tell it, in at most so many characters.

        Scrubbed before it is shortened, so that no key is cut into something that looks harmless.
        """
        return shorten(escape(self._scrub(text)), chars_max)

    def set_level(self, level: str) -> None:
        """Log from this level on: debug, info, warning, error or critical."""
        _set_level(_number(level))

    def close(self, timeout_s: float = 2.0) -> None:
        """Write what waits, for at most `timeout_s`, and stop. Closing twice is harmless."""
        if not self._closed:
            self._closed = True
            self._sink.close(timeout_s)
            self._undo()


def configure(
    level: str = "info",
    log_format: LogFormat | str = LogFormat.AUTO,
    stream: TextIO | None = None,
    *,
    prefixes: Iterable[str] = ("kh",),
) -> Logs:
    """Route every log of the process to `stream` (stderr by default), scrubbed, until `close`.

    Raises `ValueError` for a level or a format that is none, before anything is changed. `prefixes` are
    those of our keys. Colours appear only on a terminal, and not where `NO_COLOR` is set.
    """
    stream = stream or sys.stderr
    terminal = _is_terminal(stream)
    shape, number = LogFormat(log_format), _number(level)
    as_json = shape is LogFormat.JSON or (shape is LogFormat.AUTO and not terminal)
    colors = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    scrub = scrubber(prefixes)
    lines = formatter(scrub, as_json=as_json, colors=colors)
    sink = Sink(stream, lambda count: f"{lines.format(_dropped(count))}\n")
    undo = _take_over(_Handler(sink, lines))
    _set_level(number)
    sink.start()
    return Logs(sink, scrub, as_json=as_json, undo=undo)


class _Handler(logging.Handler):
    """Formats a record and hands the line to the sink."""

    def __init__(self, sink: Sink, lines: logging.Formatter) -> None:
        super().__init__()
        self._sink = sink
        self.setFormatter(lines)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; a record that cannot be formatted still leaves a line."""
        try:
            line = self.format(record)
        except Exception as trouble:  # noqa: BLE001 logging must not break who logs
            line = self.format(_unspeakable(record, trouble))
        self._sink.write(f"{line}\n")


def _take_over(handler: logging.Handler) -> Callable[[], None]:
    """Put the handler on the root logger, and structlog and Python's last resorts before it."""
    root = logging.getLogger()
    # What logging.basicConfig may have put there would write the same records unscrubbed.
    plain = [each for each in root.handlers if type(each) in {logging.StreamHandler, _Handler}]
    levels = {name: logging.getLogger(name).level for name in (None, OURS, *SILENT)}
    for each in plain:
        root.removeHandler(each)
    root.addHandler(handler)
    restore_hooks = hooks.install()
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )

    def undo() -> None:
        structlog.reset_defaults()
        logging.captureWarnings(capture=False)
        restore_hooks()
        root.removeHandler(handler)
        for each in plain:
            root.addHandler(each)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)

    return undo


def _number(level: str) -> int:
    try:
        return logging.getLevelNamesMapping()[level.upper()]
    except KeyError:
        raise ValueError(f"{level!r} is not a level of logging") from None


def _set_level(number: int) -> None:
    logging.getLogger().setLevel(max(number, logging.INFO))
    logging.getLogger(OURS).setLevel(number)
    for name in SILENT:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except (AttributeError, ValueError):  # a closed stream, or hardly one
        return False


def _dropped(count: int) -> logging.LogRecord:
    """What the first line after lost ones says."""
    return _record(
        "gateway.logs", logging.WARNING, f"{count} log lines were dropped: their reader was too slow"
    )


def _unspeakable(record: logging.LogRecord, trouble: Exception) -> logging.LogRecord:
    """What stands in for a record that cannot be formatted: where it came from, never what it held."""
    told = (
        f"a log line could not be formatted ({type(trouble).__name__}) at {record.pathname}:{record.lineno}"
    )
    return _record(record.name, logging.ERROR, told)


def _record(name: str, level: int, message: str) -> logging.LogRecord:
    return logging.LogRecord(name, level, __file__, 0, message, (), None)
