"""`keyhatch keys create`, and how it and `keys rotate` show a secret: once.

The secret goes to stdout and nowhere else; the words around it go to stderr and show only its preview. So
`KEY=$(keyhatch keys create "My app" -q)` holds exactly the key.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import click

from gateway.cli.everywhere import Command
from gateway.cli.keys.desk import ask, refuse_secret
from gateway.cli.keys.record import called
from gateway.cli.loading import door, load, trust_option
from gateway.cli.moments import ahead
from gateway.cli.output import Form, data, data_json, output_option, say
from gateway.cli.surroundings import Surroundings, pass_surroundings, whoami
from gateway.cli.table import clean
from gateway.core.keys import ApiKey, Secret
from gateway.keeper.desk import KeyDesk, KeyDraft, RuleBroken, StateConflict
from gateway.keeper.expiry import parse_expires
from gateway.store.faults import StoreMissing
from gateway.wire.key_json import as_json

_TWO_FORMS: Final = "-q and -o json are two ways to print the key: choose one."

quiet_option = click.option("-q", "--quiet", is_flag=True, help="Print the key alone.")


@dataclass(frozen=True, slots=True)
class Made:
    """A key whose secret was just made, and how to tell of it."""

    key: ApiKey
    secret: Secret
    form: Form
    quiet: bool

    def tell(self, surroundings: Surroundings, headline: str, caution: str = "") -> None:
        """Print the secret, and around it what a person needs to know now; `caution` before trying it."""
        if self.form == "json":
            data_json({**as_json(self.key, surroundings.clock.now()), "key": self.secret.reveal()})
            return
        if not self.quiet:
            say(headline)
        data(self.secret.reveal())
        if not self.quiet:
            say("Keep it now: it is shown this once and cannot be shown again.")
            if caution:
                say(caution)
            say("To try it, put it into KEY and ask the gateway about it:")
            loaded = load(surroundings)
            server = loaded.settings.server
            at = door(server.proxy, tls=server.tls.is_on)
            say(f'  curl{trust_option(loaded)} -H "Authorization: Bearer $KEY" {at}/.keyhatch/me')


@click.command(cls=Command)
@click.argument("name", callback=refuse_secret)
@click.option("--scope", metavar="S", multiple=True, help="What it may do: chat:write, chat:*, *:read, *.")
@click.option(
    "--expires", metavar="WHEN", help="2s, 90m, 90d, 2027-01-31, never. Default: keys.default_expiry."
)
@click.option("--owner", metavar="O", default="", help="Who it belongs to.")
@click.option("--note", metavar="TEXT", default="", help="Whatever helps to know it again.")
@click.option("--allow-from", metavar="CIDR", multiple=True, help="Only callers from this network.")
@click.option("--in-path", is_flag=True, help="It may stand in an address: /k/KEY/… (docs: off is safer).")
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
    in_path: bool,
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
        in_path=in_path,
    )
    try:
        (key, secret), has_namesake = ask(surroundings, lambda desk: _create(desk, draft))
    except StateConflict:
        raise
    except RuleBroken as broken:
        raise click.UsageError(str(broken)) from broken
    if has_namesake:
        say(f'Another key is called "{clean(key.name)}" too: commands will ask for either by its id.')
    may = " ".join(sorted(key.scopes)) or "nothing that needs a scope"
    now = surroundings.clock.now()
    ends = "never expires" if key.expires_at is None else f"expires {ahead(key.expires_at, now)}"
    made = Made(key, secret, form, quiet)
    made.tell(surroundings, f"Made {called(key)}, id {key.id}. It may: {may}. It {ends}.")


async def _create(desk: KeyDesk, draft: KeyDraft) -> tuple[tuple[ApiKey, Secret], bool]:
    """The key, and whether another has its name. What could fail comes before there is a secret to lose."""
    has_namesake = False
    with suppress(StoreMissing):
        has_namesake = any(key.name == draft.name for key in await desk.list_keys("all"))
    return await desk.create(draft), has_namesake


def refuse_two_forms(form: Form, *, quiet: bool) -> None:
    """Refuse `-q` beside `-o json`."""
    if quiet and form == "json":
        raise click.UsageError(_TWO_FORMS)


def split(values: tuple[str, ...]) -> tuple[str, ...]:
    """Values as options hold them: repeated, or divided by commas."""
    return tuple(part.strip() for value in values for part in value.split(","))


def moment_of(text: str, now: float, option: str) -> float | None:
    """When a key ends, as an option says it; None is never."""
    try:
        return parse_expires(text, now)
    except RuleBroken as problem:
        raise click.BadParameter(str(problem), param_hint=option) from problem
