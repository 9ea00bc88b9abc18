"""`keyhatch keys create` and `keys rotate`: the two commands that show a secret, once.

The secret goes to stdout and nowhere else; the words around it go to stderr and show only its preview. So
`KEY=$(keyhatch keys create "My app" -q)` holds exactly the key.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import click

from gateway.cli.everywhere import Command
from gateway.cli.keys.change import NOTHING_CHANGED
from gateway.cli.keys.desk import ask, refuse_secret, which_key
from gateway.cli.keys.record import called
from gateway.cli.loading import door, load
from gateway.cli.moments import ago, ahead, span
from gateway.cli.output import Form, can_ask, data, data_json, output_option, say, warn
from gateway.cli.surroundings import Surroundings, pass_surroundings, whoami
from gateway.cli.table import clean
from gateway.core.keys import ApiKey, Secret
from gateway.keeper.desk import KeyDesk, KeyDraft, Rotation, RuleBroken
from gateway.keeper.expiry import parse_expires
from gateway.store.faults import StoreMissing
from gateway.wire.key_json import as_json

OVERLAP: Final = "24h"
_DURATION: Final = re.compile(r"[0-9]+[smhd]")
_NO_OVERLAP: Final = "say how long the old secret still works: 90m, 24h or 7d, or 0s to end it at once"
_TWO_FORMS: Final = "-q and -o json are two ways to print the key: choose one."

quiet_option = click.option("-q", "--quiet", is_flag=True, help="Print the key alone.")


@dataclass(frozen=True, slots=True)
class Made:
    """A key that was just made, and how to tell of it."""

    key: ApiKey
    secret: Secret
    form: Form
    quiet: bool

    def tell(self, surroundings: Surroundings, headline: str) -> None:
        """Print the secret, and around it what a person needs to know now."""
        if self.form == "json":
            data_json({**as_json(self.key, surroundings.clock.now()), "key": self.secret.reveal()})
            return
        if not self.quiet:
            say(headline)
        data(self.secret.reveal())
        if not self.quiet:
            say("Keep it now: it is shown this once and cannot be shown again.")
            say("To try it, put it into KEY and ask the gateway about it:")
            at = door(load(surroundings).settings.server.proxy)
            say(f'  curl -H "Authorization: Bearer $KEY" {at}/.keyhatch/me')


@click.command(cls=Command)
@click.argument("name", callback=refuse_secret)
@click.option("--scope", metavar="S", multiple=True, help="What it may do: chat:write, chat:*, *:read, *.")
@click.option(
    "--expires", metavar="WHEN", help="2s, 90m, 90d, 2027-01-31, never. Default: keys.default_expiry."
)
@click.option("--owner", metavar="O", default="", help="Who it belongs to.")
@click.option("--note", metavar="TEXT", default="", help="Whatever helps to know it again.")
@click.option("--allow-from", metavar="CIDR", multiple=True, help="Only callers from this network.")
@quiet_option
@output_option
@pass_surroundings
def create(  # noqa: PLR0913  # one argument per option
    surroundings: Surroundings,
    name: str,
    scope: tuple[str, ...],
    expires: str | None,
    owner: str,
    note: str,
    allow_from: tuple[str, ...],
    form: Form,
    *,
    quiet: bool,
) -> None:
    """Make a key and print it, once.

    A good name says who uses it: "Inventory Integration", not "Key 1". --scope and --allow-from may be
    repeated, or hold several values divided by commas.
    """
    refuse_two_forms(form, quiet=quiet)
    draft = KeyDraft(
        name=name,
        scopes=split(scope),
        owner=owner,
        note=note,
        allow_from=split(allow_from),
        expires_at="default"
        if expires is None
        else moment_of(expires, surroundings.clock.now(), "--expires"),
        created_by=whoami(),
    )
    try:
        (key, secret), has_namesake = ask(surroundings, lambda desk: _create(desk, draft))
    except RuleBroken as broken:
        raise click.UsageError(str(broken)) from broken
    if has_namesake and not quiet:
        say(f'Another key is called "{clean(key.name)}" too: commands will ask for either by its id.')
    may = " ".join(sorted(key.scopes)) or "nothing that needs a scope"
    now = surroundings.clock.now()
    ends = "never expires" if key.expires_at is None else f"expires {ahead(key.expires_at, now)}"
    made = Made(key, secret, form, quiet)
    made.tell(surroundings, f"Made {called(key)}, id {key.id}. It may: {may}. It {ends}.")


@click.command(cls=Command)
@which_key
@click.option(
    "--overlap",
    metavar="TIME",
    default=OVERLAP,
    show_default=True,
    help="How long the old secret still works: 0s ends it at once.",
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@quiet_option
@output_option
@pass_surroundings
def rotate(  # one argument per option
    surroundings: Surroundings, id_or_name: str, overlap: str, form: Form, *, yes: bool, quiet: bool
) -> None:
    """Give a key a new secret and print it, once. Its id, name, scopes and history stay.

    A key has two secrets at most: rotating within an overlap ends the older one, and asks first.
    """
    refuse_two_forms(form, quiet=quiet)
    overlap_s = _overlap_s(overlap)
    now = surroundings.clock.now()
    before = ask(surroundings, lambda desk: desk.resolve(id_or_name))
    ends_s = _left_s(before, now)
    if ends_s > 0 and not yes and can_ask():
        _confirm(before, ends_s, now)
    key, secret = ask(
        surroundings, lambda desk: desk.rotate(before.id, Rotation(overlap_s=overlap_s, end_previous=True))
    )
    if ends_s > 0:
        when = ago(before.rotated_at or now, now)
        warn(
            f"{called(before)} was rotated {when}, and the secret before it, which still worked for "
            f"{span(ends_s)}, has ended now."
        )
    left_s = _left_s(key, now)
    old = f"still works for {span(left_s)}" if left_s > 0 else "has stopped working"
    Made(key, secret, form, quiet).tell(surroundings, f"Rotated {called(key)}. The old secret {old}.")


async def _create(desk: KeyDesk, draft: KeyDraft) -> tuple[tuple[ApiKey, Secret], bool]:
    """The key, and whether another has its name. What could fail comes before there is a secret to lose."""
    has_namesake = False
    with suppress(StoreMissing):
        has_namesake = any(key.name == draft.name for key in await desk.list_keys("all"))
    return await desk.create(draft), has_namesake


def refuse_two_forms(form: Form, *, quiet: bool) -> None:
    """Refuse -q beside -o json."""
    if quiet and form == "json":
        raise click.UsageError(_TWO_FORMS)


def _overlap_s(text: str) -> float:
    try:
        seconds = parse_expires(text, 0.0) if _DURATION.fullmatch(text.strip()) else None
    except RuleBroken:
        seconds = None
    if seconds is None:
        raise click.BadParameter(_NO_OVERLAP, param_hint="--overlap")
    return seconds


def _left_s(key: ApiKey, now: float) -> float:
    """How long the secret before the key's own still works."""
    return max(0.0, (key.previous_secret_valid_until or now) - now)


def _confirm(key: ApiKey, ends_s: float, now: float) -> None:
    question = (
        f"{called(key)} was rotated {ago(key.rotated_at or now, now)}. "
        f"Rotating again ends the secret before it, which still works for {span(ends_s)}. Rotate?"
    )
    if not click.confirm(question, err=True):
        raise click.ClickException(NOTHING_CHANGED)


def split(values: tuple[str, ...]) -> tuple[str, ...]:
    """The values of an option that may be repeated, or hold several divided by commas."""
    return tuple(part.strip() for value in values for part in value.split(","))


def moment_of(text: str, now: float, option: str) -> float | None:
    """The moment that an option says, None for never."""
    try:
        return parse_expires(text, now)
    except RuleBroken as problem:
        raise click.BadParameter(str(problem), param_hint=option) from problem
