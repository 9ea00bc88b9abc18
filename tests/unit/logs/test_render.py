"""Guarantees of gateway/logs/render.py: one event is one line, or one block on a terminal."""

import json
import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.logs.render import INDENT, formatter
from gateway.logs.scrub import scrubber
from tests.unit.logs.conftest import KEY

as_json = formatter(scrubber(["kh"]), as_json=True, colors=False)
on_console = formatter(scrubber(["kh"]), as_json=False, colors=False)


def record(message: str, *args: object, error: BaseException | None = None) -> logging.LogRecord:
    info = None if error is None else (type(error), error, error.__traceback__)
    made = logging.LogRecord("gateway.x", logging.WARNING, "x.py", 1, message, args, info)
    made.created = 1_700_000_000.25
    return made


def fail(message: str) -> None:
    """Raise, with a secret among the local variables."""
    local = KEY
    raise ValueError(message or local[:0])


def raised(message: str) -> ValueError:
    """An exception with a traceback."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 the message is the caller's
        fail(message)
    return caught.value


HEAD = r"2023-11-14T22:13:20\.250Z \[warning  \] "


@given(st.text(), st.text())
def test_a_text_from_outside_cannot_begin_a_line_or_command_a_terminal(message: str, value: str) -> None:
    for lines in (as_json, on_console):
        made = record("seen: %s %s", message, value)
        assert lines.format(made).isprintable()


@given(st.text())
def test_an_exception_cannot_pass_for_a_line_of_the_log(message: str) -> None:
    error = raised(message)
    assert as_json.format(record("failed", error=error)).isprintable()
    first, *rest = on_console.format(record("failed", error=error)).split("\n")
    assert re.fullmatch(HEAD + r"failed \[gateway\.x\]", first)
    assert all(line.startswith(INDENT) and line.isprintable() for line in rest)


def test_the_fields_stand_in_order() -> None:
    assert as_json.format(record("hello %s", "you")) == (
        '{"time":"2023-11-14T22:13:20.250Z","level":"warning","logger":"gateway.x","event":"hello you"}'
    )


@pytest.mark.parametrize("lines", [as_json, on_console], ids=["json", "console"])
def test_an_exception_is_told_without_secrets_and_without_local_variables(lines: logging.Formatter) -> None:
    text = lines.format(record("failed", error=raised(f"bad key {KEY}")))
    assert "ValueError: bad key kh_****" in text
    assert "in fail" in text
    assert KEY not in text


def test_notes_and_causes_are_scrubbed_too() -> None:
    error = raised("outer")
    error.add_note(f"while checking {KEY}")
    error.__cause__ = raised(f"inner {KEY}")
    text = as_json.format(record("failed", error=error))
    assert KEY not in text
    assert text.count("kh_****") == 2


def test_a_stack_is_told_like_an_exception() -> None:
    made = record("here")
    made.stack_info = f"Stack:\n  {KEY}"
    assert json.loads(as_json.format(made))["stack"] == "Stack:\n  kh_****"
    assert on_console.format(made).endswith(f"\n{INDENT}Stack:\n{INDENT}  kh_****")


def test_colours_are_there_only_when_asked_for() -> None:
    coloured = formatter(scrubber(["kh"]), as_json=False, colors=True)
    assert "\x1b[" in coloured.format(record("hello"))
    assert "\x1b" not in on_console.format(record("hello"))
