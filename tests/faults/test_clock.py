"""The wall clock jumps (F24): keys live and die by it, durations do not, and a last use never goes back.

The clock is the test's own. Jumps of an hour, a day and ten years, forth and back, while requests are under
way.
"""

import pytest

from tests.conformance.conftest import BuildStand
from tests.support.http_samples import answer, chunked
from tests.support.plane_stand import EPOCH_S, Stand, key, request
from tests.support.raw_connection import eventually

HOUR_S, DAY_S, YEARS_S = 3_600.0, 86_400.0, 315_360_000.0
JUMPS = [HOUR_S, DAY_S, YEARS_S, -HOUR_S, -DAY_S, -YEARS_S]
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


async def status(stand: Stand) -> tuple[int, bytes | None]:
    caller = await stand.call(request())
    response = await caller.response()
    return response.status, response.one(b"x-keyhatch-reason")


@pytest.mark.parametrize("jump_s", JUMPS)
async def test_a_request_under_way_is_answered_and_took_no_negative_time(
    build: BuildStand, jump_s: float
) -> None:
    stand = await build(script=None)
    caller = await stand.call(request())
    upstream = await stand.upstream.connection()
    await upstream.request()
    stand.clock.at += jump_s
    upstream.send(answer(body=b"in time"))
    assert (await caller.response()).body == b"in time"
    told = await stand.exchange()
    assert told.status == 200
    assert 0 <= told.duration_s < 60


@pytest.mark.parametrize("jump_s", [HOUR_S, DAY_S, YEARS_S])
async def test_a_key_expires_by_the_wall_clock_and_lives_again_when_that_is_set_right(
    build: BuildStand, jump_s: float
) -> None:
    stand = await build(keys=[key(expires_at=EPOCH_S + HOUR_S)])
    assert await status(stand) == (200, None)
    stand.clock.at = EPOCH_S + jump_s
    assert await status(stand) == (401, b"key_expired")
    stand.clock.at = EPOCH_S - jump_s
    assert await status(stand) == (200, None)


async def test_a_stream_ends_with_its_key_when_the_clock_jumps_past_its_end(build: BuildStand) -> None:
    stand = await build(script=None, keys=[key(expires_at=EPOCH_S + DAY_S)])
    caller = await stand.call(request())
    upstream = await stand.upstream.connection()
    await upstream.request()
    upstream.send(EVENTS + chunked(b"data: 1\n\n", end=b""))
    await caller.until_body(b"data: 1\n\n")
    stand.clock.at += YEARS_S
    await caller.cut_response(within_s=2)
    assert (await stand.exchange()).cut == "key_ended"


async def test_a_last_use_never_goes_back_and_every_use_counts(stand: Stand) -> None:
    usage, seen, counts = stand.gatekeeper.usage, [], []
    for jump_s in (0.0, *JUMPS, *JUMPS[::-1]):
        stand.clock.at = EPOCH_S + jump_s
        assert await status(stand) == (200, None)
        assert await usage.flush()
        record = await stand.store.get("key_ada")
        assert record is not None
        assert record.last_used_at is not None
        seen.append(record.last_used_at)
        counts.append(record.use_count)
    assert seen == sorted(seen)
    assert seen[-1] == EPOCH_S + YEARS_S
    assert counts == list(range(1, len(seen) + 1))
    assert usage.lag_s() == 0.0


@pytest.mark.parametrize("jump_s", JUMPS)
async def test_an_idle_connection_and_its_next_request_live_on(stand: Stand, jump_s: float) -> None:
    caller = await stand.call(request())
    assert (await caller.response()).status == 200
    stand.clock.at += jump_s
    await eventually(lambda: stand.notebook.ended, "the first is told")
    caller.send(request())
    assert (await caller.response()).status == 200
    assert not caller.is_ended
