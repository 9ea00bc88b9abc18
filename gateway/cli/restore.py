"""`keyhatch restore`: a backup in the store's place, and plain words before it about what that undoes.

What ended since the backup stays ended, unless `--as-it-was` is said: a restore is made in haste, and nobody
in haste remembers which keys had leaked. What a backup brings that the store in place does not know is named,
those that manage keys first: whoever can write to a backup can put a key into it.
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import click

from gateway.cli.backup import as_data, counted
from gateway.cli.everywhere import Command
from gateway.cli.keys.change import NOTHING_CHANGED
from gateway.cli.keys.record import called
from gateway.cli.loading import store_file
from gateway.cli.output import Form, can_ask, data_json, output_option, say, warn
from gateway.cli.surroundings import Surroundings, pass_surroundings
from gateway.cli.table import clean
from gateway.core.keys import ApiKey
from gateway.core.scopes import is_reserved
from gateway.keeper.audit import host_actor
from gateway.store.carry import Difference, ending
from gateway.store.restore import Prospect, restoring

NAMED_MAX: Final = 20


@click.command(cls=Command, short_help="Put the backup FILE in the store's place.")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option(
    "--as-it-was",
    is_flag=True,
    help="All keys as FILE has them: those that were revoked, deleted or changed since live again.",
)
@output_option
@pass_surroundings
def restore(surroundings: Surroundings, file: Path, form: Form, *, yes: bool, as_it_was: bool) -> None:
    """Put the backup FILE in the store's place, while no gateway runs.

    FILE is checked before anything is touched, and the store replaced is kept beside it. Keys that were
    revoked, deleted or changed since the backup stay so.
    """
    if not yes and not can_ask():
        raise click.UsageError("This replaces the store. Add --yes to do it without being asked.")
    with restoring(store_file(surroundings), file) as restoration:
        prospect, now = restoration.prospect, surroundings.clock.now()
        _tell(prospect, now, as_it_was=as_it_was)
        if not yes and not click.confirm(
            f"Put {file} ({counted(prospect.content)}) in the place of {prospect.store}?", err=True
        ):
            raise click.ClickException(NOTHING_CHANGED)
        actor = host_actor(os.getuid() if hasattr(os, "getuid") else None)
        kept = restoration.finish(actor=actor, now=now, as_it_was=as_it_was)
    if form == "json":
        told = {"store": str(prospect.store), "kept": None if kept is None else str(kept)}
        data_json({**told, **as_data(prospect.content), **_brought(prospect)})
    else:
        say(f"Restored {prospect.store} from {file}: {counted(prospect.content)}.")
        if kept is not None:
            say(f"The store it replaced is kept as {kept}.")


def _tell(prospect: Prospect, now: float, *, as_it_was: bool) -> None:
    """What the restore undoes, and what it does not."""
    if prospect.flaw is not None:
        warn(
            f"the store in place {prospect.flaw}, so it cannot be told what was revoked since the backup, "
            "nor what was put into that: whatever was revoked lives again. Revoke it anew, and look through "
            "`keyhatch keys list`"
        )
    if prospect.difference is not None:
        _tell_difference(prospect.difference, now, as_it_was=as_it_was)
        _warn_of(
            prospect.difference.gained,
            "the backup brings these keys, which the store in place neither has nor ever deleted. Revoke "
            "those that you do not know:",
        )
        _warn_of(
            [old for old, _ in prospect.difference.differing],
            "these keys stand otherwise in the backup, without a later change in place, and will be as it "
            "has them:",
        )
    _warn_of(
        prospect.unexplained,
        "these keys stand otherwise in the backup than its own audit tells. If an early version of Keyhatch "
        "made them that may be so, else somebody changed the backup:",
    )


def _brought(prospect: Prospect) -> dict[str, object]:
    """What the backup brings, for programs; None where there was no store to compare with."""
    found = prospect.difference
    return {
        "gained": None if found is None else _all_as_data(found.gained),
        "differing": None if found is None else _all_as_data(old for old, _ in found.differing),
        "unexplained": _all_as_data(prospect.unexplained),
    }


def _all_as_data(keys: Iterable[ApiKey]) -> list[dict[str, object]]:
    return [
        {"id": key.id, "name": key.name, "scopes": sorted(key.scopes), "manages_keys": _manages(key)}
        for key in keys
    ]


def _manages(key: ApiKey) -> bool:
    return any(map(is_reserved, key.scopes))


def _warn_of(keys: Sequence[ApiKey], text: str) -> None:
    """Name the keys and what they may; those that manage keys first, and all of them."""
    if not keys:
        return
    warn(text)
    powerful = sum(map(_manages, keys))
    lines = [
        f"{called(key)} {key.id} {'MANAGES KEYS' if _manages(key) else 'may'}: "
        f"{', '.join(sorted(key.scopes))}"
        for key in sorted(keys, key=_manages, reverse=True)
    ]
    _list(lines, most=max(NAMED_MAX, powerful))


def _tell_difference(found: Difference, now: float, *, as_it_was: bool) -> None:
    since = [(key, word) for key, new in found.ended if (word := ending(key, new, now)) is not None]
    if since and as_it_was:
        warn("these keys live again, or stand as they did, because of --as-it-was:")
    elif since:
        say("These keys were ended or changed since the backup, and stay so (--as-it-was undoes it):")
    _list([f"{called(key)}: {word} since" for key, word in since])
    if found.lost:
        warn("the backup does not know these keys; they are refused after it, and stay in the file kept:")
        _list([called(key) for key in found.lost])
    if not found.audit_goes_on:
        warn("the backup's audit is not the beginning of the one in place, which is in the file kept alone")


def _list(lines: list[str], most: int = NAMED_MAX) -> None:
    for line in lines[:most]:
        say(f"  {clean(line)}")
    if len(lines) > most:
        say(f"  and {len(lines) - most} more")
