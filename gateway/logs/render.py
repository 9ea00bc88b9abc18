"""From an event to a line: the last steps of the pipeline, for structlog's events and everybody else's.

The formatter runs in the thread that logs, so that an exception still has its traceback; only the writing
is left to the sink. Tracebacks are Python's own, without the values of local variables.
"""

import json
import logging
from collections.abc import Callable
from typing import Final

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

from gateway.logs.clean import Clean
from gateway.logs.moment import Moments
from gateway.logs.scrub import Scrub

INDENT: Final = "    | "
"""Before each line of a traceback on a terminal, so that text from outside cannot pass for a line of ours."""


def formatter(scrub: Scrub, *, as_json: bool, colors: bool) -> ProcessorFormatter:
    """Renders any `logging.LogRecord`, structlog's or not, as one line (or, on a terminal, a block)."""
    last: Processor = _json_line if as_json else _console_line(colors=colors)
    return ProcessorFormatter(
        processors=[_head(), structlog.processors.format_exc_info, _one_stack, Clean(scrub), last]
    )


def _head() -> Processor:
    """Puts time, level, logger and event first, all from the record, and takes structlog's marks out."""
    moment = Moments()

    def head(_logger: WrappedLogger, _name: str, event_dict: EventDict) -> EventDict:
        record: logging.LogRecord = event_dict.pop("_record")
        del event_dict["_from_structlog"]
        first = {
            "time": moment(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": event_dict.get("event", ""),
        }
        return {**first, **event_dict, **first}  # first in order, and no field of a call replaces them

    return head


def _one_stack(_logger: WrappedLogger, _name: str, event_dict: EventDict) -> EventDict:
    """Call the standard library's `stack_info` what structlog calls it."""
    if "stack_info" in event_dict:
        event_dict["stack"] = event_dict.pop("stack_info")
    return event_dict


def _json_line(_logger: WrappedLogger, _name: str, event_dict: EventDict) -> str:
    return json.dumps(event_dict, separators=(",", ":"))


def _console_line(*, colors: bool) -> Callable[[WrappedLogger, str, EventDict], str]:
    render = structlog.dev.ConsoleRenderer(
        colors=colors,
        timestamp_key="time",
        sort_keys=False,
        pad_event_to=0,
        exception_formatter=structlog.dev.plain_traceback,
    )

    def line(logger: WrappedLogger, name: str, event_dict: EventDict) -> str:
        for block in ("stack", "exception"):
            if block in event_dict:
                event_dict[block] = "\n".join(INDENT + each for each in event_dict[block].split("\n"))
        return render(logger, name, event_dict)

    return line
