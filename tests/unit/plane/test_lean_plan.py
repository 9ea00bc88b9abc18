"""Guarantees of gateway/plane/lean_plan.py: a plan is what a head comes to, kept only where it may be."""

import gc

import pytest

from gateway.core.decision import Allow, Identity, NeedKey
from gateway.core.keys import compose_secret
from gateway.core.refusal import Deny, Reason
from gateway.core.request import Kind
from gateway.core.routes import Anonymous, Route, RouteTable
from gateway.keeper.gatekeeper import Gatekeeper
from gateway.plane.contract import Ground
from gateway.plane.lean_plan import HEAD_BYTES_KEPT_MAX, PLANS_MAX, Plan, Plans, refused
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


def plans(ground: Ground = GROUND) -> Plans:
    keeper = Gatekeeper(TABLE, "kh", MemoryKeyStore(), StillClock(), trouble_with_the_store)
    return Plans(keeper, ground)


def head(line: bytes = b"GET /any/x HTTP/1.1", *fields: bytes, shown: bytes | None = KEY) -> bytes:
    lines = [line, b"Host: gate.example", *fields]
    if shown is not None:
        lines.append(b"X-API-Key: " + shown)
    return b"\r\n".join((*lines, b"", b""))


def plan_of(raw: bytes, ground: Ground = GROUND, peer: str = PEER) -> Plan:
    return plans(ground).of(raw, peer, ground)


def test_a_plan_is_the_head_for_the_upstream_up_to_who_calls() -> None:
    plan = plan_of(head(b"POST /any/x?a=b HTTP/1.1", b"Accept: */*", b"Content-Length: 3"))
    assert isinstance(plan.decision, NeedKey)
    assert plan.lead == (
        b"POST /any/x?a=b HTTP/1.1\r\nhost: 10.9.8.7:11434\r\naccept: */*\r\n"
        b"x-forwarded-for: 198.51.100.7\r\nx-forwarded-proto: http\r\nx-forwarded-host: gate.example\r\n"
        b"via: 1.1 keyhatch\r\ncontent-length: 3\r\n"
    )
    assert (plan.method, plan.path, plan.peer, plan.version) == ("POST", "/any/x", PEER, (1, 1))
    assert (plan.content_length, plan.chunked, plan.has_body, plan.keep_alive) == (3, False, True, True)
    assert (plan.upstream, plan.kind, plan.is_head, plan.request_id) == (UPSTREAM, Kind.PLAIN, False, None)


def test_a_chunked_body_is_told_so() -> None:
    plan = plan_of(head(b"POST /any/x HTTP/1.1", b"Transfer-Encoding: Chunked", b"Expect: 100-continue"))
    assert plan.lead.endswith(b"transfer-encoding: chunked\r\n")
    assert (plan.content_length, plan.chunked, plan.has_body, plan.expects_continue) == (
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
    assert plan_of(head(line, *fields)).keep_alive is stays


def test_a_websocket_keeps_what_it_asked_for_and_no_connection() -> None:
    asked = (b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13")
    plan = plan_of(head(b"GET /any/ws HTTP/1.1", *asked, b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="))
    assert (plan.kind, plan.keep_alive) == (Kind.WEBSOCKET, False)
    assert (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ==") in plan.asked


def test_the_callers_own_request_id_is_remembered() -> None:
    assert plan_of(head(b"GET /any/x HTTP/1.1", b"X-Request-Id: mine-1")).request_id == "mine-1"


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
    decision = plan_of(raw, Ground({"main": UPSTREAM}, limits)).decision
    assert isinstance(decision, Deny)
    assert decision.reason is reason


def test_an_upstream_that_is_not_there_leaves_no_head() -> None:
    plan = plan_of(head(b"GET /lost HTTP/1.1"))
    assert (plan.upstream, plan.lead) == (None, b"")


def test_the_log_sees_of_what_is_no_request_what_can_be_seen() -> None:
    plan = refused(Deny(Reason.REQUEST_MALFORMED), PEER, b"HEAD /" + b"a" * 300 + b"?q=1 HTTP/9.9\r\n")
    assert (plan.method, plan.path, plan.is_head, plan.keep_alive) == ("HEAD", "/" + "a" * 199, True, False)


# --- Keeping ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(head(), id="needs-a-key"),
        pytest.param(head(b"GET /open/x HTTP/1.1", shown=None), id="public"),
        pytest.param(head(shown=None), id="refused-and-stays-open"),
    ],
)
def test_the_same_head_from_the_same_peer_is_planned_once(raw: bytes) -> None:
    book = plans()
    plan = book.of(raw, PEER, GROUND)
    assert book.of(bytes(bytearray(raw)), PEER, GROUND) is plan
    assert book.of(raw, "198.51.100.8", GROUND) is not plan


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(head(b"GET /any//x HTTP/1.1"), id="refused-and-closed"),
        pytest.param(b"garbage\r\n\r\n", id="no-head"),
        pytest.param(head(b"GET /any/x HTTP/1.1", b"A: " + b"x" * HEAD_BYTES_KEPT_MAX), id="long"),
        pytest.param(
            head(
                b"GET /any/ws HTTP/1.1",
                *(b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13"),
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            ),
            id="websocket",
        ),
    ],
)
def test_what_closes_what_is_long_and_a_websocket_are_never_kept(raw: bytes) -> None:
    book = plans()
    assert book.of(raw, PEER, GROUND) is not book.of(raw, PEER, GROUND)
    assert book._young == book._old == {}


def test_what_a_fault_caused_is_never_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    book = plans()
    monkeypatch.setattr(Gatekeeper, "admit", lambda *_: Deny(Reason.STORE_UNAVAILABLE))
    assert book.of(head(), PEER, GROUND) is not book.of(head(), PEER, GROUND)


def test_a_reload_and_another_table_forget_every_plan() -> None:
    book = plans()
    plan = book.of(head(), PEER, GROUND)
    again = Ground({"main": UPSTREAM})
    other = book.of(head(), PEER, again)
    assert other is not plan
    book._gatekeeper.table = RouteTable([])
    decision = book.of(head(), PEER, again).decision
    assert isinstance(decision, Deny)
    assert decision.reason is Reason.NO_ROUTE


def test_ever_new_heads_push_plans_out_but_not_those_in_use() -> None:
    book = plans()
    used = book.of(head(), PEER, GROUND)
    for number in range(PLANS_MAX * 2):
        book.of(head(b"GET /open/%d HTTP/1.1" % number, shown=None), PEER, GROUND)
        if number % 100 == 0:
            assert book.of(head(), PEER, GROUND) is used
    assert len(book._young) + len(book._old) <= PLANS_MAX


def test_no_plan_holds_a_key() -> None:
    book = plans()
    raw = head(b"GET /any/x?api_key=" + KEY + b" HTTP/1.1", b"Accept: text/event-stream", b"Cookie: a=" + KEY)
    plan = book.of(raw, PEER, GROUND)
    del raw
    gc.collect()
    held, todo = [], [plan]
    seen: set[int] = set()
    while todo:
        thing: object = todo.pop()
        if id(thing) in seen or isinstance(thing, type) or callable(thing):
            continue
        seen.add(id(thing))
        if isinstance(thing, bytes | str):
            held.append(thing if isinstance(thing, bytes) else thing.encode("utf-8", "surrogateescape"))
        todo += gc.get_referents(thing)
    assert len(held) > 5
    assert [each for each in held if KEY in each] == []


# --- Who calls --------------------------------------------------------------------------------------------


def test_the_upstream_is_told_who_calls_whoever_called_before() -> None:
    plan = plan_of(head())
    ada, bob = Identity("k-1", "Ada", "ops", ("a:b",)), Identity("k-2", "Bob", "", ())
    for identity, name in ((ada, b"Ada"), (ada, b"Ada"), (bob, b"Bob"), (ada, b"Ada")):
        question = plan.question(identity, "req-1")
        assert question.startswith(plan.lead + b"x-keyhatch-key-id: ")
        assert question.endswith(b"\r\nx-request-id: req-1\r\n\r\n")
        assert question.count(b"x-keyhatch-key-name: ") == 1
        assert b"x-keyhatch-key-name: " + name + b"\r\n" in question
    assert plan.question(None, "req-2") == plan.lead + b"x-request-id: req-2\r\n\r\n"


def test_a_public_route_is_allowed_by_its_plan() -> None:
    assert isinstance(plan_of(head(b"GET /open/x HTTP/1.1")).decision, Allow)
