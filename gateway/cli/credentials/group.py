"""The group `keyhatch credentials`, with its verbs in the order in which a credential lives."""

import click

from gateway.cli.credentials.change import remove, set_credential
from gateway.cli.credentials.new_key import new_key, rekey
from gateway.cli.credentials.read import list_credentials
from gateway.cli.credentials.trial import test
from gateway.cli.everywhere import InOrder


@click.group(cls=InOrder, short_help="Keep the credentials that upstreams ask for.")
def credentials() -> None:
    """Keep the credentials that upstreams ask for, encrypted, whether or not a server runs."""


for _command in (new_key, set_credential, list_credentials, test, remove, rekey):
    credentials.add_command(_command)
