"""How CORS is written: nobody is let in by a slip of the pen."""

import pytest

from gateway.config.origins import read_cors, write_cors
from gateway.config.problems import Unfit
from gateway.core.cors import ANY_ORIGIN, Cors

NOT_AN_ORIGIN = "must hold origins as browsers name them, like https://app.example or http://nas:3000"


@pytest.mark.parametrize(
    ("written", "cors"),
    [
        ("off", None),
        (False, None),
        ("on", ANY_ORIGIN),
        (True, ANY_ORIGIN),
        (["https://a.example"], Cors(frozenset({"https://a.example"}))),
        (["http://nas:3000", "http://[::1]:8"], Cors(frozenset({"http://nas:3000", "http://[::1]:8"}))),
        (["app://obsidian.md", "http://a:443"], Cors(frozenset({"app://obsidian.md", "http://a:443"}))),
    ],
)
def test_cors_is_off_on_or_a_list_and_written_as_it_was_read(written: object, cors: Cors | None) -> None:
    assert read_cors(written) == cors
    assert read_cors(write_cors(cors)) == cors


def test_what_was_read_is_read_again() -> None:
    assert read_cors(ANY_ORIGIN) == ANY_ORIGIN


@pytest.mark.parametrize(
    ("written", "why", "hint"),
    [
        ("https://a.example", "must be off, on, or a list of origins, like [https://app.example]", ""),
        (None, "has no value: give it one, or remove the key", ""),
        ([], "lists nobody: off says so plainly", ""),
        (["*"], NOT_AN_ORIGIN, "on answers every origin"),
        (["null"], NOT_AN_ORIGIN, "many pages call themselves so, and none can be told"),
        (["https://A.example/"], NOT_AN_ORIGIN, "did you mean 'https://a.example'?"),
        (["https://a.example/path"], NOT_AN_ORIGIN, ""),
        (["https://*.example"], NOT_AN_ORIGIN, ""),
        (["a.example"], NOT_AN_ORIGIN, ""),
        ([7], NOT_AN_ORIGIN, ""),
        (
            ["https://a.example:443"],
            "must leave out the scheme's own port, as browsers do",
            "did you mean 'https://a.example'?",
        ),
    ],
)
def test_what_no_browser_would_ever_say_is_refused(written: object, why: str, hint: str) -> None:
    with pytest.raises(Unfit) as told:
        read_cors(written)
    assert (told.value.message, told.value.hint) == (why, hint)
