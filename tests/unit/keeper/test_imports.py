"""Guarantees of gateway/keeper/imports.py: what is wrong is told by its line, and no line is repeated."""

import hashlib
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.keys import digest_of
from gateway.keeper import imports
from gateway.keeper.batch import KEYS_MAX, Existing
from gateway.keeper.desk import RuleBroken
from gateway.keeper.imports import preview_of_existing, read_existing
from tests.unit.core.samples import A

GOOD = "sk-q7ZbR2mX9tLw4VnKc8DsPe"
OTHER = "d7a56d3cfcf9a44dc716691acdaba1b8"
SHORT = "q7ZbR2mX9tLw4VnKc8Ds"

Form = Literal["lines", "env", "digests"]


def read(text: str | bytes, form: Form = "lines", *only: str) -> list[tuple[int, str, bytes]]:
    raw = text if isinstance(text, bytes) else text.encode()
    return [(each.line, each.name, each.digest) for each in read_existing(raw, form, "kh", only)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param(GOOD, [(1, "imported-1", GOOD)], id="a-string-alone"),
        pytest.param(
            f"{GOOD}\r\n{OTHER}\r\n", [(1, "imported-1", GOOD), (2, "imported-2", OTHER)], id="crlf"
        ),
        pytest.param(f"# mine\n\n  app \t {GOOD}  \n", [(3, "app", GOOD)], id="tab-comment-blanks"),
        pytest.param(f"Ann, at home,{GOOD}", [(1, "Ann, at home", GOOD)], id="comma-in-the-name"),
        pytest.param(f",{GOOD}", [(1, "imported-1", GOOD)], id="empty-name"),
        pytest.param(b"\xef\xbb\xbf" + GOOD.encode(), [(1, "imported-1", GOOD)], id="byte-order-mark"),
    ],
)
def test_lines_are_strings_with_a_name_or_without(
    text: str | bytes, found: list[tuple[int, str, str]]
) -> None:
    assert read(text) == [(line, name, digest_of(each)) for line, name, each in found]


def test_of_an_env_file_the_names_that_were_asked_for_are_taken() -> None:
    text = (
        f"PORT=1\nexport A_API_KEY={GOOD}\nB_API_KEY = '{OTHER}' # old\nC_KEY=\"x\"\nD_API_KEY={SHORT} # x\n"
    )
    assert read(text, "env", "[AB]_API_KEY", "D_*") == [
        (2, "A_API_KEY", digest_of(GOOD)),
        (3, "B_API_KEY", digest_of(OTHER)),
        (5, "D_API_KEY", digest_of(SHORT)),
    ]
    with pytest.raises(RuleBroken, match="line 1: it is not NAME=value"):
        read("what is this", "env", "*")
    with pytest.raises(RuleBroken, match="there is no key in the file"):
        read(text, "env", "NOTHING")


def test_digests_are_taken_as_databases_write_them() -> None:
    digest = hashlib.sha256(GOOD.encode()).hexdigest()
    assert read(f'"app",{digest.upper()}\nb\t{digest_of(OTHER).hex()}', "digests") == [
        (1, "app", digest_of(GOOD)),
        (2, "b", digest_of(OTHER)),
    ]
    with pytest.raises(RuleBroken, match="line 1: no SHA-256 in 64 hexadecimal digits"):
        read("app,123", "digests")
    (made,) = read_existing(f"app,{digest}".encode(), "digests", "kh")
    assert made == Existing(name="app", digest=digest_of(GOOD), preview="…", line=1)


@pytest.mark.parametrize("form", ["lines", "digests"])
def test_a_name_that_may_be_a_key_itself_is_refused(form: Form) -> None:
    """A name is kept and shown: two keys in one line must not make one of them public."""
    text = OTHER if form == "lines" else digest_of(OTHER).hex()
    with pytest.raises(RuleBroken, match="line 1: what stands for its name may be a key itself") as raised:
        read(f"{GOOD},{text}", form)
    assert GOOD not in str(raised.value)


def test_everything_that_is_wrong_is_told_at_once_by_its_line() -> None:
    text = f"a,sk-1234\n{GOOD}\nchangeme-changeme-changeme\nb,{GOOD}\n"
    with pytest.raises(RuleBroken) as raised:
        read(text)
    assert [each.field for each in raised.value.problems] == ["line 1", "line 3", "line 4"]
    assert "it says the same as line 2" in str(raised.value)
    assert "keyhatch keys create" in str(raised.value)
    assert "sk-1234" not in str(raised.value)
    assert "changeme" not in str(raised.value)


def test_of_very_many_only_the_first_are_told() -> None:
    with pytest.raises(RuleBroken, match="and 30 lines more") as raised:
        read("short\n" * 50)
    assert len(raised.value.problems) == 50


def test_what_is_no_text_or_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuleBroken, match="not text in UTF-8"):
        read(b"\xff\xfe\x00")
    assert KEYS_MAX == 10_000
    monkeypatch.setattr(imports, "KEYS_MAX", 1)
    with pytest.raises(RuleBroken, match="2 keys are too many"):
        read(f"{GOOD}\n{OTHER}")


@pytest.mark.parametrize(
    ("text", "shown"),
    [(GOOD, "sk-q…DsPe"), (SHORT, "q7Z…"), (SHORT + "abcd", "q7Zb…abcd"), (A, f"{A[:7]}…{A[-4:]}")],
)
def test_a_preview_shows_too_little_to_guess_the_rest(text: str, shown: str) -> None:
    assert preview_of_existing(text, "kh") == shown


words = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=8, max_size=60)


@given(st.lists(words, max_size=6), st.sampled_from(["lines", "env", "digests"]), words)
def test_no_message_repeats_anything_of_a_line(parts: list[str], form: Form, tail: str) -> None:
    lines = [*parts, f"NAME={tail}", f"name,{tail}"]
    try:
        read("\n".join(lines), form, "*")
    except RuleBroken as broken:
        told = str(broken) + repr(broken.problems)
        assert [each for each in (*parts, tail) if each in told] == []
