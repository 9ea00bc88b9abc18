"""Guarantees of gateway/logs/clean.py: whatever is logged comes out plain, scrubbed and bounded."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.keys import Secret
from gateway.core.refusal import Reason
from gateway.logs.clean import DEPTH_MAX, TEXT_CHARS_MAX, TRACEBACK_LINES_MAX, VALUES_MAX, Clean
from gateway.logs.scrub import scrubber
from tests.unit.logs.conftest import KEY

process = Clean(scrubber(["kh"]))


def clean(value: object) -> Any:
    """What becomes of one value."""
    return process(None, "info", {"value": value})["value"]


class Mute:
    def __repr__(self) -> str:
        raise ValueError(KEY)


class Loud:
    def __repr__(self) -> str:
        return f"Loud(key={KEY}\n)"


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.binary(max_size=12)
    | st.sampled_from([KEY, f"a {KEY} b", KEY.encode(), Secret(KEY), Loud(), {KEY}, Reason.NO_ROUTE])
)
NAMES = st.text(max_size=6) | st.sampled_from([KEY, KEY.encode(), "authorization", 7])
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.dictionaries(NAMES, inner, max_size=4)
    ),
    max_leaves=20,
)


def texts(value: object) -> list[str]:
    """Every text in a plain value, names included."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for pair in value.items() for part in pair for text in texts(part)]
    return [text for part in value for text in texts(part)] if isinstance(value, list) else []


@given(st.dictionaries(st.text(max_size=6), VALUES, max_size=4))
def test_any_event_becomes_json_without_a_key_or_a_control_character(event: dict[str, object]) -> None:
    cleaned = process(None, "info", event)
    line = json.dumps(cleaned, allow_nan=False)
    assert KEY not in line
    assert json.loads(line) is not None
    assert all(text.isprintable() for text in texts({k: v for k, v in cleaned.items() if k != "exception"}))


@pytest.mark.parametrize(
    ("value", "cleaned"),
    [
        pytest.param("a\nb", r"a\nb", id="text"),
        pytest.param(b"\xffraw", r"\\xffraw".replace("\\\\", "\\"), id="bytes"),
        pytest.param(bytearray(b"raw"), "raw", id="bytearray"),
        pytest.param(Reason.NO_ROUTE, "no_route", id="enum"),
        pytest.param(True, True, id="boolean"),
        pytest.param(None, None, id="none"),
        pytest.param(1.5, 1.5, id="number"),
        pytest.param(float("nan"), "nan", id="not-a-number"),
        pytest.param(float("-inf"), "-inf", id="infinity"),
        pytest.param(2**64, "18446744073709551616", id="big"),
        pytest.param(10**5_000, "<int whose repr raised ValueError>", id="too-big-to-say"),
        pytest.param(Secret(KEY), "Secret(****)", id="secret"),
        pytest.param(Loud(), r"Loud(key=kh_****\n)", id="object-that-tells"),
        pytest.param(Mute(), "<Mute whose repr raised ValueError>", id="object-that-cannot-tell"),
        pytest.param((1, [2, {3}]), [1, [2, [3]]], id="nested"),
        pytest.param({"a": {KEY: KEY}}, {"a": {"kh_****": "kh_****"}}, id="names-and-values"),
        pytest.param({"Authorization": "x", "n": 1}, {"Authorization": "****", "n": 1}, id="named-secret"),
        pytest.param({b"cookie": b"x"}, {"cookie": "****"}, id="named-secret-in-bytes"),
        pytest.param({"password": None}, {"password": None}, id="absent-secret"),
        pytest.param([(b"X-Api-Key", b"x")], [["X-Api-Key", "****"]], id="header-pair"),
        pytest.param([("Host", "h")], [["Host", "h"]], id="harmless-pair"),
        pytest.param({7: 8}, {"7": 8}, id="name-of-another-kind"),
    ],
)
def test_a_value_becomes_plain(value: object, cleaned: object) -> None:
    assert clean(value) == cleaned


def test_a_field_named_for_a_secret_is_blank_at_the_top_too() -> None:
    assert process(None, "info", {"api_key": "x"}) == {"api_key": "****"}


def test_a_long_text_is_cut_after_it_was_scrubbed() -> None:
    cleaned = clean("x" * (TEXT_CHARS_MAX - 10) + KEY)
    assert len(cleaned) <= TEXT_CHARS_MAX
    assert KEY[:12] not in cleaned


def test_depth_is_bounded_also_for_what_holds_itself() -> None:
    ring: list[object] = []
    ring.append(ring)
    knot: dict[str, object] = {}
    knot["again"] = knot
    assert json.dumps(clean(ring)).count("[") == DEPTH_MAX
    assert json.dumps(clean(knot)).count("{") == DEPTH_MAX


def test_width_is_bounded() -> None:
    cleaned = clean([[0] * 1_000, [0] * 1_000])
    assert len(texts(cleaned)) + json.dumps(cleaned).count("0") <= 2 * VALUES_MAX


def test_a_traceback_keeps_its_lines_but_nothing_else_that_commands() -> None:
    cleaned = process(None, "error", {"exception": f"Traceback\n  at \x1b[0m\nValueError: {KEY}\r\n"})
    assert cleaned["exception"] == "Traceback\n  at \\x1b[0m\nValueError: kh_****\\r\n"


def test_of_a_long_traceback_the_end_stays() -> None:
    lines = process(None, "error", {"stack": "\n".join(map(str, range(1_000)))})["stack"].split("\n")
    assert len(lines) == TRACEBACK_LINES_MAX
    assert (lines[0], lines[-1]) == ("…", "999")
