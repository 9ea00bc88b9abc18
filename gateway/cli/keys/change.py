"""`keyhatch keys disable`, `enable`, `delete`: changing how a key stands.

What cannot be undone asks on a terminal, and needs `--yes` anywhere else, so that no script ends a key by
surprise and none hangs on a question.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import click

from gateway.cli.everywhere import Command
from gateway.cli.keys.desk import ask, refuse_secret, say_if_nobody_manages
from gateway.cli.keys.record import called
from gateway.cli.moments import ago
from gateway.cli.output import Form, can_ask, data_json, output_option, say
from gateway.cli.surroundings import Surroundings, pass_surroundings
from gateway.core.keys import ApiKey
from gateway.keeper.desk import KeyDesk
from gateway.wire.key_json import as_json

_Act = Callable[[KeyDesk, str], Awaitable[ApiKey]]

NOTHING_CHANGED: Final = "Nothing was changed."


def _change(name: str, act: _Act, done: str, warning: str, help_text: str) -> Command:
    """The command for one act. `done` is the sentence after it, `warning` asks before it (empty: no need)."""

    @click.command(name, cls=Command, help=help_text)
    @click.argument("id_or_name", metavar="ID_OR_NAME", callback=refuse_secret)
    @click.option("--yes", "-y", is_flag=True, help="Do not ask.")
    @output_option
    @pass_surroundings
    def command(surroundings: Surroundings, id_or_name: str, form: Form, *, yes: bool) -> None:
        subject = id_or_name
        if warning and not yes:
            subject = confirm(surroundings, id_or_name, f"{name.capitalize()} {{}}? {warning}")
        key = ask(surroundings, lambda desk: act(desk, subject))
        now = surroundings.clock.now()
        if form == "json":
            data_json(as_json(key, now))
        else:
            say(done.format(called(key)) + _although(name, key, now))
        if name != "enable":
            say_if_nobody_manages(surroundings, key)

    return command


def _although(name: str, key: ApiKey, now: float) -> str:
    """What an act did not change, where its name may promise more."""
    if name != "enable" or key.expires_at is None or key.expires_at > now:
        return ""
    return f" It stays refused: it expired {ago(key.expires_at, now)}. Make a new key in its place."


def confirm(surroundings: Surroundings, id_or_name: str, question: str) -> str:
    """Ask, and return the id of the key that was meant; leaves if the answer is no."""
    if not can_ask():
        raise click.UsageError("This cannot be undone. Add --yes to do it without being asked.")
    key = ask(surroundings, lambda desk: desk.resolve(id_or_name))
    now = surroundings.clock.now()
    used = "never used" if key.last_used_at is None else f"last used {ago(key.last_used_at, now)}"
    if not click.confirm(question.format(f"{called(key)}, {used}"), err=True):
        raise click.ClickException(NOTHING_CHANGED)
    return key.id


disable = _change(
    "disable",
    lambda desk, subject: desk.disable(subject),
    "Disabled {}: it is refused until `keyhatch keys enable`.",
    "",
    "Switch a key off until it is enabled again.",
)
enable = _change(
    "enable",
    lambda desk, subject: desk.enable(subject),
    "Enabled {}.",
    "",
    "Switch a disabled key on again.",
)
delete = _change(
    "delete",
    lambda desk, subject: desk.delete(subject),
    "Deleted {}.",
    "Its record is lost for good.",
    "Remove the record of a revoked key for good.",
)
