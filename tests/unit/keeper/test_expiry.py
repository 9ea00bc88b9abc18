"""Guarantees of gateway/keeper/expiry.py: what a person writes is read as they meant it, or refused."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.keeper.desk import RuleBroken
from gateway.keeper.expiry import MOMENT_MAX, parse_expires, parse_moment
from tests.support.records import NOW

DAY_S = 86_400.0


def moment(*parts: int) -> float:
    return datetime(*parts, tzinfo=UTC).timestamp()  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2s", NOW + 2),
        ("90m", NOW + 5400),
        ("24h", NOW + DAY_S),
        ("90d", NOW + 90 * DAY_S),
        ("0s", NOW),
        (" 1h ", NOW + 3600),
        ("never", None),
        ("NEVER", None),
        ("2027-01-31", moment(2027, 1, 31, 23, 59, 59)),
        ("2028-02-29", moment(2028, 2, 29, 23, 59, 59)),
        ("2027-01-31T12:00:00Z", moment(2027, 1, 31, 12)),
        ("2027-01-31t12:00:00z", moment(2027, 1, 31, 12)),
        ("2027-01-31 12:00:00+02:00", moment(2027, 1, 31, 10)),
        ("2027-01-31T12:00:00.5-05:30", moment(2027, 1, 31, 17, 30) + 0.5),
        ("9999-12-31", MOMENT_MAX),
    ],
)
def test_an_expiry_is_the_moment_that_is_meant(text: str, expected: float | None) -> None:
    assert parse_expires(text, NOW) == expected


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        ("", "write a duration"),
        ("soon", "write a duration"),
        ("90", "write a duration"),
        ("-1d", "write a duration"),
        ("1.5h", "write a duration"),
        ("2w", "write a duration"),
        ("٣d", "write a duration"),
        ("2027-01-31T12:00:00", "with its offset"),
        ("2027-02-30", "no such moment"),
        ("2027-13-01", "no such moment"),
        ("2027-01-31T24:30:00Z", "no such moment"),
        ("2027-01-31T12:00:00+99:00", "no such moment"),
        ("0000-01-01", "no such moment"),
        ("999999999999d", "write never"),
        ("3000000d", "write never"),
        ("9999-12-31T23:59:59-01:00", "write never"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_mend(text: str, mend: str) -> None:
    with pytest.raises(RuleBroken, match=mend):
        parse_expires(text, NOW)


@pytest.mark.parametrize("text", ["2s", "never", "2027-01-31", "", "2027-01-31T12:00:00", "now"])
def test_a_moment_is_nothing_but_a_date_a_time_and_an_offset(text: str) -> None:
    assert parse_moment("2027-01-31T12:00:00+02:00") == moment(2027, 1, 31, 10)
    assert parse_moment("1969-12-31T23:59:59Z") == -1
    with pytest.raises(RuleBroken, match="no moment with its offset"):
        parse_moment(text)


def test_a_secret_in_the_wrong_place_is_not_repeated() -> None:
    secret = "kh_" + "A" * 49
    with pytest.raises(RuleBroken) as refusal:
        parse_expires(secret, NOW)
    assert "AAAA" not in str(refusal.value)
    with pytest.raises(RuleBroken) as refusal:
        parse_moment(secret)
    assert "AAAA" not in str(refusal.value)


@given(st.text(max_size=40) | st.from_regex(r"[0-9]{1,5}-[0-9]{1,3}-[0-9]{1,3}(T[0-9:.]{0,12}Z?)?"))
def test_no_text_does_anything_but_parse_or_be_refused(text: str) -> None:
    try:
        found = parse_expires(text, NOW)
    except RuleBroken:
        return
    assert found is None or found <= MOMENT_MAX
