"""`keyhatch admin reset`: a way back in for whoever runs the host, when the admin key is lost."""

import click

from gateway.cli.admin_key import ADMIN, find_admin_key, key_file
from gateway.cli.everywhere import Command, InOrder
from gateway.cli.keys.change import NOTHING_CHANGED
from gateway.cli.keys.desk import ask
from gateway.cli.keys.make import Made, quiet_option, refuse_two_forms
from gateway.cli.keys.record import called
from gateway.cli.loading import load
from gateway.cli.output import Form, can_ask, output_option, say
from gateway.cli.surroundings import Surroundings, pass_surroundings
from gateway.core.keys import ApiKey, Secret
from gateway.keeper.desk import KeyDesk, Rotation


@click.group(cls=InOrder)
def admin() -> None:
    """Manage access to the management API, on the host itself."""


@admin.command(cls=Command)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@quiet_option
@output_option
@pass_surroundings
def reset(surroundings: Surroundings, form: Form, *, yes: bool, quiet: bool) -> None:
    """Give the admin key a new secret and print it, once. The old one ends at once.

    Where the first admin key is gone, a new one is made. Other keys that may manage stay as they are:
    `keyhatch keys list` shows them.
    """
    refuse_two_forms(form, quiet=quiet)
    if not yes:
        if not can_ask():
            raise click.UsageError("The old secret ends at once. Add --yes to do it without being asked.")
        if not click.confirm("The old secret of the admin key ends at once. Go on?", err=True):
            raise click.ClickException(NOTHING_CHANGED)
    now = surroundings.clock.now()
    key, secret = ask(surroundings, lambda desk: _reset(desk, now))
    Made(key, secret, form, quiet).tell(surroundings, f"The admin key is {called(key)}, id {key.id}.")
    path = load(surroundings).store_path
    if path is not None and key_file(path).exists() and not quiet:
        say(f"{key_file(path)} holds an older one: delete it.")


async def _reset(desk: KeyDesk, now: float) -> tuple[ApiKey, Secret]:
    key = await find_admin_key(desk, now)
    if key is None:
        return await desk.create(ADMIN)
    if key.disabled_at is not None:
        await desk.enable(key.id)
    return await desk.rotate(key.id, Rotation(overlap_s=0.0, end_previous=True))
