"""`keyhatch credentials set` and `remove`: a value comes in on stdin, and never goes out again."""

from typing import Final

import click

from gateway.cli.credentials.desk import ask
from gateway.cli.everywhere import Command
from gateway.cli.keys.verify import read_key
from gateway.cli.output import Form, can_ask, data_json, output_option, say
from gateway.cli.surroundings import Surroundings, pass_surroundings
from gateway.keeper.credential_json import credential_json
from gateway.keeper.credentials import CredentialRecord, CredentialState

NOTHING_CHANGED: Final = "Nothing was changed."
ON_STDIN: Final = (
    "A credential is never an argument: it would stay in your shell's history. Run `keyhatch credentials set "
    "NAME` alone and paste it when asked, or pipe it in. What was just typed is in that history now."
)


@click.command("set", cls=Command)
@click.argument("name")
@click.argument("text", nargs=-1, metavar="")
@output_option
@pass_surroundings
def set_credential(surroundings: Surroundings, name: str, text: tuple[str, ...], form: Form) -> None:
    """Set or replace a credential: it is read on stdin, hidden while it is typed.

    An upstream is lent it by `credential: vault:NAME`. A running gateway lends the new one from the next
    request on.
    """
    if text:
        raise click.UsageError(ON_STDIN)
    value = read_key("Credential")
    if not value:
        raise click.UsageError("Nothing was given. Pipe it in, or run this on a terminal and paste it.")
    record = ask(surroundings, lambda desk: desk.put_credential(name, value), can_create=True)
    if form == "json":
        data_json(credential_json(record))
    else:
        say(f"Set {name} ({record.preview}).{_lent_to(record)}")


@click.command(cls=Command)
@click.argument("name")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@output_option
@pass_surroundings
def remove(surroundings: Surroundings, name: str, form: Form, *, yes: bool) -> None:
    """Remove a credential for good. Its upstreams are closed until it is set again."""
    if not yes:
        _confirm(surroundings, name)
    record = ask(surroundings, lambda desk: desk.remove_credential(name))
    if form == "json":
        data_json(credential_json(record))
    elif record.upstreams:
        say(f"Removed {name}. Closed now: {', '.join(record.upstreams)}.")
    else:
        say(f"Removed {name}. No upstream was lent it.")


def _confirm(surroundings: Surroundings, name: str) -> None:
    if not can_ask():
        raise click.UsageError("This cannot be undone. Add --yes to do it without being asked.")
    record = ask(surroundings, lambda desk: desk.get_credential(name))
    closes = f" It closes {', '.join(record.upstreams)}." if record.upstreams else ""
    if not click.confirm(f"Remove {name} ({record.preview})?{closes}", err=True):
        raise click.ClickException(NOTHING_CHANGED)


def _lent_to(record: CredentialRecord) -> str:
    if record.state is not CredentialState.OK:
        return f" It is {record.state.value}: {record.why}."
    if not record.upstreams:
        return f" No upstream is lent it yet: say `credential: vault:{record.name}` there."
    return f" Lent to {', '.join(record.upstreams)} from now on."
