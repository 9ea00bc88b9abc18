"""Days of usage as rows: the statements, and the way there and back.

A day that cannot be read back exactly is an error, as it is for records: a sum that left something out would
pass for the whole.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from gateway.core.refusal import Reason
from gateway.keeper.bounds import SHOWN_CHARS_MAX
from gateway.keeper.days import UsageDay, UsageQuery, day_at, number_of

_KINDS: Final = (str, int, int, int, int, str, str)

RECORD: Final = """
INSERT INTO usage (key_id, day, requests, bytes_in, bytes_out, last_address)
SELECT :key_id, :day, :requests, :bytes_in, :bytes_out, :last_address
WHERE EXISTS (SELECT 1 FROM keys WHERE id = :key_id)
ON CONFLICT (key_id, day) DO UPDATE SET
    requests = requests + excluded.requests,
    bytes_in = bytes_in + excluded.bytes_in,
    bytes_out = bytes_out + excluded.bytes_out,
    last_address = excluded.last_address
"""
"""Days of unknown keys are passed over: the key was deleted after the exchange."""
RECORD_REFUSALS: Final = """
INSERT INTO refusals (key_id, day, reason, count)
SELECT :key_id, :day, :reason, :count WHERE EXISTS (SELECT 1 FROM keys WHERE id = :key_id)
ON CONFLICT (key_id, day, reason) DO UPDATE SET count = count + excluded.count
"""
SELECT_DAYS: Final = """
SELECT key_id, day, requests, bytes_in, bytes_out, last_address, (
    SELECT json_group_object(reason, count) FROM refusals
    WHERE refusals.key_id = usage.key_id AND refusals.day = usage.day
)
FROM usage
WHERE day BETWEEN :since AND :until AND (:key_id IS NULL OR key_id = :key_id)
    AND NOT (day = :after_day AND key_id <= :after_key)
ORDER BY day DESC, key_id LIMIT :limit
"""
SELECT_DAYS_OF_KEY: Final = SELECT_DAYS.replace("(:key_id IS NULL OR key_id = :key_id)", "key_id = :key_id")
"""The same for one key, which its days are found by."""
# Beside MAX alone, SQLite takes the other columns from the row that has it: the last day's address.
SELECT_SUMS: Final = """
SELECT key_id, MAX(day), SUM(requests), SUM(bytes_in), SUM(bytes_out), last_address, (
    SELECT json_group_object(reason, total) FROM (
        SELECT reason, SUM(count) AS total FROM refusals
        WHERE refusals.key_id = usage.key_id AND refusals.day BETWEEN :since AND :until
        GROUP BY reason
    )
)
FROM usage
WHERE day BETWEEN :since AND :until AND (:key_id IS NULL OR key_id = :key_id) AND key_id > :after_key
GROUP BY key_id ORDER BY key_id LIMIT :limit
"""
SELECT_LAST_TOTAL: Final = """
SELECT '', day, SUM(requests), SUM(bytes_in), SUM(bytes_out), '', (
    SELECT json_group_object(reason, total) FROM (
        SELECT reason, SUM(count) AS total FROM usage AS each JOIN refusals USING (key_id, day)
        WHERE each.day = usage.day AND (:key_id IS NULL OR key_id = :key_id)
        GROUP BY reason
    )
)
FROM usage
WHERE (:key_id IS NULL OR key_id = :key_id) AND day = (
    SELECT MAX(day) FROM usage WHERE day BETWEEN :since AND :until AND (:key_id IS NULL OR key_id = :key_id)
)
GROUP BY day
"""
"""The last day alone: 30 ms where 10,000 keys were used on it. A month in one statement takes 3 s then, for
which everybody who looks up a key would wait."""
SELECT_ANY_BEFORE: Final = "SELECT 1 FROM usage WHERE day < ? LIMIT 1"
FORGET: Final = """
DELETE FROM usage WHERE (key_id, day) IN (
    SELECT key_id, day FROM usage WHERE day < ? ORDER BY day LIMIT ?
)
"""
FORGOTTEN: Final = "SELECT changes()"

_DAY_MAX: Final = 2**48
"""Far more than a day holds (a count of 281 TB), and the sum of ninety years of it is a number still."""
_COUNTED: Final = f"BETWEEN 0 AND {_DAY_MAX}"
_REASONS: Final = ", ".join(f"'{reason.value}'" for reason in Reason)
SELECT_STRANGE: Final = f"""
SELECT 1 FROM usage
WHERE NOT (requests {_COUNTED} AND bytes_in {_COUNTED} AND bytes_out {_COUNTED})
    OR typeof(requests) || typeof(bytes_in) || typeof(bytes_out) <> 'integerintegerinteger'
    OR typeof(last_address) <> 'text' OR length(last_address) > {SHOWN_CHARS_MAX}
UNION ALL
SELECT 1 FROM refusals
WHERE NOT count {_COUNTED} OR typeof(count) <> 'integer' OR reason NOT IN ({_REASONS})
LIMIT 1
"""  # noqa: S608
"""Days that could not be read, or whose sums could not."""


def row_of(value: UsageDay) -> dict[str, Any]:
    """The columns of a day."""
    return {
        "key_id": value.key_id,
        "day": number_of(value.day),
        "requests": value.requests,
        "bytes_in": value.bytes_in,
        "bytes_out": value.bytes_out,
        "last_address": value.last_address,
    }


def refusal_rows_of(value: UsageDay) -> Iterator[dict[str, Any]]:
    """The columns of a day's refusals, a row for each reason."""
    for reason, count in value.refusals.items():
        yield {
            "key_id": value.key_id,
            "day": number_of(value.day),
            "reason": reason.value,
            "count": count,
        }


def asked(query: UsageQuery) -> tuple[str, dict[str, Any]]:
    """The statement of a query, and its values. Of totals it tells the first one."""
    day, key_id = query.after or (query.until, "")
    until = number_of(query.until if query.per == "key" else min(query.until, day))
    if query.per == "total" and query.after is not None:
        until = min(until, number_of(day) - 1)
    values = {
        "since": number_of(query.since),
        "until": until,
        "key_id": query.key_id,
        "after_day": number_of(day),
        "after_key": key_id,
        "limit": query.limit,
    }
    if query.per == "total":
        return SELECT_LAST_TOTAL, values
    if query.per == "key":
        return SELECT_SUMS, values
    return (SELECT_DAYS if query.key_id is None else SELECT_DAYS_OF_KEY), values


def day_of(row: Sequence[Any]) -> UsageDay:
    """The value a row holds; raises `ValueError` for whatever we would not have written."""
    if len(row) != len(_KINDS) or any(
        type(value) is not kind for value, kind in zip(row, _KINDS, strict=True)
    ):
        raise ValueError("a column holds a value of the wrong kind")
    key_id, day, requests, bytes_in, bytes_out, last_address, refusals = row
    if min(requests, bytes_in, bytes_out) < 0:
        raise ValueError("a count is less than nothing")
    return UsageDay(key_id, day_at(day), requests, _refusals(refusals), bytes_in, bytes_out, last_address)


def _refusals(text: str) -> Mapping[Reason, int]:
    counts = json.loads(text)
    if not all(type(count) is int and count > 0 for count in counts.values()):
        raise ValueError("a column holds a value of the wrong kind")
    return {Reason(code): count for code, count in counts.items()}
