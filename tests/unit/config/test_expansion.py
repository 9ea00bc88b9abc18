"""Expansion fills in text and nothing else, and what it filled in is shown to nobody."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.expansion import FILE_BYTES_MAX, expand
from gateway.config.problems import Origin
from gateway.config.tree import Node, from_plain

HERE = Origin("c.yaml", 1, 4)
ENVIRON = {"NAME": "value", "EMPTY": "", "BYTES": "\udcff", "NESTED": "${NAME}", "YAML": "{a: b}\n- c"}


def expanded(text: str, base_dir: Path = Path()) -> tuple[Node, list[str]]:
    """The scalar after expansion, and what was wrong."""
    root = from_plain({"a": [text]}, HERE)
    problems = expand(root, ENVIRON, base_dir)
    return root.content["a"].content[0], [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${NAME}", "value"),
        ("a-${NAME}-${NAME}", "a-value-value"),
        ("${NAME:-other}", "value"),
        ("${GONE:-other}", "other"),
        ("${EMPTY:-other}", "other"),
        ("${EMPTY}", ""),
        ("${GONE:-}", ""),
        ("${GONE:-a:-b c}", "a:-b c"),
        ("$${NAME}", "${NAME}"),
        ("$$${NAME}", "$${NAME}"),
        ("${NESTED}", "${NAME}"),
        ("${YAML}", "{a: b}\n- c"),
    ],
)
def test_a_variable_fills_in_text(text: str, value: str) -> None:
    node, problems = expanded(text)
    assert problems == []
    assert node.content == value
    assert node.written == text


@pytest.mark.parametrize("text", ["$NAME", "$$", "$(x)", "{NAME}", "5$", ""])
def test_other_dollars_are_themselves(text: str) -> None:
    node, problems = expanded(text)
    assert (node.content, node.written, problems) == (text, None, [])


FORMS = "expands ${NAME}, ${NAME:-default} and ${file:PATH}; write '$${' for the characters themselves"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("${GONE}", "the variable GONE is not set; ${GONE:-default} would give a default"),
        ("${BYTES}", "the variable BYTES is not UTF-8 text"),
        ("${", FORMS),
        ("${}", FORMS),
        ("${NAME", FORMS),
        ("${1}", FORMS),
        ("${NAME?}", FORMS),
        ("${NAME-x}", FORMS),
        ("${ NAME }", FORMS),
        ("${file:gone}", "there is no file 'gone'"),
        ("${file:.}", "there is no file '.'"),
        ("${file:}", "there is no file ''"),
        ("${file:a\0b}", "there is no file 'a\\x00b'"),
    ],
)
def test_what_cannot_be_expanded_is_told_at_its_place(text: str, why: str) -> None:
    node, problems = expanded(text)
    assert problems == [f"c.yaml:1:4: a[0]: {why}"]
    assert node.failed


@pytest.mark.parametrize(
    ("raw", "value"), [(b"s3cret", "s3cret"), (b"s3cret\n", "s3cret"), (b"a\r\n", "a"), (b" a\n\n", " a\n")]
)
def test_a_file_fills_in_its_text_without_the_last_line_end(tmp_path: Path, raw: bytes, value: str) -> None:
    (tmp_path / "x").write_bytes(raw)
    assert expanded("${file:x}", tmp_path)[0].content == value
    assert expanded(f"${{file:{tmp_path}/x}}")[0].content == value


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"\xff", "the file 'x' is not UTF-8 text"),
        (b"a" * (FILE_BYTES_MAX + 1), "the file 'x' is larger than 64KiB"),
    ],
    ids=["bytes", "large"],
)
def test_a_file_that_is_no_secret_is_refused(tmp_path: Path, raw: bytes, why: str) -> None:
    (tmp_path / "x").write_bytes(raw)
    assert expanded("${file:x}", tmp_path)[1] == [f"c.yaml:1:4: a[0]: {why}"]


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert expanded("${file:pipe}", tmp_path)[1] == ["c.yaml:1:4: a[0]: there is no file 'pipe'"]


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_bytes(b"s3cret")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert expanded("${file:x}", tmp_path)[1] == [
        "c.yaml:1:4: a[0]: the file 'x' cannot be read: Permission denied"
    ]


def test_only_text_is_expanded() -> None:
    root = from_plain({"a": None, "b": 5, "${NAME}": {"c": "${NAME}"}}, HERE)
    assert expand(root, ENVIRON, Path()) == []
    assert root.plain() == {"a": None, "b": 5, "${NAME}": {"c": "value"}}


@given(st.text(alphabet="${}:-fileNAMEX /\0", max_size=20))
def test_no_text_makes_expansion_raise(text: str) -> None:
    node, problems = expanded(text, Path("/nowhere"))
    assert node.failed == bool(problems)
