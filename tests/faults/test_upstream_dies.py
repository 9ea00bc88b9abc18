"""An upstream that dies at any byte of its answer: a refusal before the head is whole, a visible cut after.

F15 and F16. A chaos proxy between plane and upstream ends the connection after k bytes, for every k: in
order (FIN), by reset, by a half-close, or it puts garbage in. Whatever the place: no caller is shown a clean
end of what had none, none waits, nothing is asked twice, and the connection serves nobody else.
"""

import random
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.conformance.conftest import BuildStand
from tests.support.chaos_proxy import HARMLESS, Act, ChaosProxy, Choose, Harm, always
from tests.support.http_samples import chunked
from tests.support.plane_stand import Stand, request
from tests.support.raw_caller import RawCaller
from tests.support.scripted_upstream import answering

OK = b"HTTP/1.1 200 OK\r\n"
EVENTS = OK + b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
ANSWERS = {
    "length": (OK + b"Content-Length: 20\r\n\r\n", b"0123456789" * 2),
    "chunks": (CHUNKED, chunked(b"01234567", b"89")),
    "events": (EVENTS, chunked(b"data: 1\n\n", b"data: 2\n\n")),
}
TO_THE_END = (OK + b"Connection: close\r\n\r\n", b"0123456789" * 2)
ENDS = {"fin": Act.CLOSE, "reset": Act.RESET, "half-close": Act.END}
IN_THE_REASON = set(range(13, 16))  # it means nothing, and is not passed on
SOON_S = 5.0


class Road:
    """A plane, the upstream behind it, and a chaos proxy between the two."""

    def __init__(self, stand: Stand) -> None:
        self.stand = stand
        self.proxies: list[ChaosProxy] = []

    async def harm(self, choose: Choose, seed: int = 0) -> ChaosProxy:
        """A new proxy, at a new port: no connection opened so far serves another request."""
        proxy = ChaosProxy(self.stand.upstream.port, choose, seed=seed)
        await proxy.start()
        self.proxies.append(proxy)
        self.stand.lead("main", proxy.port)
        return proxy

    def be_impatient(self) -> None:
        """Wait no longer than this for a head, or for more of a body."""
        ground = self.stand.plane.ground
        main = replace(ground.upstreams["main"], timeout_first_byte_s=0.3, timeout_idle_s=0.3)
        self.stand.plane.ground = replace(ground, upstreams={**ground.upstreams, "main": main})

    async def ask(self) -> RawCaller:
        """One request that nobody may repeat."""
        return await self.stand.call(request(b"POST /any/x HTTP/1.1", b"Content-Length: 2", body=b"hi"))

    async def outcome(self) -> str:
        """Ask once: `whole`, `refused` (502), `late` (504) or `cut`. All else fails, waiting too."""
        caller = await self.ask()

        def over() -> bool:
            response = caller.peek(b"POST", at_end=False)
            return caller.is_ended or (response is not None and response.is_whole)

        await caller.until(over, "an end", SOON_S)
        response = caller.peek(b"POST", at_end=False)
        caller.abandon()
        assert response is not None, "neither an answer nor a refusal"
        if response.is_whole and response.status in (502, 504):
            reason = b"upstream_protocol" if response.status == 502 else b"upstream_timeout"
            assert response.one(b"x-keyhatch-reason") == reason
            return "refused" if response.status == 502 else "late"
        assert response.status == 200
        return "whole" if response.is_whole else "cut"


@pytest.fixture(params=ANSWERS.values(), ids=list(ANSWERS))
def answer(request: pytest.FixtureRequest) -> tuple[bytes, bytes]:
    """What the upstream answers: a head and a body as it is on the wire."""
    head, body = request.param
    return head, body


@pytest.fixture
async def road(build: BuildStand, answer: tuple[bytes, bytes]) -> AsyncIterator[Road]:
    road = Road(await build(script=answering(b"".join(answer))))
    yield road
    for proxy in road.proxies:
        await proxy.stop()


@pytest.mark.parametrize("act", ENDS.values(), ids=ENDS)
async def test_at_every_byte_of_its_answer_it_is_refused_or_visibly_cut(
    road: Road, answer: tuple[bytes, bytes], act: Act
) -> None:
    head, body = map(len, answer)
    proxy = await road.harm(always())
    found = []
    for after in range(head + body):
        proxy.choose = always(answering=Harm(after, act))
        found.append(await road.outcome())
    assert found == ["refused"] * head + ["cut"] * body
    proxy.choose = always()
    assert await road.outcome() == "whole"
    carried = [len(connection.requests()) for connection in road.stand.upstream.connections]
    assert carried == [1] * (head + body + 1), "what broke was used again, or something was asked twice"
    told = [each.cut for each in road.stand.notebook.ended]
    assert told == [None] * head + ["upstream_cut"] * body + [None]


@pytest.mark.parametrize("act", ENDS.values(), ids=ENDS)
async def test_one_that_dies_behind_the_last_byte_of_its_answer_has_answered(
    road: Road, answer: tuple[bytes, bytes], act: Act
) -> None:
    await road.harm(always(answering=Harm(len(b"".join(answer)), act)))
    assert await road.outcome() == "whole"


@pytest.mark.parametrize("answer", [TO_THE_END], ids=["to-the-end"])
async def test_a_body_that_only_its_connection_ends_is_cut_where_that_is_reset(
    road: Road, answer: tuple[bytes, bytes]
) -> None:
    head, body = map(len, answer)
    found = []
    for after in range(head, head + body):
        await road.harm(always(answering=Harm(after, Act.RESET)))
        found.append(await road.outcome())
    assert found == ["cut"] * body


@pytest.mark.parametrize("act", [Act.CLOSE, Act.RESET], ids=["fin", "reset"])
@pytest.mark.parametrize("answer", [ANSWERS["length"]], ids=["length"])
async def test_one_that_dies_at_any_byte_of_the_request_is_refused(road: Road, act: Act) -> None:
    proxy = await road.harm(always())
    assert await road.outcome() == "whole"
    for after in range(proxy.passed[0]["asking"]):
        await road.harm(always(asking=Harm(after, act)))
        assert await road.outcome() == "refused", after


async def test_garbage_at_any_byte_never_looks_like_an_answer(
    road: Road, answer: tuple[bytes, bytes]
) -> None:
    """It may leave a head or a framing without an end; then the time that is waited for it is the answer."""
    head, body = map(len, answer)
    road.be_impatient()
    is_chunked = b"chunked" in answer[0]
    for after in sorted({*range(head + body * is_chunked)} - IN_THE_REASON):
        await road.harm(always(answering=Harm(after, Act.GARBAGE)))
        assert await road.outcome() in ("refused", "late", "cut"), after
    await road.harm(always())
    assert await road.outcome() == "whole"


def ill(chance: random.Random, _number: int) -> tuple[Harm, Harm]:
    """Every other connection is ended somewhere, and its bytes come in pieces."""
    if chance.random() < 0.5:
        return HARMLESS, HARMLESS
    return HARMLESS, Harm(chance.randrange(160), chance.choice([*ENDS.values()]), chance.choice([0, 1, 7]))


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_breaks_for_whom_every_caller_gets_an_answer_a_refusal_or_a_cut(
    road: Road, seed: int
) -> None:
    found = []
    for turn in range(60):
        await road.harm(ill, seed * 1_000 + turn)
        found.append(await road.outcome())
    assert found.count("whole") >= 15
    assert found.count("refused") + found.count("cut") >= 5
