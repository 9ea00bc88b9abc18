"""`keyhatch keys edit`: changing what a key is called, may do, or whose it is, and saying what changed."""

from typing import Final

import click

from gateway.cli.everywhere import Command
from gateway.cli.keys.desk import ask, refuse_secret, say_if_nobody_manages, which_key
from gateway.cli.keys.make import moment_of, split
from gateway.cli.keys.record import called, fields
from gateway.cli.output import Form, data_json, output_option, say
from gateway.cli.surroundings import Surroundings, pass_surroundings
from gateway.cli.table import clean
from gateway.core.keys import ApiKey
from gateway.keeper.desk import KeyDesk, KeyEdit, RuleBroken, StateConflict
from gateway.wire.key_json import as_json

_TOLD: Final = (
    *("Name", "Scopes", "Owner", "Note", "Allowed from", "In paths", "Expires", "Old secret works until"),
)


@click.command(cls=Command)
@which_key
@click.option("--name", metavar="N", callback=refuse_secret, help="What it is called from now on.")
@click.option("--owner", metavar="O", help='Who it belongs to; "" for nobody.')
@click.option("--note", metavar="TEXT", help='Whatever helps to know it again; "" for nothing.')
@click.option("--scope", metavar="S", multiple=True, help="What it may do, instead of what it may do now.")
@click.option("--no-scopes", is_flag=True, help="It may do nothing that needs a scope.")
@click.option("--allow-from", metavar="CIDR", multiple=True, help="Only callers from this network.")
@click.option("--anywhere", is_flag=True, help="Callers from any network.")
@click.option("--in-path/--no-in-path", default=None, help="Whether it may stand in an address: /k/KEY/…")
@click.option("--expires", metavar="WHEN", help="2s, 90m, 90d, 2027-01-31, never.")
@output_option
@pass_surroundings
def edit(  # noqa: PLR0913  # one argument per option
    surroundings: Surroundings,
    id_or_name: str,
    form: Form,
    *,
    name: str | None,
    owner: str | None,
    note: str | None,
    scope: tuple[str, ...],
    allow_from: tuple[str, ...],
    expires: str | None,
    no_scopes: bool,
    anywhere: bool,
    in_path: bool | None,
) -> None:
    """Change what a key is called, what it may do, or whose it is. Its secret stays.

    What is not named stays as it is; --scope and --allow-from replace all that was there, and may be
    repeated, or hold several values divided by commas. It holds from the next request on.
    """
    now = surroundings.clock.now()
    wanted = KeyEdit(
        name=name,
        scopes=_list(scope, empty=no_scopes, options="--scope and --no-scopes"),
        owner=owner,
        note=note,
        allow_from=_list(allow_from, empty=anywhere, options="--allow-from and --anywhere"),
        in_path=in_path,
        expires_at="unchanged" if expires is None else moment_of(expires, now, "--expires"),
    )
    if wanted == KeyEdit():
        raise click.UsageError(
            "Say what to change: --name, --owner, --note, --scope, --allow-from, --in-path, --expires."
        )

    async def edited(desk: KeyDesk) -> tuple[ApiKey, ApiKey]:
        before = await desk.resolve(id_or_name)
        return before, await desk.edit(before.id, wanted)

    try:
        before, key = ask(surroundings, edited)
    except StateConflict:
        raise
    except RuleBroken as broken:
        raise click.UsageError(str(broken)) from broken
    if form == "json":
        data_json(as_json(key, now))
    else:
        _tell(before, key, now)
    say_if_nobody_manages(surroundings, before, key)


def _list(values: tuple[str, ...], *, empty: bool, options: str) -> tuple[str, ...] | None:
    if values and empty:
        raise click.UsageError(f"{options} contradict each other: choose one.")
    return () if empty else split(values) if values else None


def _tell(before: ApiKey, key: ApiKey, now: float) -> None:
    """What changed, from what to what."""
    was, is_now = (fields(each, now, for_people=True) for each in (before, key))
    changes = [
        f"  {name}: {clean(was.get(name, 'none'))} → {clean(is_now.get(name, 'none'))}"
        for name in _TOLD
        if was.get(name) != is_now.get(name)
    ]
    if not changes:
        say(f"{called(key)} is like that already: nothing was changed.")
        return
    say(f"Changed {called(key)}:")
    for change in changes:
        say(change)
