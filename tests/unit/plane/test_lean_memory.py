"""Guarantees of gateway/plane/lean_memory.py: what is remembered is what would be worked out again."""

import gc
import random

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.cors import Cors
from gateway.core.decision import Allow, NeedKey
from gateway.core.keys import digest_of
from gateway.core.refusal import Deny, Reason
from gateway.core.routes import Anonymous, Route, RouteTable
from gateway.keeper.gatekeeper import Gatekeeper
from gateway.plane.contract import Ground
from gateway.plane.lean_memory import HEAD_BYTES_KEPT_MAX, PLANS_MAX, Plans, Recent
from gateway.plane.lean_plan import Passage, Plan, make_plan
from gateway.store.memory import MemoryKeyStore
from gateway.wire.request_head import Limits
from gateway.wire.upstream import Upstream
from tests.unit.plane.odd_heads import (
    BASE,
    CHANGES,
    FIELDS,
    KEY,
    LIMITS,
    OTHER_KEY,
    SPELLINGS,
    TARGETS,
    TRACE_SPELLINGS,
    TRACED,
)
from tests.unit.plane.stage import StillClock, trouble_with_the_store

PEER = "198.51.100.7"
UPSTREAM = Upstream("main", "http", "10.9.8.7", 11434)
GROUND = Ground({"main": UPSTREAM})
TABLE = RouteTable(
    [
        Route("any", "/any/**", "main"),
        Route("open", "/open/**", "main", public=True),
        Route("moved", "/moved/**", "main", strip_prefix="/moved", add_prefix="/api"),
        Route("shared", "/shared/**", "main", cors=Cors(frozenset({"https://a.example"}))),
        Route("half", "/shared/half", "main", methods=frozenset({"POST"})),
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


def meaning(plan: Plan) -> tuple[object, ...]:
    """All that a plan says, but for what was last decided and said."""
    passage = plan.passage
    said = {"before", "said", "said_of", "back"}
    of_fields = [getattr(passage, name) for name in Passage.__slots__ if name not in said]
    line = b"" if isinstance(passage.decision, Deny) else plan.line
    of_line = (plan.method, plan.is_head, plan.path, line, plan.length, plan.content_length, plan.has_body)
    return (*of_line, plan.parent, *of_fields, None if passage.back is None else passage.back.share)


def thrice(book: Plans, raw: bytes, ground: Ground = GROUND) -> list[Plan]:
    return [book.of(bytes(bytearray(raw)), PEER, ground) for _ in range(3)]


# --- What is remembered is what would be worked out -------------------------------------------------------


@hypothesis.settings(max_examples=400)
@given(
    st.lists(st.sampled_from(FIELDS), max_size=1),
    st.sampled_from(SPELLINGS),
    st.sampled_from((*TRACE_SPELLINGS, b"")),
    st.randoms(use_true_random=False),
    st.sampled_from((KEY, KEY, OTHER_KEY, KEY[:-1], None)),
    st.lists(CHANGES, min_size=1, max_size=8),
    st.sampled_from(LIMITS),
)
def test_whatever_came_before_a_plan_is_the_one_that_would_be_made_anew(
    fields: list[bytes],
    spelling: bytes,
    traced: bytes,
    chance: random.Random,
    shown: bytes | None,
    changes: list[tuple[str, bytes]],
    limits: Limits,
) -> None:
    ground = Ground({"main": UPSTREAM}, limits)
    book = plans(ground)
    for change in ((), *((change,) for change in changes)):
        parts = BASE | dict(change)
        line = b" ".join((parts["method"], parts["target"], parts["version"]))
        length = [spelling.replace(b"%b", parts["length"])] if spelling else []
        if traced:
            length.insert(chance.randrange(2), traced.replace(b"%b", parts["parent"]))
        raw, peer = head(line, *length, *fields, shown=shown), parts["peer"].decode()
        assert meaning(book.of(raw, peer, ground)) == meaning(make_plan(raw, peer, ground, book._gatekeeper))


@pytest.mark.parametrize("spelling", SPELLINGS[:-1])
@pytest.mark.parametrize("shown", [KEY, None], ids=["passes", "refused"])
def test_a_length_is_never_forgotten_however_it_is_spelt(spelling: bytes, shown: bytes | None) -> None:
    book = plans()
    field = spelling.replace(b"%b", b"115")
    for number in range(3):
        raw = head(b"POST /any/%d HTTP/1.1" % number, field, shown=shown)
        plan = book.of(raw, PEER, GROUND)
        assert (plan.content_length, plan.has_body) == (115, True)


def test_a_known_head_with_a_longer_line_is_weighed_anew() -> None:
    ground = Ground({"main": UPSTREAM}, Limits(head_bytes_max=1024))
    book = plans(ground)
    fields = [b"A%d:b" % number for number in range(60)]
    for long in (1, 500, 560, 600):
        raw = head(b"GET /any/" + b"x" * long + b" HTTP/1.1", *fields)
        assert meaning(book.of(raw, PEER, ground)) == meaning(make_plan(raw, PEER, ground, book._gatekeeper))


@pytest.mark.parametrize("limits", LIMITS[:3], ids=["plain", "small-bodies", "short-targets"])
def test_in_a_long_life_of_many_callers_every_plan_is_the_one_that_would_be_made_anew(limits: Limits) -> None:
    ground, chance = Ground({"main": UPSTREAM}, limits), random.Random(5)
    book, known = plans(ground), [[b"Accept: */*"]]
    for _ in range(4_000):
        if chance.random() < 0.3:
            known = [*known[-30:], chance.sample(FIELDS, chance.randint(0, 2))]
        spelling = chance.choice(SPELLINGS)
        length = [spelling.replace(b"%b", chance.choice((b"3", b"44", b"0", b"", b"\0")))] if spelling else []
        method, target = chance.choice((b"GET", b"POST", b"DELETE", b"get")), chance.choice(TARGETS)
        line = b" ".join((method, target, chance.choice((b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0"))))
        raw = head(line, *length, *chance.choice(known), shown=chance.choice((KEY, OTHER_KEY, None)))
        peer = chance.choice((PEER, "10.1.1.1"))
        assert meaning(book.of(raw, peer, ground)) == meaning(make_plan(raw, peer, ground, book._gatekeeper))
    assert len(book._passages) > 30


@given(st.data())
def test_a_known_head_with_any_bytes_changed_comes_to_what_these_bytes_come_to(data: st.DataObject) -> None:
    known = head(b"POST /any/x HTTP/1.1", b"Content-Length: 44", b"Accept: */*")
    book = plans()
    book.of(known, PEER, GROUND)
    begin = data.draw(st.integers(0, len(known) - 4))
    end = data.draw(st.integers(begin, min(begin + 4, len(known) - 4)))
    pieces = st.sampled_from(
        (b"", b"\0", b"\r\n", b"\n", b" ", b"\t", b":", b"7", b"a", b"_", b"\r\n ", b"\xff")
    )
    changed = known[:begin] + b"".join(data.draw(st.lists(pieces, max_size=3))) + known[end:]
    changed = changed[: changed.index(b"\r\n\r\n") + 4]
    assert meaning(book.of(changed, PEER, GROUND)) == meaning(
        make_plan(changed, PEER, GROUND, book._gatekeeper)
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(head(b"GET /any/x HTTP/1.1"), head(b"GET /any/y?z HTTP/1.1"), id="another-line"),
        pytest.param(head(b"GET /any/x HTTP/1.1"), head(b"DELETE /any/x HTTP/1.1"), id="another-method"),
        pytest.param(
            head(b"POST /any/x HTTP/1.1", b"Content-Length: 3"),
            head(b"POST /any/x HTTP/1.1", b"Content-Length: 44"),
            id="another-length",
        ),
        pytest.param(
            head(b"GET /any/x HTTP/1.1", shown=None), head(b"GET /any/y HTTP/1.1", shown=None), id="refused"
        ),
        pytest.param(
            head(b"GET /any/x HTTP/1.1", b"traceparent: " + TRACED[0]),
            head(b"GET /any/x HTTP/1.1", b"traceparent: " + TRACED[1]),
            id="another-trace",
        ),
        pytest.param(
            head(b"POST /any/x HTTP/1.1", b"Traceparent: " + TRACED[0], b"Content-Length: 3"),
            head(b"POST /any/y HTTP/1.1", b"Traceparent: " + TRACED[1], b"Content-Length: 44"),
            id="another-line-length-and-trace",
        ),
    ],
)
def test_heads_that_differ_in_line_length_or_trace_alone_share_a_passage(one: bytes, other: bytes) -> None:
    book = plans()
    first, second = book.of(one, PEER, GROUND), book.of(other, PEER, GROUND)
    assert first is not second
    assert first.passage is second.passage


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(head(b"GET /open/x HTTP/1.1"), id="another-route"),
        pytest.param(head(b"GET /any/x HTTP/1.1", shown=OTHER_KEY), id="another-key"),
        pytest.param(head(b"GET /any/x HTTP/1.1", b"Accept: */*"), id="another-field"),
        pytest.param(head(b"GET /any/x HTTP/1.1", b"traceparent: " + TRACED[0]), id="a-trace"),
        pytest.param(head(b"GET /any/x HTTP/1.0"), id="another-version"),
        pytest.param(head(b"GET /any/x?api_key=" + KEY + b" HTTP/1.1"), id="a-key-in-the-target"),
    ],
)
def test_a_passage_is_for_the_same_fields_on_the_same_route(other: bytes) -> None:
    book = plans()
    first = book.of(head(), PEER, GROUND)
    assert book.of(other, PEER, GROUND).passage is not first.passage
    assert book.of(head(b"GET /any/y HTTP/1.1"), "198.51.100.8", GROUND).passage is not first.passage


# --- Keeping ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(head(), id="needs-a-key"),
        pytest.param(head(b"GET /open/x HTTP/1.1", shown=None), id="public"),
        pytest.param(head(shown=None), id="refused-and-stays-open"),
        pytest.param(head(b"GET /any/%41 HTTP/1.1"), id="no-plain-line"),
    ],
)
def test_a_head_that_comes_again_is_planned_no_more(raw: bytes) -> None:
    book = plans()
    _, second, third = thrice(book, raw)
    assert third is second
    assert book.of(raw, "198.51.100.8", GROUND) is not second


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
    first, second, third = thrice(book, raw)
    assert len({id(first), id(second), id(third)}) == 3
    assert len(book._plans) == len(book._passages) == 0


def test_what_a_fault_caused_is_never_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    book = plans()
    monkeypatch.setattr(Gatekeeper, "admit", lambda *_: Deny(Reason.STORE_UNAVAILABLE, route_id="any"))
    thrice(book, head())
    assert len(book._plans) == len(book._passages) == 0


def test_a_reload_and_another_table_forget_everything() -> None:
    book = plans()
    *_, plan = thrice(book, head())
    again = Ground({"main": UPSTREAM})
    other = book.of(head(), PEER, again)
    assert other is not plan
    assert other.passage is not plan.passage
    book._gatekeeper.table = RouteTable([])
    decision = book.of(head(), PEER, again).passage.decision
    assert isinstance(decision, Deny)
    assert decision.reason is Reason.NO_ROUTE


def test_a_change_of_what_was_imported_forgets_everything() -> None:
    text = "sk-q7ZbR2mX9tLw4VnKc8DsPe"
    raw, book = head(shown=text.encode()), plans()
    *_, plan = thrice(book, raw)
    assert isinstance(plan.passage.decision, Deny)
    book._gatekeeper.imported({digest_of(text): "key_1"})
    *_, plan = thrice(book, raw)
    assert isinstance(plan.passage.decision, NeedKey)
    assert text.encode() not in plan.passage.lead
    book._gatekeeper.key_changed("key_1", None)
    assert isinstance(book.of(raw, PEER, GROUND).passage.decision, Deny)


def test_ever_new_first_lines_push_nothing_out() -> None:
    book = plans()
    *_, used = thrice(book, head())
    for number in range(PLANS_MAX * 2):
        book.of(head(b"GET /open/%d HTTP/1.1" % number, shown=None), PEER, GROUND)
    assert book.of(head(), PEER, GROUND) is used
    assert len(book._plans) == 1
    assert len(book._passages) == 2
    assert len(book._seen) <= PLANS_MAX


def test_ever_new_fields_push_out_what_is_not_in_use() -> None:
    book = plans()
    used = book.of(head(), PEER, GROUND).passage
    for number in range(PLANS_MAX * 2):
        book.of(head(b"GET /open/x HTTP/1.1", b"X-A: %d" % number, shown=None), PEER, GROUND)
        if number % 100 == 0:
            assert book.of(head(b"GET /any/%d HTTP/1.1" % number), PEER, GROUND).passage is used
    assert len(book._passages) <= PLANS_MAX


def test_what_was_not_used_for_two_generations_is_forgotten() -> None:
    recent: Recent[int, str] = Recent(4)
    for number in range(6):
        recent.put(number, str(number))
    assert len(recent) == 4
    assert [recent.get(number) for number in (0, 1, 5, 4, 2)] == [None, None, "5", "4", "2"]
    assert recent.get(3) is None
    recent.clear()
    assert (len(recent), recent.get(5)) == (0, None)


def test_nothing_that_is_remembered_holds_a_key() -> None:
    book = plans()
    in_query = head(b"GET /any/x?api_key=" + KEY + b" HTTP/1.1", b"Accept: text/event-stream")
    thrice(book, in_query)
    thrice(book, head(b"GET /any/x HTTP/1.1", b"Cookie: a=" + KEY, b"Authorization: Bearer " + KEY))
    del in_query
    gc.collect()
    held, todo = [], [book._plans, book._passages, book._seen]
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


def test_a_remembered_decision_waits_for_the_record_as_the_first_did() -> None:
    book = plans()
    for number in range(3):
        assert isinstance(
            book.of(head(b"GET /any/%d HTTP/1.1" % number), PEER, GROUND).passage.decision, NeedKey
        )
        public = book.of(head(b"GET /open/%d HTTP/1.1" % number), PEER, GROUND).passage.decision
        assert isinstance(public, Allow)
