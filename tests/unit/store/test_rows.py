"""Guarantees of gateway/store/rows.py: a record and its row are the same, or there is an error."""

import json
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest

from gateway.keeper.bounds import COUNT_MAX
from gateway.keeper.expiry import MOMENT_MAX
from gateway.store.rows import COLUMNS, key_of, row_of
from tests.support.records import NOW, record

KEY = record(scopes=frozenset({"b:c", "a:b"}), allow_from=(ip_network("10.0.0.0/8"),), expires_at=NOW)


def in_order(row: dict[str, Any]) -> list[Any]:
    return [row[column] for column in COLUMNS]


def test_a_row_has_every_field_of_a_record() -> None:
    assert set(COLUMNS) == set(type(KEY).__dataclass_fields__)


def test_a_row_leads_back_to_the_same_record() -> None:
    assert key_of(in_order(row_of(KEY))) == KEY


def test_lists_are_json_and_scopes_are_sorted() -> None:
    row = row_of(KEY)
    assert json.loads(row["scopes"]) == ["a:b", "b:c"]
    assert json.loads(row["allow_from"]) == ["10.0.0.0/8"]


@pytest.mark.parametrize("moment", [float("nan"), float("inf"), float("-inf"), -1.0, MOMENT_MAX + 1])
@pytest.mark.parametrize("field", ["expires_at", "created_at", "last_used_at"])
def test_a_moment_that_is_no_number_is_not_stored(field: str, moment: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        row_of(record("key_1", **{field: moment}))


@pytest.mark.parametrize("column", [column for column in COLUMNS if column != "last_used_from"])
@pytest.mark.parametrize("value", [None, 0, [], "x", b"x"], ids=repr)
def test_a_value_of_the_wrong_kind_is_an_error_and_never_a_record_that_opens_more(
    column: str, value: object
) -> None:
    row = row_of(KEY) | {column: value}
    try:
        key = key_of(in_order(row))
    except ValueError:
        return
    assert row_of(key) == row


@pytest.mark.parametrize("column", [column for column in COLUMNS if column.endswith(("_at", "_until"))])
def test_a_moment_that_no_clock_shows_is_an_error(column: str) -> None:
    assert getattr(key_of(in_order(row_of(KEY) | {column: MOMENT_MAX})), column) == MOMENT_MAX
    for wrong in (1e15, 1e300, -1.0, float("nan")):
        with pytest.raises(ValueError, match="moment"):
            key_of(in_order(row_of(KEY) | {column: wrong}))


@pytest.mark.parametrize("column", ["use_count", "revision"])
def test_a_count_that_json_could_not_tell_is_an_error(column: str) -> None:
    assert getattr(key_of(in_order(row_of(KEY) | {column: COUNT_MAX})), column) == COUNT_MAX
    with pytest.raises(ValueError, match="count"):
        key_of(in_order(row_of(KEY) | {column: COUNT_MAX + 1}))
    wrong: dict[str, Any] = {column: COUNT_MAX + 1}
    with pytest.raises(ValueError, match="count"):
        row_of(replace(KEY, **wrong))


def test_a_row_with_a_column_too_few_is_an_error() -> None:
    with pytest.raises(ValueError, match="wrong kind"):
        key_of(in_order(row_of(KEY))[:-1])
