"""`keyhatch credentials list`: what there is and how it stands, never what it says."""

from typing import Final

import click

from gateway.cli.credentials.desk import ask
from gateway.cli.everywhere import Command
from gateway.cli.moments import ago
from gateway.cli.output import Form, data_json, data_rows, data_table, on_terminal, output_option, say, warn
from gateway.cli.surroundings import Surroundings, pass_surroundings
from gateway.keeper.credential_json import credential_json
from gateway.keeper.credentials import CredentialRecord, CredentialState
from gateway.wire.key_json import rfc3339

_HEAD: Final = ("NAME", "PREVIEW", "STATE", "UPSTREAMS", "SET", "BY", "LAST USED")
_COLOURS: Final = {CredentialState.OK: "green", CredentialState.REFUSED: "yellow"}


@click.command("list", cls=Command)
@output_option
@pass_surroundings
def list_credentials(surroundings: Surroundings, form: Form) -> None:
    """List the credentials of the vault: how they look, how they stand, and which upstreams are lent them."""
    found = ask(surroundings, lambda desk: desk.list_credentials())
    if form == "json":
        data_json([credential_json(each) for each in found])
    elif found and on_terminal():
        now = surroundings.clock.now()
        rows = [_row(each, now) for each in found]
        data_table(_HEAD, rows, paints={"STATE": _paint}, whole={"NAME", "STATE"})
    elif found:
        data_rows([_row_for_programs(each) for each in found])
    else:
        say("There are no credentials yet. Set one: keyhatch credentials set NAME")
    if form != "json":
        for each in found:
            if each.why:
                warn(f"{each.name} is {each.state.value}: {each.why}.")


def _row(record: CredentialRecord, now: float) -> tuple[str, ...]:
    used = "never" if record.last_used_at is None else ago(record.last_used_at, now)
    upstreams = ", ".join(record.upstreams)
    when = ago(record.set_at, now)
    return (record.name, record.preview, record.state.value, upstreams, when, record.set_by, used)


def _row_for_programs(record: CredentialRecord) -> tuple[str, ...]:
    times = (rfc3339(record.set_at) or "", record.set_by, rfc3339(record.last_used_at) or "")
    return (record.name, record.preview, record.state.value, ",".join(record.upstreams), *times)


def _paint(cell: str) -> str:
    state = cell.strip()
    colour = next((_COLOURS[each] for each in _COLOURS if each.value == state), "red")
    return click.style(cell, fg=colour)
