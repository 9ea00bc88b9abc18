"""`keyhatch credentials new-key` and `rekey`: a key for the vault in a new file, and another in its place."""

from base64 import b64encode
from pathlib import Path

import click

from gateway.cli.credentials.desk import ask
from gateway.cli.everywhere import Command
from gateway.cli.new_file import new_file
from gateway.cli.output import say
from gateway.cli.surroundings import Surroundings, pass_surroundings
from gateway.config.vault_section import VAULT_KEY_BYTES
from gateway.service.vault_key import read_vault_key


@click.command("new-key", cls=Command)
@click.argument("file", type=click.Path(path_type=Path))
@pass_surroundings
def new_key(surroundings: Surroundings, file: Path) -> None:
    """Make a key for the vault: 32 random bytes in base64, in a new FILE of its owner's alone.

    Name it with vault.key_file. Keep a copy apart from the store's backups: whoever has both has the
    credentials, and without it nobody has.
    """
    with new_file(file) as to:
        to.write(b64encode(surroundings.entropy(VAULT_KEY_BYTES)) + b"\n")
    say(f"Made {file}. Name it with `vault: {{key_file: {file}}}`, and keep a copy apart from the store.")


@click.command(cls=Command)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@pass_surroundings
def rekey(surroundings: Surroundings, file: Path) -> None:
    """Seal all credentials anew with the key in FILE, which `keyhatch credentials new-key` made.

    All of them or none. Then put FILE in the place that vault.key_file names: a reload reads what is there.
    """
    found = read_vault_key(file)
    if found.raw is None:
        raise click.UsageError(f"{file} holds no key of a vault: `keyhatch credentials new-key` makes one.")
    raw = found.raw
    count = ask(surroundings, lambda desk: desk.rekey(raw))
    say(
        f"Sealed {count} anew. Now put {file} in the place that vault.key_file names, before the next reload "
        "or restart, and keep the old key as long as you keep backups that were made with it."
    )
