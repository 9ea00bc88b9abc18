"""Guarantees of gateway/logs/setup.py: every log goes one way, and all is put back at the end."""

import asyncio
import io
import json
import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Callable

import pytest
import structlog

from gateway.core.keys import Secret
from gateway.logs import LogFormat, configure
from tests.unit.logs.conftest import KEY, Events, MakeExchange, Start, StillClock


def test_structlog_and_logging_come_out_alike(start: Start) -> None:
    _, written = start()
    structlog.get_logger("gateway.a").info("hello", n=1)
    logging.getLogger("gateway.a").info("hello")
    first, second = (json.loads(line) for line in written())
    assert first.pop("n") == 1
    del first["time"], second["time"]
    assert first == second == {"level": "info", "logger": "gateway.a", "event": "hello"}


@pytest.mark.parametrize(
    "speak",
    [
        pytest.param(lambda log: log.info(KEY), id="message"),
        pytest.param(lambda log: log.info("key %s", KEY), id="argument"),
        pytest.param(lambda log: log.info("key %s", Secret(KEY)), id="secret"),
        pytest.param(lambda log: log.info("key %r", {"k": [KEY.encode()]}), id="repr"),
        pytest.param(lambda log: log.info("key %d", KEY), id="argument-that-does-not-fit"),
        pytest.param(
            lambda _: structlog.get_logger("gateway.a").info("x", **{KEY: KEY, "b": KEY}), id="fields"
        ),
        pytest.param(lambda _: structlog.get_logger("gateway.a").bind(k={"n": (KEY,)}).info("x"), id="bound"),
        pytest.param(lambda _: logging.getLogger(f"gateway.{KEY}").warning("x"), id="name-of-a-logger"),
        pytest.param(lambda _: logging.getLogger("aiohttp.server").error("bad line %r", KEY), id="library"),
        pytest.param(lambda _: warnings.warn(KEY, UserWarning, stacklevel=1), id="warning"),
    ],
)
@pytest.mark.filterwarnings("always")
def test_no_way_to_log_shows_a_key(start: Start, speak: Callable[[logging.Logger], object]) -> None:
    for log_format in LogFormat:
        _, written = start(log_format=log_format)
        speak(logging.getLogger("gateway.test"))
        lines = written()
        assert lines
        assert KEY not in "\n".join(lines)


def test_an_exception_of_asyncio_is_scrubbed_too(events: Events) -> None:
    async def lose() -> None:
        loop = asyncio.get_running_loop()
        loop.call_exception_handler({"message": "lost", "exception": ValueError(KEY), "where": KEY})

    (event,) = events(lambda _: asyncio.run(lose()))
    assert event["logger"] == "asyncio"
    assert "kh_****" in event["exception"]
    assert KEY not in json.dumps(event)


def test_a_line_that_cannot_be_formatted_says_where_it_was_and_nothing_more(
    events: Events, capsys: pytest.CaptureFixture[str]
) -> None:
    (event,) = events(lambda log: log.info("%d", KEY))
    assert event["event"].startswith("a log line could not be formatted (TypeError) at ")
    assert event["level"] == "error"
    assert capsys.readouterr().err == ""


def test_no_field_of_a_call_replaces_the_fixed_ones(events: Events) -> None:
    (event,) = events(
        lambda _: structlog.get_logger("gateway.a").info("x", time="never", level="none", logger="?")
    )
    assert (event["level"], event["logger"]) == ("info", "gateway.a")
    assert event["time"].endswith("Z")
    assert tuple(event) == ("time", "level", "logger", "event")


@pytest.mark.parametrize(
    ("level", "ours", "others"),
    [
        ("debug", ["debug", "info", "error"], ["info", "error"]),
        ("info", ["info", "error"], ["info", "error"]),
        ("error", ["error"], ["error"]),
    ],
)
def test_a_level_holds_for_all_but_debug_is_ours_alone(
    start: Start, level: str, ours: list[str], others: list[str]
) -> None:
    _, written = start(level)
    for name in ("gateway.a", "aiosqlite"):
        for each in ("debug", "info", "error"):
            getattr(logging.getLogger(name), each)("x")
    told = [json.loads(line) for line in written()]
    assert [event["level"] for event in told if event["logger"] == "gateway.a"] == ours
    assert [event["level"] for event in told if event["logger"] == "aiosqlite"] == others


def test_a_level_can_be_changed_while_running(start: Start) -> None:
    logs, written = start("error")
    logging.getLogger("gateway.a").info("before")
    logs.set_level("info")
    logging.getLogger("gateway.a").info("after")
    assert [json.loads(line)["event"] for line in written()] == ["after"]


def test_aiohttps_own_access_log_stays_silent(events: Events) -> None:
    assert events(lambda _: logging.getLogger("aiohttp.access").error("GET /x?api_key=1")) == []


def test_the_access_log_goes_the_same_way_and_can_be_off(start: Start, exchange: MakeExchange) -> None:
    for level, on, lines in (("info", True, 1), ("info", False, 0), ("warning", True, 0)):
        logs, written = start(level)
        logs.access_log(StillClock(), on=on).exchange_ended(exchange())
        assert len(written()) == lines


def test_json_is_for_machines_and_a_console_for_people(start: Start, exchange: MakeExchange) -> None:
    for log_format, first in (("json", "{"), ("auto", "{"), ("console", "2")):
        logs, written = start(log_format=log_format)
        logging.getLogger("gateway.a").info("hello")
        logs.access_log(StillClock()).exchange_ended(exchange())
        assert [line[0] for line in written()] == [first, first]


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
    ],
    ids=["terminal", "no-color", "empty-no-color", "dumb"],
)
def test_a_terminal_gets_readable_lines_and_colours_unless_unwanted(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], coloured: bool
) -> None:
    for name in ("TERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    main, terminal = os.openpty()
    with os.fdopen(terminal, "w") as stream:
        logs = configure("info", "auto", stream)
        logging.getLogger("gateway.a").info("hello")
        logs.close()
        text = os.read(main, 10_000).decode()
    os.close(main)
    assert "hello" in text
    assert not text.startswith("{")
    assert ("\x1b[" in text) is coloured


def test_a_stream_that_is_hardly_one_gets_json() -> None:
    class Hardly:
        text = ""

        def write(self, text: str) -> None:
            self.text += text

        def flush(self) -> None: ...

    stream = Hardly()
    logs = configure("info", "auto", stream)  # type: ignore[arg-type]
    logging.getLogger("gateway.a").info("hello")
    logs.close()
    assert json.loads(stream.text)["event"] == "hello"


def test_lost_lines_are_counted_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.logs.sink.CHARS_MAX", 0)
    stream = io.StringIO()
    logs = configure("info", "json", stream)
    logs._sink.dropped = 7
    logging.getLogger("gateway.a").info("hello")
    logs.close()
    told, hello = (json.loads(line) for line in stream.getvalue().splitlines())
    assert logs.dropped == 7
    assert told["event"] == "7 log lines were dropped: their reader was too slow"
    assert (told["level"], hello["event"]) == ("warning", "hello")


def test_only_configured_prefixes_are_known(start: Start) -> None:
    _, written = start(prefixes=("acme",))
    logging.getLogger("gateway.a").info("%s", KEY.replace("kh_", "acme_"))
    assert json.loads(written()[0])["event"] == "acme_****"


@pytest.mark.parametrize("wrong", [("loud", "json"), ("info", "xml")])
def test_a_level_or_format_that_is_none_changes_nothing(wrong: tuple[str, str]) -> None:
    before = logging.getLogger().handlers[:]
    with pytest.raises(ValueError, match=r"loud|xml"):
        configure(*wrong, io.StringIO())
    assert logging.getLogger().handlers == before


def test_what_would_print_the_same_unscrubbed_steps_aside_and_comes_back() -> None:
    root = logging.getLogger()
    unscrubbed = io.StringIO()
    plain = logging.StreamHandler(unscrubbed)
    root.addHandler(plain)
    try:
        logs = configure("info", "json", io.StringIO())
        logging.getLogger("gateway.a").info("hello %s", KEY)
        assert plain not in root.handlers
        logs.close()
        assert plain in root.handlers
    finally:
        root.removeHandler(plain)
    assert unscrubbed.getvalue() == ""


def test_closing_puts_everything_back() -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level, logging.getLogger("gateway").level, sys.excepthook
    logs = configure("debug", "json", io.StringIO())
    assert root.handlers != before[0]
    logs.close()
    logs.close()
    assert (root.handlers, root.level, logging.getLogger("gateway").level, sys.excepthook) == before
    assert structlog.is_configured() is False


CRASH = """
import logging, sys, threading
from gateway.logs import configure
configure("info", "json")
logging.getLogger("gateway.a").info("first")
def fall():
    raise ValueError(sys.argv[1])
thread = threading.Thread(target=fall)
thread.start()
thread.join()
raise RuntimeError(sys.argv[1])
"""


def test_a_crash_is_logged_to_the_last_line_and_shows_no_key() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CRASH, KEY], capture_output=True, text=True, check=False, timeout=20
    )
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert [event["level"] for event in events] == ["info", "error", "critical"]
    assert [event["exception"].splitlines()[-1] for event in events[1:]] == [
        "ValueError: kh_****",
        "RuntimeError: kh_****",
    ]
    assert done.returncode == 1
    assert KEY not in done.stdout + done.stderr


STUCK = """
import logging, os
from gateway.logs import configure
reading, writing = os.pipe()
configure("info", "json", os.fdopen(writing, "w"))
for _ in range(3_000):
    logging.getLogger("gateway.a").info("x" * 100)
print("done", flush=True)
"""


def test_a_process_whose_log_is_stuck_still_ends() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STUCK], capture_output=True, text=True, check=False, timeout=20
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_a_callers_text_is_told_elsewhere_as_the_access_log_tells_it(start: Start) -> None:
    logs, _ = start()
    assert logs.clean(f"/{KEY}/\x1b[2J", 200) == r"/kh_****/\x1b[2J"
    assert logs.clean("/" + "p" * 10 + KEY, 20) == "/ppppppppppkh_****"
    assert logs.clean("/" + "p" * 300, 200) == "/" + "p" * 198 + "…"
