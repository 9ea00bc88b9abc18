"""`keyhatch keys list` and `keys show`: what there is, and everything about one of them."""

from typing import cast

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
from gateway.keeper.desk import StatusFilter
from gateway.wire.key_json import as_json


@click.command("list", cls=Command)
@click.option(
    "--status",
    type=click.Choice([*(status.value for status in Status), "all"]),
    help="Only keys of this status. Default: all but revoked ones.",
)
@click.option("--owner", metavar="O", help="Only keys of this owner.")
@output_option
@pass_surroundings
def list_keys(surroundings: Surroundings, status: str | None, owner: str | None, form: Form) -> None:
    """List keys, newest first; revoked ones only with --status revoked or all."""
    wanted = cast("StatusFilter", Status(status) if status not in {None, "all"} else status)
    found = ask(surroundings, lambda desk: desk.list_keys(wanted, owner))
    now = surroundings.clock.now()
    if form == "json":
        data_json([as_json(key, now) for key in found])
    elif found and on_terminal():
        head, rows = table_for_people(found, now, terminal_width())
        data_table(head, rows, paints={"STATUS": paint_status}, whole=WHOLE_COLUMNS)
    elif found:
        data_rows([row_for_programs(key, now) for key in found])
    else:
        narrowed = status is not None or owner is not None
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
