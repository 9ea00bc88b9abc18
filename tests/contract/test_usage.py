"""What every store guarantees of days of usage, and what every desk tells of them."""

from dataclasses import replace
from datetime import date, timedelta
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.core.refusal import Reason
from gateway.keeper.days import Per, UsageDay, UsageQuery, page_of
from gateway.keeper.desk import NameAmbiguous, RuleBroken
from gateway.keeper.ports import KeyNotFound, KeyStore, StoreUnavailable, Use
from tests.contract.desk_stand import Stand
from tests.support.records import NOW, record

TODAY = date(2027, 1, 15)
DAY = UsageDay("key_1", TODAY, 2, {Reason.SCOPE_MISSING: 1, Reason.KEY_EXPIRED: 4}, 10, 20, "10.0.0.1")
EVERYTHING = UsageQuery()
KEYS = ("key_1", "key_2", "key_3")


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


@pytest.fixture
async def store(store: KeyStore) -> KeyStore:
    """The store, with three keys."""
    for key_id in KEYS:
        await store.insert(record(key_id))
    return store


# --- The store


@pytest.mark.parametrize(
    "day", [DAY, replace(DAY, requests=2**53, refusals={}, last_address="' -- \x00")], ids=str
)
async def test_a_day_comes_back_as_it_was_recorded(store: KeyStore, day: UsageDay) -> None:
    await store.record_uses([], [day])
    assert await store.usage(EVERYTHING) == [day]


async def test_uses_and_days_are_written_as_one_batch(store: KeyStore) -> None:
    await store.record_uses([Use("key_1", NOW, "10.0.0.1", 2)], [DAY])
    key = await store.get("key_1")
    assert key is not None
    assert (key.use_count, await store.usage(EVERYTHING)) == (2, [DAY])


async def test_days_are_added_up_and_refusals_reason_by_reason(store: KeyStore) -> None:
    more = UsageDay("key_1", TODAY, 1, {Reason.SCOPE_MISSING: 2, Reason.KEY_REVOKED: 1}, 5, 6, "::1")
    await store.record_uses([], [DAY])
    await store.record_uses([], [more])
    refusals = {Reason.SCOPE_MISSING: 3, Reason.KEY_EXPIRED: 4, Reason.KEY_REVOKED: 1}
    assert await store.usage(EVERYTHING) == [UsageDay("key_1", TODAY, 3, refusals, 15, 26, "::1")]


async def test_a_day_of_refusals_alone_is_a_day_and_touches_no_last_use(store: KeyStore) -> None:
    refused = replace(DAY, requests=0)
    await store.record_uses([], [refused])
    assert await store.usage(EVERYTHING) == [refused]
    assert await store.get("key_1") == record("key_1")


async def test_days_of_unknown_keys_are_passed_over(store: KeyStore) -> None:
    await store.record_uses([], [replace(DAY, key_id="key_gone"), DAY])
    assert await store.usage(EVERYTHING) == [DAY]


async def test_a_deleted_key_takes_its_days_along(store: KeyStore) -> None:
    other = replace(DAY, key_id="key_2")
    await store.record_uses([], [DAY, other])
    await store.delete("key_1")
    assert await store.usage(EVERYTHING) == [other]
    await store.insert(record("key_1"))
    assert await store.usage(UsageQuery(key_id="key_1")) == []


async def test_old_days_are_forgotten_the_oldest_first_and_so_many_at_once(store: KeyStore) -> None:
    days = [replace(DAY, day=ago(number)) for number in range(6)]
    await store.record_uses([], days)
    assert await store.forget_usage(ago(1), 3) == 3
    assert await store.usage(EVERYTHING) == days[:3]
    assert await store.forget_usage(ago(1), 3) == 1
    assert await store.forget_usage(ago(1), 3) == 0
    assert await store.usage(EVERYTHING) == days[:2]
    await store.record_uses([], [days[5]])
    assert await store.usage(UsageQuery(until=ago(3))) == [days[5]], "its refusals were forgotten with it"


@st.composite
def queries(draw: st.DrawFn) -> UsageQuery:
    moment = st.integers(0, 4).map(ago)
    return UsageQuery(
        since=draw(st.just(date.min) | moment),
        until=draw(st.just(date.max) | moment),
        key_id=draw(st.none() | st.sampled_from([*KEYS, "key_gone"])),
        per=draw(st.sampled_from(get_args(Per))),
        limit=draw(st.integers(1, 9)),
        after=draw(st.none() | st.tuples(moment, st.sampled_from(KEYS))),
    )


batches = st.lists(
    st.builds(
        UsageDay,
        st.sampled_from(KEYS),
        st.integers(0, 4).map(ago),
        st.integers(0, 9),
        st.dictionaries(st.sampled_from([Reason.SCOPE_MISSING, Reason.KEY_REVOKED]), st.integers(1, 9)),
        st.integers(0, 9),
        st.integers(0, 9),
        st.sampled_from(["10.0.0.1", "::1"]),
    ),
    max_size=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(batch=batches, asked=st.lists(queries(), min_size=1, max_size=5))
async def test_every_store_answers_every_query_as_the_house_does(
    store: KeyStore, batch: list[UsageDay], asked: list[UsageQuery]
) -> None:
    await store.forget_usage(date.max, 100)
    await store.record_uses([], batch)
    for query in asked:
        assert await store.usage(query) == page_of(batch, query)


async def test_a_closed_store_says_so(store: KeyStore) -> None:
    await store.close()
    with pytest.raises(StoreUnavailable):
        await store.usage(EVERYTHING)
    with pytest.raises(StoreUnavailable):
        await store.forget_usage(TODAY, 1)


# --- The desk


async def test_a_desk_tells_the_usage_of_one_key_by_id_or_name_and_of_all(stand: Stand) -> None:
    one, _ = await stand.make("laptop")
    two, _ = await stand.make("phone")
    days = [replace(DAY, key_id=key.id, day=ago(number)) for number in (0, 1) for key in (one, two)]
    await stand.store.record_uses([], days)
    assert await stand.desk.usage("laptop") == [days[0], days[2]]
    assert await stand.desk.usage(two.id, UsageQuery(until=ago(1), key_id=one.id)) == [days[3]]
    assert await stand.desk.usage() == page_of(days, EVERYTHING)
    sums = await stand.desk.usage(None, UsageQuery(per="key"))
    assert sorted((each.key_id, each.requests) for each in sums) == sorted([(one.id, 4), (two.id, 4)])


async def test_a_desk_tells_what_all_keys_did_together_day_by_day(stand: Stand) -> None:
    one, two = [(await stand.make(name))[0] for name in ("laptop", "phone")]
    days = [replace(DAY, key_id=key.id, day=ago(number)) for number in (0, 1) for key in (one, two)]
    await stand.store.record_uses([], [*days, replace(DAY, key_id=one.id, day=ago(3), requests=7)])
    query = UsageQuery(per="total")
    totals = await stand.desk.usage(None, query)
    refusals = {Reason.SCOPE_MISSING: 2, Reason.KEY_EXPIRED: 8}
    assert totals == [
        UsageDay("", TODAY, 4, refusals, 20, 40, ""),
        UsageDay("", ago(1), 4, refusals, 20, 40, ""),
        replace(DAY, key_id="", day=ago(3), requests=7, last_address=""),
    ]
    assert await stand.desk.usage(None, replace(query, limit=2)) == totals[:2]
    assert await stand.desk.usage(None, replace(query, after=(ago(1), ""))) == totals[2:]
    assert await stand.desk.usage(None, replace(query, since=ago(2), until=ago(1))) == totals[1:2]


async def test_a_desk_goes_on_behind_what_is_known(stand: Stand) -> None:
    key, _ = await stand.make("laptop")
    days = [replace(DAY, key_id=key.id, day=ago(number)) for number in range(3)]
    await stand.store.record_uses([], days)
    assert await stand.desk.usage(None, UsageQuery(limit=2)) == days[:2]
    assert await stand.desk.usage("laptop", UsageQuery(limit=2, after=(days[1].day, key.id))) == days[2:]


async def test_a_desk_refuses_whom_it_cannot_find_or_tell_apart(stand: Stand) -> None:
    await stand.make("laptop")
    await stand.make("laptop")
    with pytest.raises(NameAmbiguous):
        await stand.desk.usage("laptop")
    with pytest.raises(KeyNotFound):
        await stand.desk.usage("nobody")
    with pytest.raises(RuleBroken, match="secret"):
        await stand.desk.usage("kh_" + "a" * 49)
