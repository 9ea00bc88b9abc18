"""Guarantees of gateway/keeper/gatekeeper.py: it fails closed, asks once, and lets no past return."""

import asyncio
import logging
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings

from gateway.core.decision import Allow
from gateway.core.keys import ApiKey
from gateway.core.refusal import Deny, Reason
from gateway.core.routes import Route, RouteTable
from gateway.keeper.ports import StoreUnavailable
from tests.unit.keeper.interleavings import InterleavingsMachine
from tests.unit.keeper.stage import (
    EPOCH_S,
    PEER,
    TABLE,
    Counter,
    DictStore,
    HandClock,
    SteppedStore,
    decided,
    keeper_of,
    key_of,
    need_of,
    no_end,
    reason_of,
    secret_of,
    settled,
    view_of,
)

ONE = view_of(secret_of(1))
DOWN = StoreUnavailable("the disk is gone")


# --- Deciding -------------------------------------------------------------------------------------


async def test_the_first_request_asks_the_store_and_the_next_ones_do_not() -> None:
    store = DictStore(key_of(1))
    keeper = keeper_of(store)
    first = await decided(keeper)
    assert isinstance(first, Allow)
    assert (first.key, keeper.peek(ONE)) == (key_of(1), first)
    assert store.asked == [key_of(1).digest]


async def test_an_unknown_key_is_asked_for_once_until_something_changes() -> None:
    store = DictStore()
    keeper = keeper_of(store)
    assert reason_of(await decided(keeper)) is Reason.KEY_UNKNOWN
    assert reason_of(keeper.peek(ONE)) is Reason.KEY_UNKNOWN
    assert len(store.asked) == 1
    store.put(key_of(1))
    keeper.key_changed("k1", key_of(1))
    assert reason_of(await decided(keeper)) is None


@pytest.mark.parametrize(
    ("path", "secret", "reason"),
    [
        pytest.param("/nowhere", secret_of(1), Reason.NO_ROUTE, id="no-route"),
        pytest.param("/chat", None, Reason.CREDENTIAL_MISSING, id="no-key"),
        pytest.param("/chat", "sk-1234", Reason.CREDENTIAL_FOREIGN, id="another-kind"),
        pytest.param("/chat", secret_of(1)[:-1], Reason.CREDENTIAL_MALFORMED, id="mistyped"),
        pytest.param("/open", secret_of(1), None, id="public"),
    ],
)
def test_what_needs_no_record_never_reaches_the_store(
    path: str, secret: str | None, reason: Reason | None
) -> None:
    store = DictStore(key_of(1))
    assert reason_of(keeper_of(store).peek(view_of(secret, path))) is reason
    assert store.asked == []


async def test_each_request_is_judged_on_the_table_it_found() -> None:
    keeper = keeper_of(DictStore(key_of(1)))
    need = need_of(keeper)
    keeper.table = RouteTable([Route("other", "/other", "u", scopes=("admin:write",))])
    assert reason_of(await keeper.settle(need)) is None
    assert reason_of(keeper.peek(ONE)) is Reason.NO_ROUTE
    keeper.table = TABLE
    assert reason_of(keeper.peek(ONE)) is None


async def test_a_cached_key_expires_by_the_clock() -> None:
    clock = HandClock()
    keeper = keeper_of(DictStore(key_of(1, expires_at=EPOCH_S + 10)), clock)
    assert reason_of(await decided(keeper)) is None
    clock.wall = EPOCH_S + 9.999
    assert reason_of(keeper.peek(ONE)) is None
    clock.wall = EPOCH_S + 10
    assert reason_of(keeper.peek(ONE)) is Reason.KEY_EXPIRED


# --- Failing closed -------------------------------------------------------------------------------


async def test_a_store_that_is_down_refuses_unknown_keys_and_known_ones_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store, errors = SteppedStore(key_of(1), key_of(2)), Counter()
    keeper = keeper_of(store, errors=errors)
    keeper.cache.remember(key_of(2).digest, key_of(2), keeper.cache.generation)
    waiting = [asyncio.ensure_future(keeper.settle(need_of(keeper))) for _ in range(2)]
    await settled()
    store.calls[0].fail(DOWN)
    assert await asyncio.gather(*waiting) == [Deny(Reason.STORE_UNAVAILABLE, route_id="chat")] * 2
    assert errors.count == 2
    assert {record.getMessage() for record in caplog.records} == {
        "a key could not be checked: the disk is gone"
    }
    assert reason_of(keeper.peek(view_of(secret_of(2)))) is None
    again = asyncio.ensure_future(decided(keeper))
    await settled()
    store.calls[0].arrive()
    assert reason_of(await again) is None


async def test_a_store_that_does_not_answer_is_down(caplog: pytest.LogCaptureFixture) -> None:
    store, errors = SteppedStore(key_of(1)), Counter()
    keeper = keeper_of(store, errors=errors, look_up_timeout_s=0)
    waiting = [asyncio.ensure_future(keeper.settle(need_of(keeper))) for _ in range(2)]
    assert [reason_of(decision) for decision in await asyncio.gather(*waiting)] == [
        Reason.STORE_UNAVAILABLE
    ] * 2
    assert caplog.records[0].getMessage() == "a key could not be checked: no answer within 0 s"
    assert (store.calls, keeper._look_ups._flights, errors.count) == ([], {}, 2)


def broken(*_: object, **__: object) -> Any:
    raise ZeroDivisionError("bug")


@pytest.mark.parametrize(
    ("part", "call", "is_cached"),
    [
        pytest.param("table", "match", False, id="table"),
        pytest.param("cache", "look_up", True, id="cache"),
        pytest.param("cache", "is_absent", False, id="absences"),
        pytest.param("usage", "note", True, id="usage"),
        pytest.param("_clock", "now", True, id="clock"),
    ],
)
async def test_an_accident_in_peek_is_a_refusal_and_one_traceback(
    part: str, call: str, is_cached: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    errors = Counter()
    keeper = keeper_of(DictStore(key_of(1)), errors=errors)
    if is_cached:
        assert reason_of(await decided(keeper)) is None
    monkeypatch.setattr(getattr(keeper, part), call, broken)
    assert keeper.peek(ONE) == Deny(Reason.STORE_UNAVAILABLE)
    assert errors.count == 1
    assert [(record.levelno, bool(record.exc_info)) for record in caplog.records] == [(logging.ERROR, True)]


async def test_an_accident_in_settle_is_a_refusal_and_one_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store, errors = SteppedStore(key_of(1)), Counter()
    keeper = keeper_of(store, errors=errors)
    waiting = asyncio.ensure_future(keeper.settle(need_of(keeper)))
    await settled()
    store.calls[0].fail(ZeroDivisionError("bug"))
    assert await waiting == Deny(Reason.STORE_UNAVAILABLE)
    assert (errors.count, len(caplog.records), bool(caplog.records[0].exc_info)) == (1, 1, True)


# --- Changes --------------------------------------------------------------------------------------


async def test_a_revoked_key_is_refused_from_that_moment_although_it_is_cached() -> None:
    store = DictStore(key_of(1))
    keeper = keeper_of(store)
    assert reason_of(await decided(keeper)) is None
    store.put(key_of(1, revoked_at=EPOCH_S))
    keeper.key_changed("k1", key_of(1, revoked_at=EPOCH_S))
    assert reason_of(keeper.peek(ONE)) is Reason.KEY_REVOKED


@pytest.mark.parametrize("read", ["before", "after"])
async def test_a_revocation_overtakes_a_look_up_that_is_under_way(read: str) -> None:
    store = SteppedStore(key_of(1))
    keeper = keeper_of(store)
    waiting = asyncio.ensure_future(keeper.settle(need_of(keeper)))
    await settled()
    if read == "before":
        store.calls[0].look()
    store.put(key_of(1, revoked_at=EPOCH_S))
    keeper.key_changed("k1", key_of(1, revoked_at=EPOCH_S))
    store.calls[0].arrive()
    await settled()
    store.calls[0].arrive()
    assert reason_of(await waiting) is Reason.KEY_REVOKED
    assert reason_of(keeper.peek(ONE)) is Reason.KEY_REVOKED


async def test_a_deleted_key_is_unknown_and_its_exchanges_end() -> None:
    store = DictStore(key_of(1))
    keeper = keeper_of(store)
    allow = await decided(keeper)
    assert isinstance(allow, Allow)
    ended: list[Deny] = []
    keeper.attend(allow, ended.append)
    store.drop("k1")
    keeper.key_changed("k1", None)
    assert ended == [Deny(Reason.KEY_UNKNOWN, key_id="k1")]
    assert reason_of(await decided(keeper)) is Reason.KEY_UNKNOWN


async def test_a_rotated_secret_and_its_successor_follow_the_record() -> None:
    clock = HandClock()
    store = DictStore(key_of(1))
    keeper = keeper_of(store, clock)
    assert reason_of(await decided(keeper)) is None
    rotated = replace(
        key_of(1),
        digest=key_of(2).digest,
        previous_digest=key_of(1).digest,
        previous_secret_valid_until=EPOCH_S + 10,
    )
    store.put(rotated)
    keeper.key_changed("k1", rotated)
    assert reason_of(keeper.peek(ONE)) is None
    assert reason_of(await decided(keeper, secret_of(2))) is None
    seen = keeper.usage.latest(rotated)
    assert (seen.use_count, seen.previous_secret_last_used_at) == (3, EPOCH_S)
    clock.wall = EPOCH_S + 10
    assert reason_of(keeper.peek(ONE)) is Reason.KEY_ROTATED
    assert reason_of(keeper.peek(view_of(secret_of(2)))) is None


async def test_data_that_changed_behind_our_back_counts_for_cache_and_exchanges() -> None:
    store = DictStore(key_of(1), key_of(2), key_of(3))
    keeper = keeper_of(store)
    ended: list[tuple[str, Reason]] = []
    for number in (1, 2, 3):
        allow = await decided(keeper, secret_of(number))
        assert isinstance(allow, Allow)
        keeper.attend(allow, lambda deny, number=number: ended.append((f"k{number}", deny.reason)))  # type: ignore[misc]
    store.put(key_of(1, disabled_at=EPOCH_S))
    store.drop("k2")
    await keeper.data_changed()
    assert ended == [("k1", Reason.KEY_DISABLED), ("k2", Reason.KEY_UNKNOWN)]
    assert [reason_of(await decided(keeper, secret_of(number))) for number in (1, 2, 3)] == [
        Reason.KEY_DISABLED,
        Reason.KEY_UNKNOWN,
        None,
    ]


async def test_a_renewal_that_read_before_a_revocation_brings_nothing_back() -> None:
    store = SteppedStore(key_of(1))
    keeper = keeper_of(store)
    ended: list[Deny] = []
    keeper.live.register(key_of(1), key_of(1).digest, ended.append)
    renewal = asyncio.ensure_future(keeper.data_changed())
    await settled()
    (stale,) = store.calls
    stale.look()
    store.put(key_of(1, revoked_at=EPOCH_S))
    keeper.key_changed("k1", key_of(1, revoked_at=EPOCH_S))
    waiting = asyncio.ensure_future(keeper.settle(need_of(keeper)))
    await settled()
    store.calls[1].arrive()
    assert reason_of(await waiting) is Reason.KEY_REVOKED
    stale.arrive()
    await settled()
    assert reason_of(keeper.peek(ONE)) is Reason.KEY_REVOKED
    store.calls[0].arrive()
    await renewal
    assert reason_of(keeper.peek(ONE)) is Reason.KEY_REVOKED
    assert [deny.reason for deny in ended] == [Reason.KEY_REVOKED]


async def test_a_renewal_that_the_store_does_not_answer_is_told_to_who_asked() -> None:
    keeper = keeper_of(SteppedStore(key_of(1)), look_up_timeout_s=0)
    keeper.live.register(key_of(1), key_of(1).digest, no_end)
    with pytest.raises(StoreUnavailable):
        await keeper.data_changed()


# --- Uses and exchanges ---------------------------------------------------------------------------


async def test_only_what_was_allowed_counts_as_a_use() -> None:
    store = DictStore(key_of(1), key_of(2, scopes=frozenset()), key_of(3, revoked_at=EPOCH_S))
    keeper = keeper_of(store)
    for number in (1, 1, 2, 3, 4):
        await decided(keeper, secret_of(number))
    keeper.peek(view_of(secret_of(1), "/open"))
    keeper.peek(view_of(secret_of(1), "/nowhere"))
    uses = [keeper.usage.latest(key_of(number)) for number in (1, 2, 3)]
    assert [key.use_count for key in uses] == [2, 0, 0]
    assert (uses[0].last_used_at, uses[0].last_used_from) == (EPOCH_S, PEER)


async def test_an_exchange_without_a_key_is_nobodys() -> None:
    keeper = keeper_of(DictStore())
    allow = keeper.peek(view_of(None, "/open"))
    assert isinstance(allow, Allow)
    leave = keeper.attend(allow, no_end)
    assert len(keeper.live) == 0
    leave()
    assert (keeper.last_use(allow), await keeper.record_of(allow)) == (None, None)


@pytest.mark.parametrize(
    ("stored", "name"), [(key_of(1, name="new"), "new"), (None, "key 1")], ids=["as-it-is-now", "deleted"]
)
async def test_the_record_behind_a_request_is_told_with_this_very_use(
    stored: ApiKey | None, name: str
) -> None:
    store = DictStore(key_of(1))
    keeper = keeper_of(store)
    allow = await decided(keeper)
    assert isinstance(allow, Allow)
    store.drop("k1")
    if stored is not None:
        store.put(stored)
    key = await keeper.record_of(allow)
    assert key is not None
    assert (key.name, key.use_count, key.last_used_from) == (name, 1, PEER)


@pytest.mark.parametrize("trouble", ["raises", "hangs"])
async def test_without_the_store_the_record_is_the_one_that_was_judged(trouble: str) -> None:
    store = SteppedStore(key_of(1))
    keeper = keeper_of(store, look_up_timeout_s=0.01 if trouble == "hangs" else 5)
    keeper.cache.remember(key_of(1).digest, key_of(1), keeper.cache.generation)
    allow = keeper.peek(ONE)
    assert isinstance(allow, Allow)
    asking = asyncio.ensure_future(keeper.record_of(allow))
    await settled()
    if trouble == "raises":
        store.calls[0].fail(DOWN)
    key = await asking
    assert key is not None
    assert (key.id, key.use_count) == ("k1", 1)


@pytest.mark.parametrize(
    ("fetched_s", "told_s"), [(None, 0), (-1, 0), (1, 1)], ids=["never-used", "earlier", "later"]
)
async def test_the_last_use_of_a_key_is_told_without_the_store(
    fetched_s: float | None, told_s: float
) -> None:
    used_at = None if fetched_s is None else EPOCH_S + fetched_s
    keeper = keeper_of(DictStore(key_of(1, last_used_at=used_at, last_used_from=PEER)))
    allow = await decided(keeper)
    assert isinstance(allow, Allow)
    assert keeper.last_use(allow) == (EPOCH_S + told_s, PEER)


TestInterleavings = InterleavingsMachine.TestCase
TestInterleavings.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)


# --- Deciding again what was decided before -------------------------------------------------------------


async def test_a_decision_stands_until_the_record_or_the_time_ends_it() -> None:
    clock = HandClock()
    store = DictStore(key_of(1, expires_at=EPOCH_S + 10))
    keeper = keeper_of(store, clock)
    need = need_of(keeper)
    first = await keeper.settle(need)
    assert isinstance(first, Allow)
    assert keeper.look(need, first) is first
    assert keeper.look(need) is not first
    assert keeper.usage.latest(store.keys["k1"]).use_count == 3
    clock.wall = EPOCH_S + 10
    assert reason_of(keeper.look(need, first)) is Reason.KEY_EXPIRED
    store.put(changed := replace(key_of(1), revoked_at=EPOCH_S))
    keeper.key_changed("k1", changed)
    assert reason_of(await keeper.settle(need)) is Reason.KEY_REVOKED
    assert reason_of(keeper.look(need, first)) is Reason.KEY_REVOKED


@pytest.mark.parametrize("step", ["admit", "look"])
def test_an_accident_in_either_half_of_a_decision_is_no_pass(
    step: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    errors = Counter()
    keeper = keeper_of(DictStore(key_of(1)), errors=errors)
    need = need_of(keeper)
    assert (keeper.admit(ONE), keeper.look(need)) == (need, need)
    monkeypatch.setattr("gateway.keeper.gatekeeper.admit", lambda *_: 1 / 0)
    monkeypatch.setattr(keeper, "cache", None)
    decision = keeper.admit(ONE) if step == "admit" else keeper.look(need)
    assert (reason_of(decision), errors.count) == (Reason.STORE_UNAVAILABLE, 1)
    assert "unexpected" in caplog.text
