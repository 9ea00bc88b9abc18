"""`keyhatch keys list` and `keys show`: what there is, and everything about one of them."""

import re
from typing import Final, cast

import click

from gateway.cli.everywhere import Command
from gateway.cli.keys.desk import ask, refuse_secret
from gateway.cli.keys.record import WHOLE_COLUMNS, fields, paint_status, row_for_programs, table_for_people
from gateway.cli.output import (
    Form,
    data_fields,
    data_json,
    data_rows,
    data_table,
    on_terminal,
    output_option,
    say,
    terminal_width,
)
from gateway.cli.surroundings import Surroundings, pass_surroundings
from gateway.core.keys import Status
from gateway.keeper.desk import RuleBroken, StatusFilter
from gateway.keeper.expiry import parse_expires
from gateway.wire.key_json import as_json

_DURATION: Final = re.compile(r"[0-9]+[smhd]")


@click.command("list", cls=Command)
@click.option(
    "--status",
    type=click.Choice([*(status.value for status in Status), "all"]),
    help="Only keys of this status. Default: all but revoked ones.",
)
@click.option("--owner", metavar="O", help="Only keys of this owner.")
@click.option(
    "--unused-for",
    metavar="TIME",
    help="Only keys that are older and were not used for so long: 24h, 30d.",
)
@output_option
@pass_surroundings
def list_keys(
    surroundings: Surroundings, status: str | None, owner: str | None, unused_for: str | None, form: Form
) -> None:
    """List keys, newest first; revoked ones only with --status revoked or all."""
    wanted = cast("StatusFilter", Status(status) if status not in {None, "all"} else status)
    now = surroundings.clock.now()
    since = None if unused_for is None else now - _seconds(unused_for)
    found = ask(surroundings, lambda desk: desk.list_keys(wanted, owner))
    found = [key for key in found if since is None or key.is_unused_since(since)]
    if form == "json":
        data_json([as_json(key, now) for key in found])
    elif found and on_terminal():
        head, rows = table_for_people(found, now, terminal_width())
        data_table(head, rows, paints={"STATUS": paint_status}, whole=WHOLE_COLUMNS)
    elif found:
        data_rows([row_for_programs(key, now) for key in found])
    else:
        narrowed = (status, owner, unused_for) != (None, None, None)
        say(
            "No key is like that."
            if narrowed
            else "There are no keys yet. Make one: keyhatch keys create NAME"
        )


@click.command(cls=Command)
@click.argument("id_or_name", metavar="ID_OR_NAME", callback=refuse_secret)
@output_option
@pass_surroundings
def show(surroundings: Surroundings, id_or_name: str, form: Form) -> None:
    """Show one key: everything but the secret, which nobody can show."""
    key = ask(surroundings, lambda desk: desk.resolve(id_or_name))
    now = surroundings.clock.now()
    if form == "json":
        data_json(as_json(key, now))
    else:
        data_fields(fields(key, now, for_people=on_terminal()))


def _seconds(text: str) -> float:
    try:
        seconds = parse_expires(text, 0.0) if _DURATION.fullmatch(text) else None
    except RuleBroken:
        seconds = None
    if seconds is None:
        raise click.BadParameter("say for how long: 90m, 24h or 30d", param_hint="--unused-for")
    return seconds
