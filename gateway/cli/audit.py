"""`keyhatch audit`: what was done with keys, whether the record is whole, and all of it to keep elsewhere.

The record is a chain: each entry's hash covers its content and the hash before it. `verify` finds an entry
that was changed, left out or put in. It cannot see that the end was cut off, unless it is told an end that
somebody noted earlier: that is what `--noted` is for.
"""

import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from gateway.cli.everywhere import Command, InOrder
from gateway.cli.keys.desk import ask, refuse_secret
from gateway.cli.new_file import new_file
from gateway.cli.output import (
    Form,
    data,
    data_json,
    data_rows,
    data_table,
    on_terminal,
    output_option,
    say,
)
from gateway.cli.surroundings import Surroundings, pass_surroundings
from gateway.keeper.audit import (
    ACTS,
    GENESIS,
    ActName,
    AuditEntry,
    AuditQuery,
    ChainBroken,
    as_data,
    changes,
    verify_chain,
)
from gateway.keeper.desk import KeyDesk
from gateway.keeper.ports import KeyNotFound
from gateway.wire.key_json import rfc3339

AT_ONCE: Final = 500
SHOWN: Final = 50
_NOTED: Final = re.compile(r"([1-9][0-9]{0,18}):([0-9a-f]{64})")


@click.group(cls=InOrder)
def audit() -> None:
    """Read and check the record of what was done with keys."""


@audit.command("list", cls=Command)
@click.option(
    "--key",
    "id_or_name",
    metavar="ID_OR_NAME",
    callback=refuse_secret,
    help="Only what was done with this key.",
)
@click.option("--act", type=click.Choice(ACTS), metavar="ACT", help=f"Only such acts: {', '.join(ACTS)}.")
@click.option("--actor", metavar="WHO", help="Only what they did: a key's id, or host:UID.")
@click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(1, 100_000),
    default=SHOWN,
    show_default=True,
    help="How many at the most.",
)
@output_option
@pass_surroundings
def list_entries(
    surroundings: Surroundings,
    id_or_name: str | None,
    act: ActName | None,
    actor: str | None,
    limit: int,
    form: Form,
) -> None:
    """List what was done, newest first."""
    with_names = form != "json" and on_terminal()
    query = AuditQuery(limit=limit, act=act, actor=actor, newest_first=True)
    entries, names = ask(surroundings, lambda desk: _last(desk, id_or_name, query, with_names=with_names))
    if form == "json":
        data_json([as_data(entry) for entry in entries])
    elif entries and on_terminal():
        rows = [_row_for_people(entry, names) for entry in entries]
        data_table(["NUMBER", "WHEN", "ACT", "KEY", "BY", "CHANGED"], rows, whole={"NUMBER", "WHEN", "ACT"})
    elif entries:
        data_rows([_row_for_programs(entry) for entry in entries])
    else:
        narrowed = (id_or_name, act, actor) != (None, None, None)
        say("Nothing like that was done." if narrowed else "Nothing was done yet.")


@audit.command(cls=Command)
@click.option(
    "--noted",
    metavar="NUMBER:HASH",
    help="An end of the record that was noted earlier. Nothing up to there may be missing or another.",
)
@pass_surroundings
def verify(surroundings: Surroundings, noted: str | None) -> int:
    """Check that no entry was changed, left out or put in.

    Prints where the record ends, as NUMBER:HASH. Note it somewhere else, and give it to the next check.
    """
    wanted = _noted(noted)
    try:
        number, end = ask(surroundings, lambda desk: _walk(desk, wanted))
    except ChainBroken as broken:
        raise click.ClickException(f"the record is not whole: {broken}") from broken
    say(f"The record is whole: {number} entries." if number else "The record is empty, and whole.")
    data(f"{number}:{end.hex()}")
    return 0


@audit.command(cls=Command)
@click.argument("file", metavar="[FILE]", required=False, type=click.Path(path_type=Path))
@pass_surroundings
def export(surroundings: Surroundings, file: Path | None) -> None:
    """Write every entry as a line of JSON, oldest first: to stdout, or to a new FILE of its owner's alone.

    Times are seconds since 1970. A hash is the SHA-256 of the hash before it and of the JSON array of number,
    at, actor, act, key_id, request_id, before and after, without blanks, names sorted, in ASCII.
    """
    if file is None or str(file) == "-":
        ask(surroundings, lambda desk: _write(desk, data_json))
        return
    with new_file(file) as to:
        ask(
            surroundings,
            lambda desk: _write(desk, lambda told: to.write(f"{json.dumps(told)}\n".encode())),
        )


async def _write(desk: KeyDesk, tell: Callable[[dict[str, object]], object]) -> None:
    async for entry in entries_of(desk):
        tell(as_data(entry))


async def entries_of(desk: KeyDesk) -> AsyncIterator[AuditEntry]:
    """Every entry, oldest first."""
    after = 0
    while found := await desk.audit(AuditQuery(after=after, limit=AT_ONCE)):
        for entry in found:
            yield entry
        after = found[-1].number


async def _last(
    desk: KeyDesk, id_or_name: str | None, query: AuditQuery, *, with_names: bool
) -> tuple[list[AuditEntry], dict[str, str]]:
    """The first entries of a query, and the names of their keys where they are wanted."""
    most = query.limit
    key_id = None if id_or_name is None else await _id_of(desk, id_or_name)
    query = replace(query, key_id=key_id)
    last: list[AuditEntry] = []
    while found := await desk.audit(replace(query, limit=min(most - len(last), AT_ONCE))):
        last += found
        query = replace(query, after=found[-1].number)
        if len(last) == most:
            break
    names: dict[str, str] = {}
    for each in {entry.key_id for entry in last if with_names and entry.key_id is not None}:
        with suppress(KeyNotFound):
            names[each] = (await desk.resolve(each)).name
    return last, names


async def _id_of(desk: KeyDesk, id_or_name: str) -> str:
    """The id that is meant; that of a key whose record was deleted is known by what was done with it."""
    try:
        return (await desk.resolve(id_or_name)).id
    except KeyNotFound:
        if await desk.audit(AuditQuery(limit=1, key_id=id_or_name)):
            return id_or_name
        raise


async def _walk(desk: KeyDesk, noted: tuple[int, bytes] | None) -> tuple[int, bytes]:
    number, end = 0, GENESIS
    async for entry in entries_of(desk):
        number, end = verify_chain([entry], number, end)
        if noted is not None and number == noted[0] and end != noted[1]:
            raise ChainBroken(number, f"entry {number} is another than the one that was noted")
    if noted is not None and number < noted[0]:
        raise ChainBroken(number + 1, f"it ends at entry {number}, and entry {noted[0]} was noted")
    return number, end


def _noted(text: str | None) -> tuple[int, bytes] | None:
    if text is None:
        return None
    match = _NOTED.fullmatch(text)
    if match is None:
        raise click.BadParameter("write it as `keyhatch audit verify` prints it", param_hint="--noted")
    return int(match[1]), bytes.fromhex(match[2])


def _credential_or_target(entry: AuditEntry) -> str:
    """What was acted on where it was no key."""
    known = {**(entry.before or {}), **(entry.after or {})}
    target = f"{known.get('upstream')}/{known['target']}" if "target" in known else ""
    return str(known.get("credential") or target)


def _row_for_people(entry: AuditEntry, names: Mapping[str, str]) -> list[str]:
    key_id = entry.key_id or _credential_or_target(entry)
    told = ", ".join(changes(entry))
    when = str(rfc3339(entry.at))
    return [str(entry.number), when, entry.act, names.get(key_id, key_id), entry.actor, told]


def _row_for_programs(entry: AuditEntry) -> list[str]:
    key_id, request_id = entry.key_id or _credential_or_target(entry), entry.request_id or ""
    told = ", ".join(changes(entry))
    return [str(entry.number), str(rfc3339(entry.at)), entry.act, key_id, entry.actor, request_id, told]
