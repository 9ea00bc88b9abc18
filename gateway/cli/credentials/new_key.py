"""`keyhatch credentials new-key`: makes a key for the vault, in a new file of its owner's alone."""

from base64 import b64encode
from pathlib import Path

import click

from gateway.cli.everywhere import Command
from gateway.cli.new_file import new_file
from gateway.cli.output import say
from gateway.cli.surroundings import Surroundings, pass_surroundings
from gateway.config.vault_section import VAULT_KEY_BYTES


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
