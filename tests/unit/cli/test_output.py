"""Guarantees of gateway/cli/output.py: data and prose keep apart, secrets and unwelcome colour stay out."""

import json
from collections.abc import Callable

import pytest

from gateway.cli import output

SECRET = "kh_8okNIhSXfRxxKZxv7Fa0tk7SThxjCN2owYNrPBtto2U4TdOZU"


@pytest.mark.parametrize("tell", [output.complain, output.warn])
def test_what_looks_like_a_key_is_masked_in_every_complaint(
    tell: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    tell(f"no such command {SECRET!r}, {SECRET}")
    assert SECRET[3:] not in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("key_r4TZVbfZrt7n5RgF", id="an-id"),
        pytest.param("kh_8okN…dOZU", id="a-preview"),
        pytest.param("KEYHATCH_UPSTREAMS__LOCAL_AI__URL", id="a-variable"),
        pytest.param("test_that_names_of_functions_with_many_words_stay", id="words"),
    ],
)
def test_what_is_no_secret_is_not_masked(text: str) -> None:
    assert output.without_secrets(text) == text


def test_data_goes_to_stdout_and_everything_said_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    output.data("data")
    output.say("prose")
    output.complain("trouble")
    output.warn("care")
    assert capsys.readouterr() == ("data\n", "prose\nError: trouble\nWarning: care\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no key has this name", "No key has this name."),
        ("ends already.", "Ends already."),
        ("really?", "Really?"),
        ("keyhatch.db is locked", "keyhatch.db is locked."),
        ("--from: write an address", "--from: write an address."),
        ("sorry, no", "Sorry, no."),
    ],
)
def test_a_sentence_has_a_capital_and_an_end(text: str, said: str) -> None:
    assert output.sentence(text) == said


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        pytest.param({}, None, id="as-the-stream-is"),
        pytest.param({"NO_COLOR": "1"}, False, id="no-color"),
        pytest.param({"NO_COLOR": ""}, None, id="no-color-empty"),
        pytest.param({"TERM": "dumb"}, False, id="dumb"),
    ],
)
def test_colour_is_left_out_where_it_is_unwelcome(
    variables: dict[str, str], wanted: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert output.colour_wanted() is wanted


def test_json_is_one_line_for_programs_and_indented_for_people(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    value = {"name": "Größe", "n": [1]}
    output.data_json(value)
    assert capsys.readouterr().out == '{"name": "Größe", "n": [1]}\n'
    monkeypatch.setattr(output, "on_terminal", lambda: True)
    output.data_json(value)
    shown = capsys.readouterr().out
    assert json.loads(shown) == value
    assert len(shown.splitlines()) > 3


def test_fields_are_aligned_for_people_and_separated_for_programs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    output.data_fields({"ID": "1", "Last used": "never\n"})
    assert capsys.readouterr().out == "id\t1\nlast used\tnever\ufffd\n"
    monkeypatch.setattr(output, "on_terminal", lambda: True)
    output.data_fields({"ID": "1", "Last used": "never\n"})
    assert capsys.readouterr().out == "ID         1\nLast used  never\ufffd\n"
