"""`keyhatch sign PATH_OR_URL --key ID_OR_NAME`: an address that opens for a while without a key.

For `<audio>` and `<img>`, which cannot send headers. It goes to stdout and nowhere else: whoever has it can
use the key for what it opens, until it ends.
"""

import click

from gateway.cli.everywhere import Command
from gateway.cli.keys.desk import ask, refuse_secret
from gateway.cli.keys.make import moment_of
from gateway.cli.moments import ahead
from gateway.cli.output import Form, data, data_json, output_option, say
from gateway.cli.surroundings import Surroundings, pass_surroundings
from gateway.keeper.desk import RuleBroken, StateConflict
from gateway.wire.key_json import rfc3339


@click.command(cls=Command, short_help="Make an address that opens for a while without a key.")
@click.argument("path_or_url", callback=refuse_secret)
@click.option(
    "--key",
    "id_or_name",
    metavar="ID_OR_NAME",
    required=True,
    callback=refuse_secret,
    help="The key whose right it opens by.",
)
@click.option("--expires", metavar="TIME", default="5m", help="How long: 30s, 5m, 1h. Default: 5m.")
@output_option
@pass_surroundings
def sign(surroundings: Surroundings, path_or_url: str, id_or_name: str, expires: str, form: Form) -> None:
    """Make an address that opens for a while without a key, with GET and HEAD alone.

    It may do no more than its key may, ends with it, and counts as a use of it.
    """
    now = surroundings.clock.now()
    ends = moment_of(expires, now, "--expires")
    if ends is None:
        raise click.BadParameter("an address always ends: say 30s, 5m or 1h", param_hint="--expires")
    try:
        told = ask(surroundings, lambda desk: desk.sign(id_or_name, path_or_url, ends - now))
    except StateConflict:
        raise
    except RuleBroken as broken:
        raise click.UsageError(str(broken)) from broken
    if form == "json":
        expires_at = rfc3339(told.expires_at)
        data_json({"address": told.address, "key_id": told.key_id, "expires_at": expires_at})
        return
    data(told.address)
    say(f"It ends {ahead(told.expires_at, now)}. Until then whoever has it needs no key.")
