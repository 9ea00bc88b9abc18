"""Guarantees of gateway/keeper/days.py: days add up to what they hold, and pages follow without a gap."""

from dataclasses import replace
from datetime import date
from itertools import count
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.refusal import Reason
from gateway.keeper.days import Per, UsageDay, UsageQuery, added, as_data, day_at, number_of, page_of

FIRST, SECOND = date(2027, 1, 15), date(2027, 1, 16)
DAY = UsageDay("key_1", FIRST, 1, {Reason.SCOPE_MISSING: 2}, 3, 4, "10.0.0.1")

days = st.builds(
    UsageDay,
    st.sampled_from(["key_1", "key_2", "key_3"]),
    st.dates(date(2027, 1, 1), date(2027, 1, 5)),
    st.integers(0, 9),
    st.dictionaries(st.sampled_from([Reason.SCOPE_MISSING, Reason.KEY_REVOKED]), st.integers(1, 9)),
    st.integers(0, 9),
    st.integers(0, 9),
    st.sampled_from(["10.0.0.1", "::1"]),
)


def test_days_are_counted_from_1970() -> None:
    assert (day_at(0), day_at(1), number_of(date(1970, 1, 2))) == (date(1970, 1, 1), date(1970, 1, 2), 1)
    assert day_at(1_800_000_000 // 86_400) == FIRST


@given(day=st.dates())
def test_every_day_of_the_calendar_has_its_number(day: date) -> None:
    assert day_at(number_of(day)) == day


@pytest.mark.parametrize("number", [-719_163, 2_932_897, 2**63, -(2**63)])
def test_beyond_the_calendar_there_is_no_day(number: int) -> None:
    with pytest.raises(ValueError, match="no such day"):
        day_at(number)


def test_what_belongs_together_is_added_up_and_the_later_tells_the_address() -> None:
    other = UsageDay("key_1", FIRST, 10, {Reason.SCOPE_MISSING: 1, Reason.KEY_REVOKED: 5}, 30, 40, "::1")
    refusals = {Reason.SCOPE_MISSING: 3, Reason.KEY_REVOKED: 5}
    assert added(DAY, other) == UsageDay("key_1", FIRST, 11, refusals, 33, 44, "::1")
    later = replace(DAY, day=SECOND, last_address="::2")
    assert [(sum_.day, sum_.last_address) for sum_ in (added(DAY, later), added(later, DAY))] == [
        (SECOND, "::2"),
        (SECOND, "::2"),
    ]


def test_a_page_is_newest_first_and_by_id_within_a_day() -> None:
    values = [replace(DAY, key_id=key_id, day=day) for day in (FIRST, SECOND) for key_id in ("b", "a")]
    told = [(value.day, value.key_id) for value in page_of(values, UsageQuery())]
    assert told == [(SECOND, "a"), (SECOND, "b"), (FIRST, "a"), (FIRST, "b")]


def test_a_page_holds_what_was_asked_for_both_ends_included() -> None:
    values = [replace(DAY, key_id=key_id, day=day) for day in (FIRST, SECOND) for key_id in ("b", "a")]
    assert page_of(values, UsageQuery(until=FIRST, key_id="a")) == [values[1]]
    assert page_of(values, UsageQuery(since=SECOND, key_id="b")) == [values[2]]
    assert page_of(values, UsageQuery(since=FIRST, until=FIRST, limit=1)) == [values[1]]
    sums = page_of(values, UsageQuery(per="key"))
    assert [(value.key_id, value.day, value.requests) for value in sums] == [
        ("a", SECOND, 2),
        ("b", SECOND, 2),
    ]


@given(values=st.lists(days), limit=st.integers(1, 4), per=st.sampled_from(get_args(Per)))
def test_pages_together_are_the_whole_each_value_once(values: list[UsageDay], limit: int, per: Per) -> None:
    whole = page_of(values, UsageQuery(per=per))
    seen: list[UsageDay] = []
    query = UsageQuery(per=per, limit=limit)
    for _ in count():
        page = page_of(values, query)
        if not page:
            break
        assert len(page) <= limit
        seen += page
        query = replace(query, after=(page[-1].day, page[-1].key_id))
    assert seen == whole
    assert sum(value.requests for value in seen) == sum(value.requests for value in values)


@given(
    stored=st.lists(days), waiting=st.lists(days), limit=st.integers(1, 4), per=st.sampled_from(get_args(Per))
)
def test_a_page_of_the_store_and_what_waits_is_the_page_of_both(
    stored: list[UsageDay], waiting: list[UsageDay], limit: int, per: Per
) -> None:
    query = UsageQuery(per=per, limit=limit, since=date(2027, 1, 2))
    assert page_of([*page_of(stored, query), *waiting], query) == page_of([*stored, *waiting], query)


def test_all_keys_together_are_one_value_a_day_without_an_id_or_an_address() -> None:
    values = [replace(DAY, key_id=key_id, day=day) for day in (FIRST, SECOND) for key_id in ("b", "a")]
    [last, first] = page_of(
        [*values, replace(DAY, refusals={Reason.KEY_REVOKED: 1})], UsageQuery(per="total")
    )
    assert last == UsageDay("", SECOND, 2, {Reason.SCOPE_MISSING: 4}, 6, 8, "")
    assert first == UsageDay("", FIRST, 3, {Reason.SCOPE_MISSING: 4, Reason.KEY_REVOKED: 1}, 9, 12, "")
    told = as_data(last)
    assert (told["key_id"], told["last_address"], told["requests"]) == (None, None, 2)
    assert page_of(values, UsageQuery(per="total", key_id="a")) == [
        replace(DAY, key_id="", day=day, last_address="") for day in (SECOND, FIRST)
    ]


def test_as_data_it_is_plain_json() -> None:
    assert as_data(DAY) == {
        "key_id": "key_1",
        "day": "2027-01-15",
        "requests": 1,
        "refusals": {"scope_missing": 2},
        "bytes_in": 3,
        "bytes_out": 4,
        "last_address": "10.0.0.1",
    }
