"""`keyhatch keys usage`: what one key did day by day, or what each key did in all.

Refusals are told by reason: a key that is refused again and again is in somebody's old configuration, or in
the wrong hands.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import click

from gateway.cli.everywhere import Command
from gateway.cli.keys.desk import ask, refuse_secret
from gateway.cli.output import (
    Form,
    data_json,
    data_rows,
    data_table,
    on_terminal,
    output_option,
    say,
)
from gateway.cli.surroundings import Surroundings, pass_surroundings
from gateway.keeper.days import UsageDay, UsageQuery, as_data
from gateway.keeper.desk import KeyDesk

SINCE: Final = "30d"
_DAYS_AGO: Final = re.compile(r"([0-9]{1,6})d")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FORM: Final = "write a day (2027-01-31), or how many days ago (30d)"
_UNITS: Final = ("KiB", "MiB", "GiB", "TiB", "PiB")
_WHOLE: Final = frozenset({"DAY", "LAST DAY", "REQUESTS", "REFUSED", "IN", "OUT", "ID"})


@click.command(cls=Command)
@click.argument("id_or_name", required=False, callback=refuse_secret)
@click.option(
    "--since",
    metavar="DAY",
    default=SINCE,
    show_default=True,
    help="The first day, in UTC: 2027-01-31, or so many days ago.",
)
@click.option("--until", metavar="DAY", help="The last day. Default: today.")
@output_option
@pass_surroundings
def usage(
    surroundings: Surroundings, id_or_name: str | None, since: str, until: str | None, form: Form
) -> None:
    """Show what a key did day by day, newest first; without a key, what each one did in all."""
    today = datetime.fromtimestamp(surroundings.clock.now(), UTC).date()
    query = UsageQuery(
        since=_day(since, today, "--since"),
        until=today if until is None else _day(until, today, "--until"),
        per="key" if id_or_name is None else "day",
    )
    if query.since > query.until:
        raise click.UsageError(f"Nothing lies between {query.since} and {query.until}: --since comes first.")
    values, names = ask(surroundings, lambda desk: _gather(desk, id_or_name, query))
    if id_or_name is None:
        values.sort(key=lambda value: -value.requests)
        _tell_sums(values, names, form)
    else:
        _tell_days(values, form)
    if not values:
        say(f"Nothing was asked for with {'any' if id_or_name is None else 'this'} key since {query.since}.")


async def _gather(
    desk: KeyDesk, id_or_name: str | None, query: UsageQuery
) -> tuple[list[UsageDay], Mapping[str, str]]:
    """All that is asked for, page by page, and the names of keys where several are."""
    values: list[UsageDay] = []
    while page := await desk.usage(id_or_name, query):
        values += page
        query = replace(query, after=(page[-1].day, page[-1].key_id))
    keys = await desk.list_keys("all") if query.per == "key" and values else []
    return values, {key.id: key.name for key in keys}


def _tell_days(values: list[UsageDay], form: Form) -> None:
    if form == "json":
        data_json([as_data(value) for value in values])
    elif values and on_terminal():
        head = ["DAY", "REQUESTS", "REFUSED", "IN", "OUT", "LAST FROM", "WHY REFUSED"]
        rows = [[value.day.isoformat(), *_for_people(value), _why(value, ", ")] for value in values]
        data_table(head, rows, whole=_WHOLE)
    else:
        data_rows([[value.day.isoformat(), *_for_programs(value)] for value in values])


def _tell_sums(values: list[UsageDay], names: Mapping[str, str], form: Form) -> None:
    if form == "json":
        data_json([_sum_data(value, names) for value in values])
    elif values and on_terminal():
        head = ["NAME", "REQUESTS", "REFUSED", "IN", "OUT", "LAST DAY", "LAST FROM", "ID"]
        rows = []
        for value in values:
            *counts, address = _for_people(value)
            name = names.get(value.key_id, "")
            rows.append([name, *counts, value.day.isoformat(), address, value.key_id])
        data_table(head, rows, whole=_WHOLE)
    else:
        data_rows(
            [
                [value.key_id, names.get(value.key_id, ""), value.day.isoformat(), *_for_programs(value)]
                for value in values
            ]
        )


def _sum_data(value: UsageDay, names: Mapping[str, str]) -> dict[str, Any]:
    told = as_data(value)
    key_id, last_day = told.pop("key_id"), told.pop("day")
    return {"key_id": key_id, "name": names.get(value.key_id), "last_day": last_day, **told}


def _for_people(value: UsageDay) -> list[str]:
    counts = [str(value.requests), str(sum(value.refusals.values()))]
    return [*counts, _size(value.bytes_in), _size(value.bytes_out), value.last_address]


def _for_programs(value: UsageDay) -> list[str]:
    numbers = (value.requests, sum(value.refusals.values()), value.bytes_in, value.bytes_out)
    return [*map(str, numbers), value.last_address, _why(value, ",")]


def _why(value: UsageDay, between: str) -> str:
    """Reasons and how often each, the most frequent first."""
    ranked = sorted(value.refusals.items(), key=lambda each: (-each[1], each[0]))
    return between.join(f"{reason.value}={count}" for reason, count in ranked)


def _size(count: int) -> str:
    """Bytes as people say them: `512 B`, `1.5 KiB`."""
    if count < 1024:
        return f"{count} B"
    size, power = count / 1024, 0
    while size >= 1023.95 and power < len(_UNITS) - 1:
        size, power = size / 1024, power + 1
    return f"{size:.1f} {_UNITS[power]}"


def _day(text: str, today: date, option: str) -> date:
    text = text.strip()
    ago = _DAYS_AGO.fullmatch(text)
    try:
        if ago is not None:
            return today - timedelta(days=int(ago[1]))
        if _DATE.fullmatch(text) is not None:
            return date.fromisoformat(text)
    except (ValueError, OverflowError):
        raise click.BadParameter(f"there is no such day: {_FORM}", param_hint=option) from None
    raise click.BadParameter(_FORM, param_hint=option)
