"""`keyhatch keys revoke`: ending a key for good, by its id or name, or by the right of holding it.

A leaked key is known by its text alone, so `--by-value` takes that on stdin. It ends what that text opens and
no more: of a key whose rotation is under way, the old secret ends and the key itself goes on.
"""

import click

from gateway.cli.everywhere import Command
from gateway.cli.keys.change import confirm
from gateway.cli.keys.desk import ask, refuse_secret, say_if_nobody_manages
from gateway.cli.keys.record import called
from gateway.cli.keys.verify import read_key
from gateway.cli.output import Form, data_json, output_option, say
from gateway.cli.surroundings import Surroundings, pass_surroundings
from gateway.core.keys import ApiKey
from gateway.wire.key_json import as_json, rfc3339


@click.command(cls=Command)
@click.argument("id_or_name", metavar="ID_OR_NAME", required=False, callback=refuse_secret)
@click.option("--by-value", is_flag=True, help="Read the key itself on stdin and end it.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@output_option
@pass_surroundings
def revoke(
    surroundings: Surroundings, id_or_name: str | None, form: Form, *, by_value: bool, yes: bool
) -> None:
    """End a key for good, open streams included. Its record stays.

    With --by-value it is the key that is read on stdin, hidden while it is typed; nothing more is asked.
    """
    if by_value is (id_or_name is not None):
        raise click.UsageError("Say which key: its id or name, or --by-value and the key itself on stdin.")
    if id_or_name is None:
        text = read_key()
        if not text:
            raise click.UsageError(
                "Nothing was given. Pipe the key in, or run this on a terminal and paste it."
            )
        began = surroundings.clock.now()
        key = ask(surroundings, lambda desk: desk.revoke_by_value(text))
    else:
        subject = id_or_name
        if not yes:
            subject = confirm(surroundings, id_or_name, "Revoke {}? It ends for good, open streams included.")
        began = surroundings.clock.now()
        key = ask(surroundings, lambda desk: desk.revoke(subject))
    _tell(surroundings, key, form, began)
    say_if_nobody_manages(surroundings, key)


def _tell(surroundings: Surroundings, key: ApiKey, form: Form, began: float) -> None:
    if form == "json":
        data_json(as_json(key, surroundings.clock.now()))
    else:
        say(_told(key, began))


def _told(key: ApiKey, began: float) -> str:
    if key.revoked_at is None:
        return (
            f"Ended the secret that {called(key)} had before its rotation: it is refused from now on, and "
            "what it opened ends. The key itself works on with its new secret."
        )
    if key.revoked_at < began:
        return f"{called(key)} was revoked on {rfc3339(key.revoked_at)} already: nothing was changed."
    return f"Revoked {called(key)}: it is refused from now on, and its open streams end."
