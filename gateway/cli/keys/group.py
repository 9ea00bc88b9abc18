"""The group `keyhatch keys`, with its verbs in the order in which a key lives."""

import click

from gateway.cli.everywhere import InOrder
from gateway.cli.keys.change import delete, disable, enable
from gateway.cli.keys.edit import edit
from gateway.cli.keys.make import create
from gateway.cli.keys.moving import export_keys, import_keys
from gateway.cli.keys.pattern import pattern
from gateway.cli.keys.read import list_keys, show
from gateway.cli.keys.revoke import revoke
from gateway.cli.keys.rotate import rotate
from gateway.cli.keys.usage import usage
from gateway.cli.keys.verify import verify


@click.group(cls=InOrder, short_help="Make, list, change and check keys.")
def keys() -> None:
    """Make, list, change and check keys, whether or not a server runs."""


_LIFE = (create, list_keys, show, usage, verify, edit, rotate, disable, enable, revoke, delete)
for _command in (*_LIFE, import_keys, export_keys, pattern):
    keys.add_command(_command)
