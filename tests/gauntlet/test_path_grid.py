"""No spelling of a guarded path runs the guarded handler of a real upstream for a key that may not go there.

The upstream's own record is the judge, not what the gateway thinks of the path. Two counter-tests show that
the judge can speak: a key that may go there is recorded, and so are the same spellings sent past the gateway.
"""

import asyncio
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.gauntlet.conftest import Tell
from tests.gauntlet.path_cases import HARMLESS, Case, case, cases
from tests.gauntlet.zoo import GUARDED, ZOO, Animal
from tests.support.plane_stand import PLANES
from tests.support.raw_caller import RawCaller, call
from tests.support.running_gateway import Home, eventually
from tests.support.tally import SPELLED

ROUTES = [
    {"id": "admin", "path": "/admin/**", "upstream": "main", "scopes": ["admin:write"]},
    {"id": "public", "path": "/public/**", "upstream": "main", "scopes": []},
    {"id": "rest", "path": "/**", "upstream": "main", "scopes": []},
]
SCOPES = {"admin:write": "Manage", "chat:write": "Ask"}
PAIRS = [(plane, animal) for plane in sorted(PLANES) for animal in ZOO]
AT_ONCE = 8
PER_CONNECTION = 50
WITHIN_S = 10.0


@pytest.fixture(params=PAIRS, ids="-".join)
def pair(request: pytest.FixtureRequest) -> tuple[str, str]:
    plane, animal = request.param
    return plane, animal


@pytest.fixture
def upstream(pair: tuple[str, str], tmp_path: Path) -> Iterator[Animal]:
    with ZOO[pair[1]](tmp_path / "upstream") as animal:
        yield animal


@pytest.mark.parametrize("slashes", ["refuse", "allow"])
async def test_no_spelling_runs_the_guarded_handler(
    pair: tuple[str, str], upstream: Animal, tmp_path: Path, slashes: str, tried: Tell, reached: Tell
) -> None:
    """Where every route allows encoded slashes, those spellings are sent again that have one."""
    plane, _ = pair
    home = Home(tmp_path)
    home.configure(
        f"http://127.0.0.1:{upstream.port}",
        [{**route, "encoded_slash": slashes} for route in ROUTES],
        server={"proxy": "127.0.0.1:0", "admin": "127.0.0.1:0", "plane": plane},
        scopes=SCOPES,
    )
    secret, allowed = home.make_key("Visitor", "chat:write"), home.make_key("Ada", "*")
    tested = [each for each in cases() if slashes == "refuse" or b"%2f" in each.head.lower()]
    with home.serve() as gateway:
        assert await _send([case(0, "/admin/keys")], gateway.port, allowed) == 1
        eventually(lambda: [ran for ran, _ in upstream.record()] == [GUARDED], "the oracle speaks")
        passed = await _send(tested, gateway.port, secret)
        eventually(lambda: len(upstream.record()) > passed, "the upstream's record is whole")
    record = upstream.record()[1:]
    found = [name for handler, name in record if handler == GUARDED]
    tried(plane, SPELLED, len(tested))
    reached(plane, SPELLED, len(found))
    assert found == []
    assert passed == len(record)
    assert len(record) > (4 * len(HARMLESS) if slashes == "refuse" else 1)


@pytest.mark.parametrize("animal", ZOO)
async def test_past_the_gateway_the_same_spellings_do_run_it(animal: str, tmp_path: Path) -> None:
    with ZOO[animal](tmp_path / "upstream") as upstream:
        await _send(cases(), upstream.port, "none")
        found = {name for handler, name in upstream.record() if handler == GUARDED}
    assert len(found) > 50


async def _send(tested: Iterable[Case], port: int, secret: str) -> int:
    """Send every case over a few connections; how many answers came from the upstream."""
    waiting = iter(tested)
    return sum(await asyncio.gather(*(_caller(waiting, port, secret) for _ in range(AT_ONCE))))


async def _caller(waiting: Iterator[Case], port: int, secret: str) -> int:
    passed, served = 0, 0
    caller: RawCaller | None = None
    for each in waiting:
        if caller is None or caller.is_ended or served >= PER_CONNECTION:
            if caller is not None:
                caller.abandon()
            caller, served = await call("127.0.0.1", port), 0
        caller.send(each.raw(secret))
        answer = await _answer(caller, each)
        served += 1
        is_ours = each.head.startswith(b"OPTIONS * ")  # what the gateway itself answers
        if b"x-keyhatch-reason" not in answer and not is_ours:
            passed += 1
        if b"connection: close" in answer or each.head.split(b"\r\n", 1)[0].endswith(b"1.0"):
            caller.abandon()
            caller = None
    if caller is not None:
        caller.abandon()
    return passed


async def _answer(caller: RawCaller, each: Case) -> bytes:
    """The head of the answer, in lower case; its body is passed over. Upstreams answer as they like."""
    await caller.until(
        lambda: caller.is_ended or b"\r\n\r\n" in caller.received[caller.taken :], each.name, WITHIN_S
    )
    head, _, _ = bytes(caller.received[caller.taken :]).partition(b"\r\n\r\n")
    told = re.search(rb"\r\ncontent-length: *([0-9]+)", head.lower())
    chunked = b"\r\ntransfer-encoding: chunked" in head.lower()
    size = len(head) + 4 + (int(told[1]) if told and each.method != "HEAD" else 0)
    end = caller.taken + size

    def whole() -> bool:
        if chunked and each.method != "HEAD":
            return caller.received.endswith(b"\r\n0\r\n\r\n")
        return len(caller.received) >= end

    await caller.until(lambda: caller.is_ended or whole(), each.name, WITHIN_S)
    caller.taken = len(caller.received)
    return head.lower()
