"""Guarantees of gateway/plane/account.py: the observer is told what happened, whenever it ended."""

from dataclasses import replace

import pytest

from gateway.core.credentials import NOTHING_TO_STRIP
from gateway.core.decision import Allow, Identity
from gateway.core.refusal import Deny, Reason
from gateway.core.request import Kind
from gateway.core.routes import OWN_ROUTES, Route
from gateway.plane.account import Account

DENY = Deny(Reason.SCOPE_MISSING, {}, "chat", "k-1", "Inventory")
ALLOW = Allow(Route("chat", "/chat", "ai"), NOTHING_TO_STRIP, Identity("k-1", "Inventory", "ops", ()))


def account(**fields: object) -> Account:
    """An exchange that began at 10 s."""
    made = Account("req-1", "POST", "192.0.2.1", began=10.0, keep_alive=True)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def test_a_head_that_never_became_a_request_is_told_too() -> None:
    told = account(deny=Deny(Reason.REQUEST_MALFORMED), status=400, bytes_out=7).told(10.5)
    assert (told.kind, told.method, told.path, told.peer) == ("plain", "POST", "", "192.0.2.1")
    assert (told.route_id, told.upstream, told.key_id, told.key_name) == (None, None, None, None)
    assert (told.status, told.reason, told.cut) == (400, Reason.REQUEST_MALFORMED, None)
    assert (told.bytes_in, told.bytes_out, told.duration_s) == (0, 7, 0.5)
    assert (told.first_byte_s, told.own_s) == (None, None)


def test_of_a_broken_head_the_path_that_was_seen_is_told_and_the_rule_it_broke() -> None:
    deny = Deny(Reason.REQUEST_MALFORMED, {"rule": "two Hosts"})
    told = account(deny=deny, path="/seen").told(10.5)
    assert (told.path, told.detail) == ("/seen", "two Hosts")
    assert account().told(11.0).detail is None


@pytest.mark.parametrize("kind", list(Kind))
def test_an_allowed_exchange_is_told_under_its_route_upstream_and_key(kind: Kind) -> None:
    made = account(
        path="/chat", kind=kind.value, allow=ALLOW, status=200, bytes_in=3, asked_at=10.25, answered_at=12.0
    )
    made.head_was_sent(12.5)
    told = made.told(13.0)
    assert (told.kind, made.is_websocket) == (kind.value, kind is Kind.WEBSOCKET)
    assert (told.route_id, told.upstream, told.key_id, told.key_name) == ("chat", "ai", "k-1", "Inventory")
    assert (told.path, told.peer, told.reason) == ("/chat", "192.0.2.1", None)
    assert (told.duration_s, told.first_byte_s, told.own_s) == (3.0, 2.0, 0.75)


@pytest.mark.parametrize(
    ("deny", "told_of"),
    [
        pytest.param(DENY, ("chat", "k-1", "Inventory", Reason.SCOPE_MISSING), id="of-a-known-key"),
        pytest.param(Deny(Reason.NO_ROUTE), (None, None, None, Reason.NO_ROUTE), id="without-a-route"),
        pytest.param(None, (None, None, None, None), id="undecided"),
    ],
)
def test_a_refusal_is_told_under_what_it_knows(deny: Deny | None, told_of: tuple[object, ...]) -> None:
    told = account(deny=deny).told(11.0)
    assert (told.route_id, told.key_id, told.key_name, told.reason) == told_of
    assert told.upstream is None


def test_trouble_upstream_is_told_under_the_key_that_was_allowed() -> None:
    told = account(allow=ALLOW, deny=Deny(Reason.UPSTREAM_UNREACHABLE), status=502).told(11.0)
    assert (told.route_id, told.upstream, told.key_id) == ("chat", "ai", "k-1")
    assert told.reason is Reason.UPSTREAM_UNREACHABLE


def test_the_gateways_own_answers_have_no_upstream_and_a_public_route_no_key() -> None:
    told = account(allow=Allow(OWN_ROUTES[0], NOTHING_TO_STRIP)).told(11.0)
    assert (told.route_id, told.upstream, told.key_id) == ("keyhatch-health", None, None)


def test_an_answer_that_waited_for_no_upstream_has_no_share_of_its_own() -> None:
    made = account()
    made.head_was_sent(12.0)
    assert made.own_s is None


def test_the_secret_that_was_let_pass_is_known_by_its_digest() -> None:
    assert account().told(11.0).digest is None
    assert account(allow=ALLOW).told(11.0).digest is None
    assert account(allow=replace(ALLOW, digest=b"d")).told(11.0).digest == b"d"
