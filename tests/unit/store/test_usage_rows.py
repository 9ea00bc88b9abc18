"""Guarantees of gateway/store/usage_rows.py: a day comes back as it was written, or not at all."""

from datetime import date

import pytest

from gateway.core.refusal import Reason
from gateway.keeper.days import UsageDay
from gateway.store.usage_rows import day_of, refusal_rows_of, row_of

DAY = UsageDay("key_1", date(2027, 1, 15), 2, {Reason.SCOPE_MISSING: 1, Reason.KEY_EXPIRED: 4}, 10, 20, "::1")
ROW = ("key_1", 20_833, 2, 10, 20, "::1", '{"scope_missing": 1, "key_expired": 4}')


def test_a_day_is_read_as_it_is_written() -> None:
    assert day_of(ROW) == DAY
    assert tuple(row_of(DAY).values()) == ROW[:-1]
    assert [(row["day"], row["reason"], row["count"]) for row in refusal_rows_of(DAY)] == [
        (20_833, "scope_missing", 1),
        (20_833, "key_expired", 4),
    ]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (0, b"key_1"),
        (1, "20833"),
        (1, 2_932_897),
        (2, 2.0),
        (2, None),
        (3, -1),
        (4, -1),
        (4, True),
        (5, None),
        (6, None),
        (6, "{"),
        (6, '{"scope_missing": 0}'),
        (6, '{"scope_missing": "1"}'),
        (6, '{"scope_missing": true}'),
        (6, '{"no_such_reason": 1}'),
    ],
)
def test_what_we_would_not_have_written_is_an_error(column: int, value: object) -> None:
    row = [*ROW]
    row[column] = value
    with pytest.raises(ValueError, match=r"kind|nothing|no such day|Expecting|Reason"):
        day_of(row)


def test_a_row_of_another_length_is_an_error() -> None:
    with pytest.raises(ValueError, match="kind"):
        day_of(ROW[:-1])
