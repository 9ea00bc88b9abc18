"""Guarantees of gateway/cli/keys/usage.py: each day as it was, for people and for programs."""

import asyncio
import json
from datetime import date, timedelta
from typing import Any

import pytest

from gateway.cli.keys import usage as module
from gateway.cli.keys.usage import _size
from gateway.core.refusal import Reason
from gateway.keeper.days import UsageDay, UsageQuery
from tests.unit.cli.command_line import CommandLine

TODAY = date(2027, 1, 15)


def record(line: CommandLine, name: str, days_ago: int, requests: int = 1, **refusals: int) -> None:
    day = UsageDay(
        line.record(name).id,
        TODAY - timedelta(days=days_ago),
        requests,
        {Reason(code): count for code, count in refusals.items()},
        512,
        1536 * 1024,
        "192.168.1.20",
    )
    asyncio.run(line.store.record_uses([], [day]))


def told(line: CommandLine, *arguments: str) -> Any:
    result = line("keys", "usage", "-o", "json", *arguments)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture
def busy(line: CommandLine) -> CommandLine:
    """Two keys: one with three days, one with a busier one."""
    line.make("Laptop")
    line.make("Phone")
    record(line, "Laptop", 0, 3, scope_missing=2, key_expired=5)
    record(line, "Laptop", 1)
    record(line, "Laptop", 40, 7)
    record(line, "Phone", 30, 9)
    return line


def test_one_keys_days_are_told_newest_first(busy: CommandLine) -> None:
    assert told(busy, "Laptop")[0] == {
        "key_id": busy.record("Laptop").id,
        "day": "2027-01-15",
        "requests": 3,
        "refusals": {"key_expired": 5, "scope_missing": 2},
        "bytes_in": 512,
        "bytes_out": 1_572_864,
        "last_address": "192.168.1.20",
    }
    assert [day["day"] for day in told(busy, "Laptop")] == ["2027-01-15", "2027-01-14"]


def test_without_a_key_each_one_is_summed_up_the_busiest_first(busy: CommandLine) -> None:
    phone, laptop = told(busy)
    assert (phone["name"], phone["requests"], phone["last_day"]) == ("Phone", 9, "2026-12-16")
    assert (laptop["name"], laptop["requests"], laptop["last_day"]) == ("Laptop", 4, "2027-01-15")
    assert laptop["refusals"] == {"key_expired": 5, "scope_missing": 2}
    assert list(laptop) == [
        *("key_id", "name", "last_day", "requests", "refusals", "bytes_in", "bytes_out", "last_address")
    ]


@pytest.mark.parametrize(
    ("options", "days"),
    [
        (("--since", "0d"), [0]),
        (("--since", "1d"), [0, 1]),
        (("--since", "2027-01-14", "--until", "2027-01-14"), [1]),
        (("--since", "400d"), [0, 1, 40]),
        (("--since", "400d", "--until", "2d"), [40]),
    ],
)
def test_days_can_be_asked_for_both_ends_included(
    busy: CommandLine, options: tuple[str, ...], days: list[int]
) -> None:
    assert [day["day"] for day in told(busy, "Laptop", *options)] == [
        (TODAY - timedelta(days=number)).isoformat() for number in days
    ]


@pytest.mark.parametrize(
    "options",
    [
        ("--since", "yesterday"),
        ("--since", "2027-02-30"),
        ("--since", "999999d"),
        ("--since", "24h"),
        ("--until", "15.1.2027"),
        ("--since", "1d", "--until", "2d"),
    ],
)
def test_a_day_that_is_none_is_a_usage_error(busy: CommandLine, options: tuple[str, ...]) -> None:
    result = busy("keys", "usage", *options)
    assert (result.exit_code, result.stdout) == (2, "")


def test_everything_is_told_however_many_pages_it_takes(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.make("Laptop")
    for number in range(7):
        record(line, "Laptop", number, number)
    monkeypatch.setattr(module, "UsageQuery", lambda **asked: UsageQuery(limit=2, **asked))
    assert [day["requests"] for day in told(line, "Laptop")] == list(range(7))


def test_piped_rows_are_separated_by_tabs_without_a_head(busy: CommandLine) -> None:
    first, second = busy("keys", "usage", "Laptop").stdout.splitlines()
    assert first.split("\t") == [
        *("2027-01-15", "3", "7", "512", "1572864", "192.168.1.20", "key_expired=5,scope_missing=2")
    ]
    assert second.split("\t") == ["2027-01-14", "1", "0", "512", "1572864", "192.168.1.20", ""]
    row, _ = busy("keys", "usage").stdout.splitlines()
    assert row.split("\t") == [
        *(busy.record("Phone").id, "Phone", "2026-12-16", "9", "0", "512", "1572864", "192.168.1.20", "")
    ]


def test_a_terminal_gets_a_table_of_days(busy: CommandLine, terminal: None) -> None:
    head, first, _ = busy("keys", "usage", "Laptop").stdout.splitlines()
    assert head.split() == ["DAY", "REQUESTS", "REFUSED", "IN", "OUT", "LAST", "FROM", "WHY", "REFUSED"]
    assert first.split() == [
        *("2027-01-15", "3", "7", "512", "B", "1.5", "MiB", "192.168.1.20"),
        *("key_expired=5,", "scope_missing=2"),
    ]


def test_a_terminal_gets_a_table_of_keys(busy: CommandLine, terminal: None) -> None:
    head, phone, laptop = busy("keys", "usage").stdout.splitlines()
    assert head.split() == ["NAME", "REQUESTS", "REFUSED", "IN", "OUT", "LAST", "DAY", "LAST", "FROM", "ID"]
    assert phone.split()[:3] == ["Phone", "9", "0"]
    assert laptop.split()[-3:] == ["2027-01-15", "192.168.1.20", busy.record("Laptop").id]


def test_nothing_is_no_data_and_a_word_on_stderr(line: CommandLine) -> None:
    line.make("Laptop")
    for arguments in ((), ("Laptop",)):
        result = line("keys", "usage", *arguments)
        assert (result.exit_code, result.stdout) == (0, "")
        assert "since 2026-12-16" in result.stderr
    assert told(line) == told(line, "Laptop") == []


def test_a_key_that_is_not_there_is_exit_code_3(line: CommandLine) -> None:
    result = line("keys", "usage", "nobody")
    assert (result.exit_code, result.stdout) == (3, "")


def test_a_secret_is_refused_and_not_repeated(line: CommandLine) -> None:
    secret = line.make("Laptop")
    result = line("keys", "usage", secret)
    assert (result.exit_code, secret in result.stderr) == (2, False)


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1024**2 - 1, "1.0 MiB"),
        (3 * 2**29, "1.5 GiB"),
        (2**50 * 5000, "5000.0 PiB"),
    ],
)
def test_bytes_are_said_in_a_unit_that_fits(count: int, said: str) -> None:
    assert _size(count) == said
