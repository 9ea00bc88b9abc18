"""Guarantees of gateway/core/browser.py: another site's page cannot act with a browser's key."""

import pytest

from gateway.core.browser import is_unasked
from gateway.core.decision import NeedKey
from gateway.core.ours import Ours
from gateway.core.policy import admit, judge
from gateway.core.refusal import Deny, Reason
from gateway.core.request import Kind
from gateway.core.routes import Route
from tests.unit.core.samples import NOW, A, record, table, view
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


PROMPTS = table(Route("ui", "/ui", browser_prompt=True), Route("api", "/api"))


def test_only_a_route_that_asks_for_it_makes_a_browser_ask() -> None:
    asked, plain = (admit(view(path=path), PROMPTS, Ours("kh")) for path in ("/ui", "/api"))
    assert isinstance(asked, Deny)
    assert isinstance(plain, Deny)
    assert (dict(asked.facts), dict(plain.facts)) == ({"prompt": "basic"}, {})
    need = admit(view(("x-api-key", A), path="/ui"), PROMPTS, Ours("kh"))
    assert isinstance(need, NeedKey)
    dead = judge(need, record(revoked_at=NOW), NOW)
    assert isinstance(dead, Deny)
    assert dead.facts["prompt"] == "basic"


def test_what_another_sites_page_made_a_browser_send_is_no_key_there_and_asks_for_none() -> None:
    headers = (HERE, BASIC, ("origin", "https://evil.example"))
    refused = admit(view(*headers, path="/ui", method="POST"), PROMPTS, Ours("kh"))
    assert isinstance(refused, Deny)
    assert (refused.reason, "prompt" in refused.facts) == (Reason.CREDENTIAL_MISSING, False)
    assert isinstance(admit(view(*headers, path="/api", method="POST"), PROMPTS, Ours("kh")), NeedKey)
