"""Guarantees of gateway/logs/hooks.py: what nobody catches is logged, and Python's own ways come back."""

import logging
import sys
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from gateway.logs import hooks


@pytest.fixture
def restore() -> Iterator[None]:
    undo = hooks.install()
    yield
    undo()


@pytest.fixture
def error() -> ValueError:
    return ValueError("lost")


@pytest.mark.usefixtures("restore")
def test_an_exception_that_ends_the_process_is_logged(
    error: ValueError, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    sys.excepthook(ValueError, error, error.__traceback__)
    assert [record.levelno for record in caplog.records] == [logging.CRITICAL]
    assert caplog.records[0].exc_info == (ValueError, error, error.__traceback__)
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("restore")
def test_ctrl_c_is_left_to_python(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert caplog.records == []
    assert capsys.readouterr().err == "KeyboardInterrupt\n"


@pytest.mark.usefixtures("restore")
def test_an_exception_that_ends_a_thread_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def fall() -> None:
        raise ValueError("lost")

    thread = threading.Thread(target=fall, name="store")
    thread.start()
    thread.join()
    assert [record.getMessage() for record in caplog.records] == ["the thread store ends: nobody caught this"]


@pytest.mark.usefixtures("restore")
def test_a_thread_may_exit(caplog: pytest.LogCaptureFixture) -> None:
    threading.excepthook(threading.ExceptHookArgs((SystemExit, SystemExit(), None, None)))
    threading.excepthook(threading.ExceptHookArgs((ValueError, None, None, None)))
    assert caplog.records == []


@pytest.mark.usefixtures("restore")
def test_a_thread_that_is_gone_has_no_name(error: ValueError, caplog: pytest.LogCaptureFixture) -> None:
    threading.excepthook(threading.ExceptHookArgs((ValueError, error, error.__traceback__, None)))
    assert caplog.records[0].getMessage() == "the thread unknown ends: nobody caught this"


@pytest.mark.usefixtures("restore")
def test_an_exception_in_a_destructor_is_logged_by_type(caplog: pytest.LogCaptureFixture) -> None:
    class Falls:
        def __del__(self) -> None:
            raise ValueError("lost")

    Falls()
    (record,) = caplog.records
    assert record.getMessage() in {
        "an exception was ignored in function",
        "Exception ignored while calling deallocator function",
    }
    assert record.exc_info is not None
    sys.unraisablehook(SimpleNamespace(exc_value=None, exc_type=ValueError))
    assert len(caplog.records) == 1


def test_undoing_puts_the_former_hooks_back() -> None:
    former = sys.excepthook, threading.excepthook, sys.unraisablehook
    undo = hooks.install()
    assert sys.excepthook is not former[0]
    undo()
    assert (sys.excepthook, threading.excepthook, sys.unraisablehook) == former
