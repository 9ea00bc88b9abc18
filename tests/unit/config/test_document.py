"""YAML is read as text with places; nothing in a file acts, repeats itself unseen or exhausts the machine."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.document import BYTES_MAX, NODES_MAX, read_document
from gateway.config.tree import find


def plain(text: str) -> Any:
    """The values of a document without problems."""
    root, problems = read_document(text.encode(), "c.yaml")
    assert problems == []
    assert root is not None
    return root.plain()


def told(text: str | bytes) -> list[str]:
    """What is wrong with a document."""
    raw = text.encode() if isinstance(text, str) else text
    return [str(problem) for problem in read_document(raw, "c.yaml")[1]]


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n", "--- ~\n...\n", "{}", "\ufeff"])
def test_an_empty_document_is_an_empty_mapping(text: str) -> None:
    assert plain(text) == {}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("'on'", "on"),
        ("1:30", "1:30"),
        ("010", "010"),
        ("1_000", "1_000"),
        (".inf", ".inf"),
        ("2027-01-31", "2027-01-31"),
        ("", None),
        ("~", None),
        ("null", None),
        ("NULL", None),
        ("'null'", "null"),
        ("''", ""),
        ("|\n  two\n  lines\n", "two\nlines\n"),
        ("[a, 1, [~]]", ["a", "1", [None]]),
        ("{b: c}", {"b": "c"}),
    ],
)
def test_a_scalar_is_its_text_and_only_plain_null_is_null(text: str, value: object) -> None:
    assert plain(f"a: {text}") == {"a": value}


def test_keys_are_text_too() -> None:
    assert plain("on: 1\n2: b\nmodels:read: List\n'null': y\n") == {
        "on": "1",
        "2": "b",
        "models:read": "List",
        "null": "y",
    }


def test_every_value_knows_its_line_and_column() -> None:
    root, _ = read_document(b"server:\n  proxy: a\nroutes:\n  - id: x\n    scopes: [a, b]\n", "c.yaml")
    assert root is not None
    places = {
        ("server",): ("2:3", "1:1"),
        ("server", "proxy"): ("2:10", "2:3"),
        ("routes", 0): ("4:5", "None"),
        ("routes", 0, "scopes"): ("5:13", "5:5"),
        ("routes", 0, "scopes", 1): ("5:17", "None"),
    }
    for loc, (value_at, key_at) in places.items():
        node = find(root, loc)
        assert node is not None
        assert str(node.origin) == f"c.yaml:{value_at}"
        assert str(node.named_at).removeprefix("c.yaml:") == key_at


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("a: 1\nb: 2\na: 3", ["c.yaml:3:1: a: duplicate key; the first one is on line 1"]),
        (
            "s: {p: 1, p: 2}\ns: x",
            [
                "c.yaml:1:11: s.p: duplicate key; the first one is on line 1",
                "c.yaml:2:1: s: duplicate key; the first one is on line 1",
            ],
        ),
        ("? [a]\n: b", ["c.yaml:1:3: holds a key that is not text"]),
        ("s:\n  ~: b", ["c.yaml:2:3: s: holds a key that is not text"]),
        (
            "a: !!python/object:os.system x",
            ["c.yaml:1:4: a: tags ('!…') are not read; put quotes around a value that begins with '!'"],
        ),
        (
            "a: !x [1]",
            ["c.yaml:1:4: a: tags ('!…') are not read; put quotes around a value that begins with '!'"],
        ),
        (
            "a: &t {x: 1}\nb: {<<: *t}",
            ["c.yaml:2:5: b: merge keys ('<<') are not read: write the values out"],
        ),
        ("a: 1\n---\nb: 2", ["c.yaml:2:1: holds a second document: one file is one configuration"]),
        ("[a]", ["c.yaml:1:1: must be a mapping: server:, store:, routes: and so on"]),
        ("text", ["c.yaml:1:1: must be a mapping: server:, store:, routes: and so on"]),
        ("a: *b", ["c.yaml:1:4: a: the alias has no anchor: put quotes around a value that begins with '*'"]),
        ("a: &b [*b]", ["c.yaml:1:8: a[0]: the alias stands inside its own anchor"]),
        ("\n a: '", ["c.yaml:2:6: is not YAML: found unexpected end of stream"]),
        (
            "p: [::1]:8080",
            [
                (
                    "c.yaml:1:5: is not YAML: expected the node content, but found ':'; "
                    "put quotes around a value that begins with '[' or ':'"
                )
            ],
        ),
        (
            "s: [*:read]",
            [
                (
                    "c.yaml:1:6: is not YAML: expected alphabetic or numeric character, but found ':'; "
                    "put quotes around a value that begins with '*'"
                )
            ],
        ),
        (
            "s:\n\tp: 1",
            [
                (
                    "c.yaml:2:1: is not YAML: found character '\\t' that cannot start any token; "
                    "indent with spaces, not with tabs"
                )
            ],
        ),
        (
            "s: 1\n  p: 1",
            [
                (
                    "c.yaml:2:4: is not YAML: mapping values are not allowed here; "
                    "look at the indentation, or quote a value with ':' in it"
                )
            ],
        ),
        ('a: "\\UFFFFFFFF"', ["c.yaml:1:7: is not YAML: a number or an escape is out of range"]),
        ("%YAML 1." + "9" * 5000, ["c.yaml:1:9: is not YAML: a number or an escape is out of range"]),
        ('a: "\\ud800"', ["c.yaml:1:4: a: holds half a character (a lone surrogate)"]),
        ("a: 1\nb: \x01", ["c.yaml:2:4: holds a control character"]),
        (b"a: 1\nb: \xff", ["c.yaml:2:4: is not UTF-8 text"]),
        (b"\xff\xfea", ["c.yaml:1:1: is not UTF-8 text"]),
        (b"#" * (BYTES_MAX + 1), ["c.yaml:1:1: is larger than 1MiB"]),
    ],
    ids=lambda value: str(value)[:16] if isinstance(value, str | bytes) else "",
)
def test_what_is_wrong_with_a_text_is_told_at_its_place(text: str | bytes, problems: list[str]) -> None:
    assert told(text) == problems


def test_an_alias_is_a_copy_that_keeps_the_place_of_its_anchor() -> None:
    root, problems = read_document(b"a: &t {x: 1}\nb: *t\n", "c.yaml")
    assert problems == []
    assert root is not None
    assert root.plain() == {"a": {"x": "1"}, "b": {"x": "1"}}
    first, second = root.content["a"], root.content["b"]
    assert first.content is not second.content
    assert (str(second.origin), str(second.named_at)) == ("c.yaml:1:4", "c.yaml:2:1")
    assert str(first.named_at) == "c.yaml:1:1"


def test_no_bomb_of_aliases_grows_beyond_the_bound() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    (problem,) = told("\n".join(lines))
    assert problem.endswith(f"holds more than {NODES_MAX} values")


@pytest.mark.parametrize("text", ["[" * 5_000, "{a: " * 5_000, "- " * 5_000])
def test_no_nesting_exhausts_the_stack(text: str) -> None:
    (problem,) = told(text)
    assert problem.endswith("is nested too deeply")


SNIPPETS = [
    "a",
    "b: ",
    "- ",
    "\n",
    "\n  ",
    "[",
    "]",
    "{",
    "}",
    ", ",
    ": ",
    "&x ",
    "*x",
    "!t ",
    "<<",
    "? ",
    "|\n",
    "'",
]
SNIPPETS += [
    '"',
    "\\u",
    "---\n",
    "...\n",
    "%YAML 1.1\n",
    "#",
    "~",
    "\t",
    "\u2028",
    "\x00",
    "\ufeff",
    "`",
    "@",
    ">",
]


@given(st.lists(st.sampled_from(SNIPPETS), max_size=30).map("".join) | st.text())
def test_no_text_makes_reading_raise(text: str) -> None:
    root, problems = read_document(text.encode("utf-8", "surrogatepass"), "c.yaml")
    assert root is not None or problems


@given(st.binary(max_size=200))
def test_no_bytes_make_reading_raise(raw: bytes) -> None:
    root, problems = read_document(raw, "c.yaml")
    assert root is not None or problems
