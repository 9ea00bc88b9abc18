"""`keyhatch backup`: a copy of the store that can be put back, made while the gateway runs or not."""

from pathlib import Path

import click

from gateway.cli.everywhere import Command
from gateway.cli.keys.desk import NoStore
from gateway.cli.loading import store_file
from gateway.cli.output import Form, data_json, output_option, say
from gateway.cli.surroundings import Surroundings, pass_surroundings
from gateway.store.backup import back_up
from gateway.store.faults import StoreMissing
from gateway.store.judge import Content


@click.command(cls=Command, short_help="Copy the store to FILE, whole and checked.")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@output_option
@pass_surroundings
def backup(surroundings: Surroundings, file: Path, form: Form, *, force: bool) -> None:
    """Copy the store to FILE, whole and checked, whether or not a gateway runs.

    FILE is its owner's alone. It holds records, digests and the audit, and no secret.
    """
    if str(file) == "-":
        raise click.UsageError("A backup is checked before it is done, so it goes to a file: name one.")
    try:
        content = back_up(store_file(surroundings), file, can_replace=force)
    except StoreMissing as missing:
        raise NoStore(str(missing)) from missing
    if form == "json":
        data_json({"file": str(file), **as_data(content)})
    else:
        say(f"Backed up to {file}: {counted(content)}. Checked, and whole.")


def as_data(content: Content) -> dict[str, object]:
    """What a backup holds, for programs; `audit_end` as `keyhatch audit verify` prints it."""
    end = f"{content.entries}:{content.end.hex()}"
    return {"keys": content.keys, "audit_entries": content.entries, "audit_end": end}


def counted(content: Content) -> str:
    """What a backup holds, for people."""
    keys = "1 key" if content.keys == 1 else f"{content.keys} keys"
    return f"{keys}, {content.entries} {'entry' if content.entries == 1 else 'entries'} of the audit"
