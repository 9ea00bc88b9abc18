"""Guarantees of gateway/core/preflight.py: a browser's question is answered without opening a door."""

import pytest

from gateway.core.cors import ANY_ORIGIN, Cors
from gateway.core.decision import Allow
from gateway.core.ours import Ours
from gateway.core.policy import admit
from gateway.core.preflight import only, preflight
from gateway.core.refusal import Deny, Reason
from gateway.core.request import RequestView, Target, read_target
from gateway.core.routes import Own, Route, RouteTable

A, B = "https://a.example", "https://b.example"
TABLE = RouteTable(
    [
        Route("chat", "/v1/**", "main", frozenset({"POST"}), cors=Cors(frozenset({A}))),
        Route("models", "/v1/models", "main", frozenset({"GET"}), cors=ANY_ORIGIN),
        Route("closed", "/closed", "main", frozenset({"POST"})),
        Route("plain", "/plain/**", "main"),
    ]
)


def asked(
    path: str = "/v1/chat", wants: str | None = "POST", origin: str | None = A, method: str = "OPTIONS"
) -> RequestView:
    fields = []
    if origin is not None:
        fields.append((b"origin", origin.encode()))
    if wants is not None:
        fields.append((b"access-control-request-method", wants.encode()))
    target = read_target(path.encode())
    assert isinstance(target, Target)
    return RequestView(method, target, tuple(fields), "198.51.100.7")


@pytest.mark.parametrize("origin", [A, B], ids=["answered", "not-answered"])
def test_the_gateway_answers_for_the_route_of_the_method_that_is_asked_for(origin: str) -> None:
    decision = admit(asked(origin=origin), TABLE, Ours("kh"))
    assert isinstance(decision, Allow)
    assert (decision.route.id, decision.route.own, decision.route.upstream) == ("chat", Own.PREFLIGHT, "")
    assert decision.key is None
    assert decision.route.cors == Cors(frozenset({A}))


def test_nothing_is_moved_of_a_path_that_goes_nowhere() -> None:
    route = Route("moved", "/m/**", "main", cors=ANY_ORIGIN, strip_prefix="/m", add_prefix="/v1")
    decision = preflight(asked("/m/x"), RouteTable([route]))
    assert isinstance(decision, Allow)
    assert decision.route.forwarded(b"/k/KEY/m/x") == b"/k/KEY/m/x"


def test_a_method_that_no_route_takes_is_refused_as_the_request_would_be() -> None:
    decision = preflight(asked(wants="DELETE"), TABLE)
    assert isinstance(decision, Deny)
    assert (decision.reason, decision.route_id) == (Reason.METHOD_NOT_ALLOWED, "chat")


def test_where_no_route_is_the_page_may_come_and_read_so() -> None:
    decision = preflight(asked("/nowhere"), TABLE)
    assert isinstance(decision, Allow)
    assert (decision.route.id, decision.route.own) == ("keyhatch-preflight", Own.PREFLIGHT)
    narrow = RouteTable([Route("one", "/one", "main", cors=Cors(frozenset({A})))])
    assert preflight(asked("/nowhere", origin=B), narrow) is None


@pytest.mark.parametrize(
    "view",
    [
        asked("/plain/x"),
        asked("/closed"),
        asked("/closed", wants="GET"),
        asked(wants=None),
        asked(origin=None),
        asked(wants="PO ST"),
        asked(method="GET"),
    ],
    ids=[
        "no-cors",
        "no-cors-of-the-method",
        "no-cors-of-the-path",
        "no-method",
        "no-origin",
        "no-token",
        "no-options",
    ],
)
def test_elsewhere_options_is_a_method_like_any_other(view: RequestView) -> None:
    assert preflight(view, TABLE) is None


def test_where_nobody_answers_cors_nothing_is_a_preflight() -> None:
    assert preflight(asked(), RouteTable([Route("plain", "/**", "main")])) is None


def test_a_preflight_about_a_path_with_two_readings_is_refused() -> None:
    table = RouteTable(
        [
            Route("open", "/a/**", "main", public=True, cors=ANY_ORIGIN),
            Route("shut", "/a/b", "main", scopes=("a:b",), cors=ANY_ORIGIN),
        ]
    )
    decision = preflight(asked("/a/B"), table)
    assert decision is None or (isinstance(decision, Deny) and decision.reason is Reason.TARGET_AMBIGUOUS)


def test_the_gateways_own_paths_are_asked_about_as_any() -> None:
    decision = preflight(asked("/.keyhatch/me", wants="GET", origin=B), TABLE)
    assert isinstance(decision, Allow)
    assert decision.route.cors == TABLE.cors == Cors(frozenset({A}), any_origin=True)


def test_a_field_that_is_sent_twice_says_nothing() -> None:
    fields = ((b"Origin", b"a"), (b"origin", b"b"), (b"Accept", b"c"))
    assert only(fields, b"origin") is None
    assert only(fields, b"accept") == b"c"
    assert only((), b"accept") is None
