"""Guarantees of gateway/core/browser.py: another site's page cannot act with a browser's key."""

import pytest

from gateway.core.browser import is_unasked
from gateway.core.request import Kind
from tests.unit.core.samples import A, view
from tests.unit.core.showings import basic

BASIC = ("authorization", basic(f"x:{A}"))
HERE = ("host", "gate.example:8080")


@pytest.mark.parametrize(
    ("said", "unasked"),
    [
        ([("sec-fetch-site", "cross-site")], True),
        ([("sec-fetch-site", "same-site")], True),
        ([("sec-fetch-site", "same-origin")], False),
        ([("sec-fetch-site", "none")], False),
        ([("sec-fetch-site", "same-origin"), ("origin", "https://gate.example")], False),
        ([("origin", "https://evil.example")], True),
        ([("origin", "null")], True),
        ([("origin", "http://gate.example")], True),
        ([("origin", "http://gate.example:8080")], False),
        ([("origin", "http://GATE.example:8080")], False),
        ([("origin", "https://app.example"), ("x-forwarded-host", "app.example")], False),
        ([], False),
    ],
    ids=str,
)
def test_it_is_unasked_where_another_sites_page_made_the_browser_send_it(
    said: list[tuple[str, str]], *, unasked: bool
) -> None:
    assert is_unasked(view(HERE, BASIC, *said, method="POST")) is unasked
    assert is_unasked(view(HERE, BASIC, *said, kind=Kind.WEBSOCKET)) is unasked
    assert is_unasked(view(HERE, BASIC, *said, method="DELETE")) is unasked


def test_who_names_no_server_of_its_own_came_from_another() -> None:
    assert is_unasked(view(BASIC, ("origin", "http://gate.example"), method="POST"))


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_what_changes_nothing_passes_as_it_does_from_a_link(method: str) -> None:
    assert not is_unasked(view(HERE, BASIC, ("sec-fetch-site", "cross-site"), method=method))


@pytest.mark.parametrize("shown", [("authorization", f"Bearer {A}"), ("x-api-key", A), ("x-other", "1")])
def test_a_key_that_a_script_put_there_was_asked_for(shown: tuple[str, str]) -> None:
    assert not is_unasked(view(HERE, shown, ("origin", "https://evil.example"), method="POST"))
