"""A problem is one line that says where to look, and nothing in it can disturb a terminal."""

import pytest

from gateway.config.problems import ConfigError, Origin, Problem, Unfit, dotted, meant, problem_at, with_hint


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (
            Problem("config.yaml", 3, 10, "server.proxy", "is wrong"),
            "config.yaml:3:10: server.proxy: is wrong",
        ),
        (Problem("config.yaml", 3, 10, "", "is wrong"), "config.yaml:3:10: is wrong"),
        (Problem("KEYHATCH_STORE", None, None, "", "is wrong"), "KEYHATCH_STORE: is wrong"),
        (Problem(None, None, None, "", "no upstream"), "no upstream"),
        (Problem("c", 1, 1, "a\x1b[2J\n", "é"), "c:1:1: a\\x1b[2J\\n: é"),
    ],
    ids=["leaf", "file", "variable", "nowhere", "hostile"],
)
def test_a_problem_reads_as_one_line(problem: Problem, text: str) -> None:
    assert str(problem) == text


def test_an_error_holds_every_problem_and_shows_them_line_by_line() -> None:
    one, two = Problem("a", None, None, "", "x"), Problem("b", None, None, "", "y")
    error = ConfigError([one, two])
    assert error.problems == (one, two)
    assert str(error) == "a: x\nb: y"


def test_a_place_is_written_as_people_write_it() -> None:
    assert dotted(("routes", 0, "scopes", 1)) == "routes[0].scopes[1]"
    assert dotted(("server", "proxy")) == "server.proxy"
    assert dotted(()) == ""
    assert problem_at(Origin("c", 1, 2), ("a", 0), "m") == Problem("c", 1, 2, "a[0]", "m")


def test_an_origin_has_line_and_column_only_in_a_file() -> None:
    assert str(Origin("config.yaml", 3, 10)) == "config.yaml:3:10"
    assert str(Origin("--proxy")) == "--proxy"


def test_only_a_close_word_is_suggested() -> None:
    assert meant("proxi", ["proxy", "admin"]) == "did you mean 'proxy'?"
    assert meant("qqqq", ["proxy", "admin"]) == ""
    assert with_hint("unknown key", meant("proxi", ["proxy"])) == "unknown key; did you mean 'proxy'?"
    assert with_hint("unknown key", "") == "unknown key"


def test_an_unfit_value_keeps_message_and_hint_apart() -> None:
    unfit = Unfit("is wrong", "try this")
    assert (str(unfit), unfit.message, unfit.hint) == ("is wrong", "is wrong", "try this")
    assert not unfit.quotes
