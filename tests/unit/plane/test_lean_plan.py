"""Guarantees of gateway/plane/lean_plan.py: a plan is what a head comes to."""

import pytest

from gateway.core.decision import Allow, Identity, NeedKey
from gateway.core.keys import compose_secret
from gateway.core.refusal import Deny, Reason
from gateway.core.request import Kind
from gateway.core.routes import Anonymous, Route, RouteTable
from gateway.keeper.gatekeeper import Gatekeeper
from gateway.plane.contract import Ground
from gateway.plane.lean_plan import Plan, make_plan, refused
from gateway.store.memory import MemoryKeyStore
from gateway.wire.request_head import Limits
from gateway.wire.upstream import Upstream
from tests.unit.plane.stage import StillClock, trouble_with_the_store

PEER = "198.51.100.7"
KEY = compose_secret("kh", bytes(range(32))).reveal().encode()
UPSTREAM = Upstream("main", "http", "10.9.8.7", 11434)
GROUND = Ground({"main": UPSTREAM})
TABLE = RouteTable(
    [
        Route("any", "/any/**", "main"),
        Route("open", "/open/**", "main", public=True),
        Route("lost", "/lost", "elsewhere", public=True),
        Route("home", "/home", "main", scopes=("a:b",), anonymous=Anonymous((), frozenset({"a:b"}))),
    ]
)


def head(line: bytes = b"GET /any/x HTTP/1.1", *fields: bytes, shown: bytes | None = KEY) -> bytes:
    lines = [line, b"Host: gate.example", *fields]
    if shown is not None:
        lines.append(b"X-API-Key: " + shown)
    return b"\r\n".join((*lines, b"", b""))


def plan_of(raw: bytes, ground: Ground = GROUND, peer: str = PEER) -> Plan:
    keeper = Gatekeeper(TABLE, "kh", MemoryKeyStore(), StillClock(), trouble_with_the_store)
    return make_plan(raw, peer, ground, keeper)


def test_a_plan_is_the_head_for_the_upstream_up_to_who_calls() -> None:
    plan = plan_of(head(b"POST /any/x?a=b HTTP/1.1", b"Accept: */*", b"Content-Length: 3"))
    assert isinstance(plan.passage.decision, NeedKey)
    assert (plan.line, plan.length) == (b"POST /any/x?a=b HTTP/1.1\r\n", b"content-length: 3\r\n")
    assert plan.passage.lead == (
        b"host: 10.9.8.7:11434\r\naccept: */*\r\n"
        b"x-forwarded-for: 198.51.100.7\r\nx-forwarded-proto: http\r\nx-forwarded-host: gate.example\r\n"
        b"via: 1.1 keyhatch\r\n"
    )
    assert (plan.method, plan.path, plan.passage.peer, plan.passage.version) == (
        "POST",
        "/any/x",
        PEER,
        (1, 1),
    )
    assert (plan.content_length, plan.passage.chunked, plan.has_body, plan.passage.keep_alive) == (
        3,
        False,
        True,
        True,
    )
    assert (plan.passage.upstream, plan.passage.kind, plan.is_head, plan.passage.request_id) == (
        UPSTREAM,
        Kind.PLAIN,
        False,
        None,
    )


def test_a_chunked_body_is_told_so() -> None:
    plan = plan_of(head(b"POST /any/x HTTP/1.1", b"Transfer-Encoding: Chunked", b"Expect: 100-continue"))
    assert plan.passage.lead.endswith(b"transfer-encoding: chunked\r\n")
    assert (plan.content_length, plan.passage.chunked, plan.has_body, plan.passage.expects_continue) == (
        None,
        True,
        True,
        True,
    )


@pytest.mark.parametrize(
    ("line", "fields", "stays"),
    [
        pytest.param(b"GET /any/x HTTP/1.1", (), True, id="1.1"),
        pytest.param(b"GET /any/x HTTP/1.1", (b"Connection: close",), False, id="1.1-close"),
        pytest.param(b"GET /any/x HTTP/1.0", (), False, id="1.0"),
        pytest.param(b"GET /any/x HTTP/1.0", (b"Connection: Keep-Alive",), True, id="1.0-keep-alive"),
        pytest.param(b"GET /any/x HTTP/1.0", (b"Connection: keep-alive, close",), False, id="1.0-both"),
    ],
)
def test_whether_the_connection_may_stay(line: bytes, fields: tuple[bytes, ...], stays: bool) -> None:
    assert plan_of(head(line, *fields)).passage.keep_alive is stays


def test_a_websocket_keeps_what_it_asked_for_and_no_connection() -> None:
    asked = (b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13")
    plan = plan_of(head(b"GET /any/ws HTTP/1.1", *asked, b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="))
    assert (plan.passage.kind, plan.passage.keep_alive) == (Kind.WEBSOCKET, False)
    assert (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ==") in plan.passage.asked


def test_the_callers_own_request_id_is_remembered() -> None:
    assert plan_of(head(b"GET /any/x HTTP/1.1", b"X-Request-Id: mine-1")).passage.request_id == "mine-1"


@pytest.mark.parametrize(
    ("raw", "limits", "reason"),
    [
        pytest.param(head(shown=b"x" * 99), Limits(head_bytes_max=90), Reason.HEADER_TOO_LARGE, id="bytes"),
        pytest.param(head(), Limits(fields_max=1), Reason.HEADER_TOO_LARGE, id="fields"),
        pytest.param(head(), Limits(target_bytes_max=3), Reason.HEADER_TOO_LARGE, id="target"),
        pytest.param(b"garbage\r\n\r\n", Limits(), Reason.REQUEST_MALFORMED, id="no-head"),
        pytest.param(head(b"GET /any/x HTTP/1.1", b"X_A: b"), Limits(), Reason.REQUEST_MALFORMED, id="rule"),
        pytest.param(head(b"GET /any//x HTTP/1.1"), Limits(), Reason.TARGET_AMBIGUOUS, id="target-ambiguous"),
        pytest.param(head(b"GET /no HTTP/1.1"), Limits(), Reason.NO_ROUTE, id="no-route"),
        pytest.param(head(shown=None), Limits(), Reason.CREDENTIAL_MISSING, id="no-key"),
    ],
)
def test_what_needs_no_record_is_refused_by_the_plan(raw: bytes, limits: Limits, reason: Reason) -> None:
    decision = plan_of(raw, Ground({"main": UPSTREAM}, limits)).passage.decision
    assert isinstance(decision, Deny)
    assert decision.reason is reason


def test_an_upstream_that_is_not_there_leaves_no_head() -> None:
    plan = plan_of(head(b"GET /lost HTTP/1.1"))
    assert (plan.passage.upstream, plan.passage.lead) == (None, b"")


def test_the_log_sees_of_what_is_no_request_what_can_be_seen() -> None:
    plan = refused(Deny(Reason.REQUEST_MALFORMED), PEER, b"HEAD /" + b"a" * 300 + b"?q=1 HTTP/9.9\r\n")
    assert (plan.method, plan.path, plan.is_head, plan.passage.keep_alive) == (
        "HEAD",
        "/" + "a" * 199,
        True,
        False,
    )


# --- Who calls --------------------------------------------------------------------------------------------


def test_the_upstream_is_told_who_calls_whoever_called_before() -> None:
    plan = plan_of(head())
    ada, bob = Identity("k-1", "Ada", "ops", ("a:b",)), Identity("k-2", "Bob", "", ())
    for identity, name in ((ada, b"Ada"), (ada, b"Ada"), (bob, b"Bob"), (ada, b"Ada")):
        question = plan.question(identity, "req-1")
        assert question.startswith(plan.line + plan.passage.lead + b"x-keyhatch-key-id: ")
        assert question.endswith(b"\r\nx-request-id: req-1\r\n\r\n")
        assert question.count(b"x-keyhatch-key-name: ") == 1
        assert b"x-keyhatch-key-name: " + name + b"\r\n" in question
    assert plan.question(None, "req-2") == plan.line + plan.passage.lead + b"x-request-id: req-2\r\n\r\n"


def test_a_public_route_is_allowed_by_its_plan() -> None:
    assert isinstance(plan_of(head(b"GET /open/x HTTP/1.1")).passage.decision, Allow)
