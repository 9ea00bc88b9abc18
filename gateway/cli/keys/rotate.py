"""`keyhatch keys rotate`: a new secret, shown once, and how the one before ends; or a rotation taken back.

A key has two secrets at most. Whoever would end one that may still be in use is asked on a terminal and has
to say `--yes` anywhere else, so that no script strands anybody by surprise.
"""

import re
from typing import Final

import click

from gateway.cli.everywhere import Command
from gateway.cli.keys.change import NOTHING_CHANGED
from gateway.cli.keys.desk import ask, which_key
from gateway.cli.keys.make import Made, quiet_option, refuse_two_forms
from gateway.cli.keys.record import called, old_use
from gateway.cli.moments import ago, span
from gateway.cli.output import Form, can_ask, data_json, output_option, say, warn
from gateway.cli.surroundings import Surroundings, pass_surroundings
from gateway.core.keys import ApiKey
from gateway.keeper.desk import KeyDesk, Rotation, RuleBroken
from gateway.keeper.expiry import parse_expires
from gateway.wire.key_json import as_json

OVERLAP: Final = "24h"
_DURATION: Final = re.compile(r"[0-9]+[smhd]")
_NO_OVERLAP: Final = (
    "say how long the old secret still works: 90m, 24h or 7d, or 0s (or now) to end it at once"
)
_ONE_THING: Final = "--undo and --finish take back or end a rotation that was made: give them alone."
_TRYING_ENDS: Final = "Mind that trying it is its first use: that ends the old secret."


@click.command(cls=Command)
@which_key
@click.option(
    "--overlap",
    metavar="TIME",
    help=f"How long the old secret still works: now, 1h, 24h, 7d, 30d. Default: {OVERLAP}.",
)
@click.option("--until-first-use", is_flag=True, help="End the old secret as soon as the new one is used.")
@click.option("--undo", is_flag=True, help="Make the old secret the key's own again; the new one ends.")
@click.option("--finish", is_flag=True, help="End the old secret now.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@quiet_option
@output_option
@pass_surroundings
def rotate(  # noqa: PLR0913  # one argument per option
    surroundings: Surroundings,
    id_or_name: str,
    overlap: str | None,
    form: Form,
    *,
    until_first_use: bool,
    undo: bool,
    finish: bool,
    yes: bool,
    quiet: bool,
) -> None:
    """Give a key a new secret and print it, once. Its id, name, scopes and history stay.

    The old secret works until the overlap ends. With --until-first-use it ends when the new one is used,
    and with --overlap as well at whichever comes first. A key has two secrets at most: rotating within an
    overlap ends the older one, and asks first.
    """
    refuse_two_forms(form, quiet=quiet)
    if undo or finish:
        if (undo and finish) or overlap is not None or until_first_use or quiet:
            raise click.UsageError(_ONE_THING)
        return (_undo if undo else _finish)(surroundings, id_or_name, form)
    rotation = _rotation(overlap, until_first_use=until_first_use)
    now = surroundings.clock.now()
    before = ask(surroundings, lambda desk: desk.resolve(id_or_name))
    ends_s = _left_s(before, now)
    if ends_s > 0 and not yes:
        _confirm(before, ends_s, now)
    rotation = Rotation(
        overlap_s=rotation.overlap_s, until_first_use=until_first_use, end_previous=yes or ends_s > 0
    )
    key, secret = ask(surroundings, lambda desk: desk.rotate(before.id, rotation))
    if ends_s > 0:
        when = ago(before.rotated_at or now, now)
        worked = "" if before.previous_until_first_use else f" for {span(ends_s)}"
        warn(
            f"{called(before)} was rotated {when}, and the secret before it, which still worked{worked}, "
            "has ended now."
        )
    left_s = _left_s(key, now)
    old = f"still works {_how_long(key, left_s, overlap)}" if left_s > 0 else "has stopped working"
    caution = _TRYING_ENDS if until_first_use and left_s > 0 else ""
    Made(key, secret, form, quiet).tell(
        surroundings, f"Rotated {called(key)}. The old secret {old}.", caution
    )
    return None


def _undo(surroundings: Surroundings, id_or_name: str, form: Form) -> None:
    key = ask(surroundings, lambda desk: desk.undo_rotation(id_or_name))
    if form == "json":
        data_json(as_json(key, surroundings.clock.now()))
    else:
        say(f"Undid the rotation of {called(key)}: that secret is the key's own again, the newer one ended.")


def _finish(surroundings: Surroundings, id_or_name: str, form: Form) -> None:
    now = surroundings.clock.now()

    async def finished(desk: KeyDesk) -> tuple[ApiKey, ApiKey]:
        before = await desk.resolve(id_or_name)
        return before, await desk.finish_rotation(before.id)

    before, key = ask(surroundings, finished)
    if form == "json":
        data_json(as_json(key, now))
    elif before.overlap_runs(now):
        say(f"Finished the rotation of {called(key)}: the old secret has ended. It {old_use(before, now)}.")
    else:
        say(f"{called(key)} has no old secret that still works: there was nothing to finish.")


def _rotation(overlap: str | None, *, until_first_use: bool) -> Rotation:
    if overlap is None and until_first_use:
        return Rotation(overlap_s=None, until_first_use=True)
    return Rotation(overlap_s=_overlap_s(overlap or OVERLAP), until_first_use=until_first_use)


def _overlap_s(text: str) -> float:
    text = text.strip()
    try:
        seconds = parse_expires(text, 0.0) if _DURATION.fullmatch(text) else None
    except RuleBroken:
        seconds = None
    if text == "now":
        seconds = 0.0
    if seconds is None:
        raise click.BadParameter(_NO_OVERLAP, param_hint="--overlap")
    return seconds


def _left_s(key: ApiKey, now: float) -> float:
    """How long the secret before the key's own still works."""
    return max(0.0, (key.previous_secret_valid_until or now) - now)


def _how_long(key: ApiKey, left_s: float, overlap: str | None = None) -> str:
    if not key.previous_until_first_use:
        return f"for {span(left_s)}"
    if overlap is None:
        return "until the new one is used for the first time"
    return f"for {span(left_s)}, or until the new one is used for the first time"


def _confirm(key: ApiKey, ends_s: float, now: float) -> None:
    """Ask whether the secret before may end now; leaves if it may not, or if nobody can be asked."""
    state = (
        f"{called(key)} was rotated {ago(key.rotated_at or now, now)}. "
        f"Rotating again ends the secret before it, which still works {_how_long(key, ends_s)} and "
        f"{old_use(key, now)}."
    )
    if not can_ask():
        raise click.UsageError(
            f"{state} Add --yes to do that without being asked, or end or take back that rotation first: "
            "--finish, --undo."
        )
    if not click.confirm(f"{state} Rotate?", err=True):
        raise click.ClickException(NOTHING_CHANGED)
