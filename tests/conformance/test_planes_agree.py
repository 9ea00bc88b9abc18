"""Every pair of planes agrees: the same bytes into both, the same decision and the same bytes out of both.

Hypothesis writes a whole conversation: one or several raw requests, good and bad, on one connection, cut into
pieces; and the answers of the upstream, good and bad. Both planes are given it. They must agree on

1. what the upstream was sent: each request's line, its fields but for our request id, its body and trailer;
2. what the caller was sent: each answer's status, reason phrase, fields but for the request id and the date,
   body, whether it was whole, and whether the connection stayed open;
3. what was decided and told to the observer: route, key, reason, cut, status, payload bytes.

Passed over are the order of fields, the boundaries of chunks, which rule a broken head broke (a parser that
stops at a fault cannot tell, so `request_malformed` and `target_ambiguous` count as one), and the rows of
docs/planes.md: the alphabet holds no trailer fields, no empty query, no loose line, no field twice and
nothing behind an answer, `Content-Length: 0` counts as no body, and in one read nothing broken stands behind
something good.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.keeper.ports import Exchange
from gateway.wire.request_head import Limits
from tests.conformance.conftest import BuildStand
from tests.support.http_samples import chunked
from tests.support.plane_stand import KEY, OTHER_KEY, PLANES, STRANGE_KEY, Setting, Stand, request
from tests.support.raw_caller import RawCaller
from tests.support.raw_connection import eventually
from tests.support.scripted_upstream import CLOSE, OK, RESET, Step, UpstreamConnection, answering
from tests.support.strict_http import Framing, Message

FEW = settings(
    max_examples=max(150, settings().max_examples // 5),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
LIMITS = Limits(head_bytes_max=2_048, fields_max=16, target_bytes_max=256, body_bytes_max=4_096)

BROKEN = {b"request_malformed", b"target_ambiguous"}
METHODS = [b"GET"] * 6 + [b"POST"] * 3 + [b"HEAD", b"PUT", b"OPTIONS", b"DELETE", b"PURGE", b"TRACE"]
TARGETS = [
    *(
        b"/any/x",
        b"/any/x",
        b"/open/x",
        b"/open/x",
        b"/chat/x?a=b",
        b"/admin/x",
        b"/either/x",
        b"/read",
        b"/odd",
    ),
    *(b"/home/x", b"/down/x", b"/nowhere", b"/any/vault/x", b"/any/x?a=%20b&c", b"/any/x?api_key=" + KEY),
    *(b"/.keyhatch/health", b"/.keyhatch/me"),
    *(
        b"/any/../admin/x",
        b"/any/%2e%2e/admin",
        b"/any//x",
        b"/any/x;a=b",
        b"/any/%zz",
        b"/open/\\x",
        b"*",
        b"any/x",
    ),
    *(b"http://gate.example/any/x", b"/any/" + b"x" * 300, b"/any/caf\xc3\xa9", b"/any/x#y", b"/any/\xff"),
]
GOOD_TARGETS = TARGETS.index(b"/any/../admin/x")
CREDENTIALS = [
    *([b"X-API-Key: " + KEY] * 6),
    *(b"Authorization: Bearer " + KEY, b"authorization: bearer " + OTHER_KEY, b"api-key: " + OTHER_KEY),
    *(b"X-API-Key: " + STRANGE_KEY, b"X-API-Key: " + KEY[:-1], b"Authorization: Bearer sk-abcdef", b"X-B: c"),
]
FIELDS = [
    *(
        b"Accept: */*",
        b"Accept: text/event-stream",
        b"Cookie: a=b; k=" + KEY,
        b"X-Keyhatch-Owner: root",
        b"X-A: ",
    ),
    *(
        b"Connection: keep-alive",
        b"X-Forwarded-For: 10.0.0.1",
        b"X-Request-Id: mine-1",
        b"X-Request-Id: not mine",
    ),
    *(b"Forwarded: for=x", b"Via: 1.0 edge", b"TE: trailers", b"Max-Forwards: 3", b"X-L: " + b"y" * 300),
    *(b"Connection: x-b", b"Proxy-Authorization: Basic eDp5", b"X-API-Key: " + OTHER_KEY),
    *(
        b"Connection: close",
        b"Connection: x-a, close",
        b"Expect: 100-continue",
        b"Upgrade: h2c",
        b"Connection: upgrade",
    ),
    *(
        b"X_A: b",
        b"X-A : b",
        b"X-A: b\x00",
        b"X-A: \x07",
        b" folded",
        b"no colon",
        b": no name",
        b"X-A: \xe9",
    ),
    *(b"Host: other", b"Expect: other", b"X-L: " + b"y" * 2_100, b"\r\n".join([b"X-M: 1"] * 20)),
]
GOOD_FIELDS = FIELDS.index(b"Connection: close")
FRAMINGS = [
    *([(b"", b"")] * 8),
    *([(b"Content-Length: 5", b"hello")] * 3),
    *([(b"Transfer-Encoding: chunked", chunked(b"hel", b"lo"))] * 3),
    (b"Transfer-Encoding: chunked", chunked()),
    (b"Transfer-Encoding: chunked", b"3;ext=1\r\nabc\r\n0\r\n\r\n"),
    (b"Content-Length: 0", b""),
    (b"Content-Length: 5000", b"z" * 5_000),
    (b"Content-Length: 5\r\nContent-Length: 5", b"hello"),
    (b"Content-Length: +5", b"hello"),
    (b"Content-Length: 5\r\nTransfer-Encoding: chunked", chunked(b"hello")),
    (b"Transfer-Encoding: gzip, chunked", chunked(b"hello")),
    (b"Transfer-Encoding: identity", b""),
]
GOOD_FRAMINGS = FRAMINGS.index((b"Content-Length: 5000", b"z" * 5_000))
VERSIONS = [*([b"HTTP/1.1"] * 12), b"HTTP/1.0", b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"ICY/1.1"]


@dataclass(frozen=True)
class Asked:
    """One raw request, and its method, which tells how to read the answer."""

    raw: bytes
    method: bytes


@st.composite
def requests(draw: st.DrawFn, *, is_good: bool = False) -> Asked:
    """One request out of the alphabets above, with at most one fault, as two may be met in either order.

    A good one breaks no rule of HTTP, and may be refused even so.
    """
    fault = "" if is_good else draw(st.sampled_from(["", "method", "target", "field", "framing", "version"]))
    method = b"get" if fault == "method" else draw(st.sampled_from(METHODS))
    version = draw(st.sampled_from(VERSIONS)) if fault == "version" else b"HTTP/1.1"
    framing, body = draw(st.sampled_from(FRAMINGS if fault == "framing" else FRAMINGS[:GOOD_FRAMINGS]))
    target = draw(st.sampled_from(TARGETS if fault == "target" else TARGETS[:GOOD_TARGETS]))
    lines = [b" ".join((method, target, version)), b"Host: gate.example"]
    lines += [draw(st.sampled_from(CREDENTIALS))] if draw(st.integers(0, 5)) else []
    lines += (
        draw(st.lists(st.sampled_from(FIELDS[:GOOD_FIELDS]), max_size=2, unique=True))
        if draw(st.booleans())
        else []
    )
    lines += [draw(st.sampled_from(FIELDS[GOOD_FIELDS:]))] if fault == "field" else []
    lines += [framing] if framing else []
    return Asked(b"\r\n".join((*lines, b"", b"")) + body, method)


def answer(status: bytes, *lines: bytes) -> bytes:
    """An answer's head."""
    return b"\r\n".join((b"HTTP/1.1 " + status, *lines, b"", b""))


SHORT, CHUNKED = b"Content-Length: 2", b"Transfer-Encoding: chunked"
ANSWERS: list[tuple[Step, ...]] = [  # first a head, then pieces of the body
    *([(answer(b"200 OK", SHORT), b"ok")] * 6),
    (answer(b"200 OK", CHUNKED), chunked(b"one", b"two")),
    (answer(b"200 OK", CHUNKED), b"3;x\r\none\r\n", b"3\r\ntwo\r\n0\r\n\r\n"),
    (answer(b"200 OK", b"X-Keyhatch-Owner: root", b"Keep-Alive: 5"), b"all of it", CLOSE),
    (answer(b"200 Fine", b"Connection: x-a", b"X-A: gone", b"X-B:", SHORT), b"ok"),
    (answer(b"204 No Content", b"X-A: b"),),
    (answer(b"304 Not Modified", b"Content-Length: 7"),),
    (answer(b"404 Not Found", b"Content-Length: 4", b"Cache-Control: no-store"), b"none"),
    (answer(b"100 Continue") + answer(b"103 Early Hints", b"Link: x") + answer(b"200 OK", SHORT), b"ok"),
    (answer(b"200 OK", SHORT, b"Connection: close"), b"ok", CLOSE),
    (answer(b"200 OK", b"Set-Cookie: a=b", b"Set-Cookie: c=d", b"Content-Length: 0"),),
    (answer(b"200 OK", b"Content-Length: 9"), b"cut", CLOSE),
    (answer(b"200 OK", CHUNKED), b"3\r\none\r\n", CLOSE),
    (answer(b"200 OK", CHUNKED), b"3\r\none\r\n", b"zz\r\n", CLOSE),
    (answer(b"200 OK", SHORT, b"Content-Length: 3"), b"odd"),
    (answer(b"200 OK", SHORT, CHUNKED), chunked(b"ok")),
    (answer(b"200 OK", b"Transfer-Encoding: gzip, chunked"), chunked(b"ok")),
    (answer(b"101 Switching Protocols", b"Connection: Upgrade", b"Upgrade: websocket"),),
    (b"garbage\r\n\r\n",),
    (b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\n", b"ok"),
    (CLOSE,),
    (RESET,),
]


@dataclass
class Replies:
    """What the upstream says to its n-th request, over all connections."""

    answers: list[tuple[Step, ...]] = field(default_factory=list)
    told: int = 0

    async def __call__(self, connection: UpstreamConnection) -> None:
        """Answer until the connection ends."""
        while True:
            asked = await connection.request(within_s=60)
            steps = self.answers[self.told % len(self.answers)]
            self.told += 1
            if asked.method == b"HEAD":  # no body follows
                steps = (*steps[:1], *(step for step in steps[1:] if not isinstance(step, bytes)))
            connection.play(*steps)


@dataclass(frozen=True)
class Story:
    """What one plane made of a conversation, in a form that can be compared."""

    upstream: list[object]
    caller: list[object]
    observer: list[object]

    def all(self) -> list[list[object]]:
        """Its three sides."""
        return [self.upstream, self.caller, self.observer]


class Pair:
    """A stand for every plane, kept for all conversations of a test."""

    def __init__(self) -> None:
        self.replies = {name: Replies() for name in PLANES}
        self.stands = {
            name: Stand(name, Setting(script=self.replies[name], limits=LIMITS)) for name in PLANES
        }

    async def agree(self, *conversation: object, **way: bool) -> Story:
        """Have the conversation with every plane; returns the story that they all tell."""
        stories = {name: await self._tell(name, *conversation, **way) for name in PLANES}  # type: ignore[arg-type]
        first, *others = stories.values()
        for story in others:
            for mine, theirs in zip(first.all(), story.all(), strict=True):
                assert mine == theirs
        return first

    async def _tell(
        self, name: str, asked: list[Asked], answers: list[tuple[Step, ...]], pieces: int, *, at_once: bool
    ) -> Story:
        stand, replies = self.stands[name], self.replies[name]
        replies.answers, replies.told = answers, 0
        connections, ended = stand.upstream.connections, stand.notebook.ended
        seen = {id(each): len(each.requests()) for each in connections}
        before = len(ended)
        caller = await stand.call()
        received: list[object] = []
        if at_once:
            caller.send(b"".join(each.raw for each in asked))
        for each in asked:
            if not at_once:
                head, end, body = each.raw.partition(b"\r\n\r\n")
                await caller.send_slowly(head, max(1, -(-len(head) // pieces)))
                if not caller.is_ended:
                    caller.send(end + body)  # at once: whether a refusal closes depends on how much is here
            received.append(await _heard(caller, each.method))
            if caller.is_ended:
                break
        caller.abandon()
        await eventually(lambda: stand.notebook.begun == len(ended), f"{name} tells of every exchange")
        stand.callers.clear()
        arrived = [_sent(new) for each in connections for new in each.requests()[seen.get(id(each), 0) :]]
        return Story([*sorted(arrived)], received, [_told(each) for each in ended[before:]])


async def _heard(caller: RawCaller, method: bytes) -> object:
    """The next answer, whole or cut, and whether the connection stays open."""

    def there() -> bool:
        message = caller.peek(method)
        return caller.is_ended or (message is not None and message.is_whole)

    await caller.until(there, "an answer or the end")
    message = caller.peek(method)
    if message is None:
        return "nothing"
    is_closing = caller.is_ended or b"close" in message.all(b"connection")
    if is_closing:
        await caller.until_ended()
        await eventually(lambda: caller.is_lost or not caller.was_reset, "the connection is lost")
    caller.taken += message.size
    request_id = message.one(b"x-request-id") or b""
    cut = not message.is_whole or (message.framing is Framing.CLOSE and caller.was_reset)
    body = b"" if cut else message.body.replace(request_id, b"ID") if request_id else message.body
    fields = _lower(message, b"x-request-id")
    if message.one(b"x-keyhatch-reason") in BROKEN:
        fields, body = _lower(message, b"x-request-id", b"content-length", b"x-keyhatch-reason"), b"broken"
    return (message.start, sorted(fields), body, message.trailers, cut, is_closing)


def _lower(message: Message, *without: bytes) -> list[tuple[bytes, bytes]]:
    fields = [(name.lower(), value) for name, value in message.fields]
    return [(name, value) for name, value in fields if name not in without]


def _sent(asked: Message) -> tuple[object, ...]:
    fields = [each for each in _lower(asked, b"x-request-id", b"host") if each != (b"content-length", b"0")]
    framing = Framing.NONE if not asked.body and asked.framing is Framing.LENGTH else asked.framing
    return (asked.start, sorted(fields), framing.value, asked.body, asked.trailers, asked.is_whole)


def _told(each: Exchange) -> object:
    reason = each.reason and each.reason.value
    if reason is not None and reason.encode() in BROKEN:
        return ("broken", each.status, each.cut)
    return (
        each.method,
        each.kind,
        each.route_id,
        each.upstream,
        each.key_id,
        each.status,
        reason,
        each.cut,
    )


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    pair = Pair()
    for stand in pair.stands.values():
        await stand.start()
    yield pair
    for stand in pair.stands.values():
        await stand.stop()


answers = st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=3)


@FEW
@given(st.lists(requests(), min_size=1, max_size=3), answers, st.sampled_from([1, 1, 2, 7]))
async def test_one_request_after_the_other_is_the_same_story_on_every_plane(
    pair: Pair, asked: list[Asked], answers: list[tuple[Step, ...]], pieces: int
) -> None:
    await pair.agree(asked, answers, pieces, at_once=False)


@FEW
@given(st.lists(requests(is_good=True), min_size=2, max_size=6), answers)
async def test_requests_in_one_read_are_the_same_story_on_every_plane(
    pair: Pair, asked: list[Asked], answers: list[tuple[Step, ...]]
) -> None:
    await pair.agree(asked, answers, 1, at_once=True)


@pytest.mark.differs("aiohttp", "an empty body")
async def test_a_length_of_nothing_reaches_the_upstream_as_it_was_declared(stand: Stand) -> None:
    caller = await stand.call(request(b"GET /any/x HTTP/1.1", b"Content-Length: 0"))
    await caller.response()
    assert stand.upstream.the_request().one(b"content-length") == b"0"


@pytest.mark.differs("aiohttp", "a field that stands twice")
async def test_a_field_that_stands_twice_and_decides_nothing_passes_twice(stand: Stand) -> None:
    caller = await stand.call(request(b"GET /any/x HTTP/1.1", b"User-Agent: a", b"User-Agent: b"))
    assert (await caller.response()).status == 200
    assert stand.upstream.the_request().all(b"user-agent") == [b"a", b"b"]


@pytest.mark.differs("aiohttp", "bytes behind an answer")
async def test_an_answer_is_not_refused_for_what_came_behind_it(build: BuildStand) -> None:
    stand = await build(script=answering(OK + b"and more than that"))
    caller = await stand.call(request(), request())
    assert [(await caller.response()).body for _ in range(2)] == [b"ok", b"ok"]
    assert len(stand.upstream.connections) == 2


async def test_the_stories_are_about_something(pair: Pair) -> None:
    """A comparison of nothing with nothing would hold as well."""
    good = Asked(b"GET /any/x HTTP/1.1\r\nHost: h\r\nX-API-Key: " + KEY + b"\r\n\r\n", b"GET")
    bad = Asked(good.raw.replace(b"Host: h\r\n", b""), b"GET")
    story = await pair.agree([good, bad], ANSWERS[:1], 1, at_once=False)
    assert (len(story.upstream), len(story.caller), len(story.observer)) == (1, 2, 2)
    assert b"HTTP/1.1 200 OK" in str(story.caller[0]).encode()
    assert b"HTTP/1.1 400 Bad Request" in str(story.caller[1]).encode()
