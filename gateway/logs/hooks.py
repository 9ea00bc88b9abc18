"""Last resorts: what Python would print to stderr by itself goes through the log instead.

An exception that nobody caught (in the main thread, another thread, or a destructor) would otherwise reach
stderr unscrubbed, with whatever its message holds. Ctrl-C stays Python's own affair.
"""

import logging
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_LOG: Final = logging.getLogger("gateway.uncaught")


def install() -> Callable[[], None]:
    """Log what nobody catches; call what is returned to put the former hooks back."""
    former = sys.excepthook, threading.excepthook, sys.unraisablehook
    sys.excepthook, threading.excepthook, sys.unraisablehook = _uncaught, _uncaught_in_thread, _unraisable

    def restore() -> None:
        sys.excepthook, threading.excepthook, sys.unraisablehook = former

    return restore


def _uncaught(kind: type[BaseException], trouble: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, trouble, trace)
        return
    _LOG.critical("the process ends: nobody caught this", exc_info=(kind, trouble, trace))


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
        name = args.thread.name if args.thread is not None else "unknown"
        _LOG.error(
            "the thread %s ends: nobody caught this",
            name,
            exc_info=(args.exc_type, args.exc_value, args.exc_traceback),
        )


def _unraisable(args: "UnraisableHookArgs") -> None:
    if args.exc_value is not None:
        _LOG.error(
            "%s %s",
            args.err_msg or "an exception was ignored in",
            type(args.object).__name__,
            exc_info=(args.exc_type, args.exc_value, args.exc_traceback),
        )
