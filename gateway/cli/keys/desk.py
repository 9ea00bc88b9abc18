"""From a command to the desk and back: find it, ask one thing, leave it.

The desk is held only while something is asked. A person who thinks about a question holds nothing, so that a
server can start in the meantime.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import click

from gateway.cli.failures import ExitCode
from gateway.cli.loading import desk_of
from gateway.cli.missing import NO_MANAGER, may_manage_all, missing_among
from gateway.cli.output import say, sentence
from gateway.cli.surroundings import Surroundings
from gateway.core.keys import ApiKey
from gateway.keeper.desk import KeyDesk, holds_secret
from gateway.store.faults import StoreMissing

_Answer = TypeVar("_Answer")
_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])

NOT_IN_ARGV: Final = (
    "that is a key itself, and now it stands in your shell's history. Say a key's id or name instead; "
    "`keyhatch keys verify` tells them, and `keyhatch keys rotate` makes what leaked worthless"
)


def ask(surroundings: Surroundings, question: Callable[[KeyDesk], Awaitable[_Answer]]) -> _Answer:
    """Ask the desk one thing; where there is no store that is exit code 3."""

    async def asked() -> _Answer:
        async with desk_of(surroundings) as desk:
            return await question(desk)

    try:
        return asyncio.run(asked())
    except StoreMissing as missing:
        raise NoStore(str(missing)) from missing


class NoStore(click.ClickException):
    """There is no store where the command looked, so nothing of what was asked for is there."""

    exit_code = ExitCode.NOT_FOUND


def say_if_nobody_manages(surroundings: Surroundings, *changed: ApiKey) -> None:
    """After a change to a key that may have managed the others: say so where none is left that does."""
    if any(map(may_manage_all, changed)):
        keys = ask(surroundings, lambda desk: desk.list_keys("all"))
        if missing_among(keys, surroundings.clock.now()).manager:
            say(sentence(NO_MANAGER))


def which_key(command: _Decorated) -> _Decorated:
    """Give a command the argument ID_OR_NAME, as `id_or_name`."""
    return click.argument("id_or_name", metavar="ID_OR_NAME", callback=refuse_secret)(command)


def refuse_secret(ctx: click.Context, argument: click.Parameter, value: str | None) -> str | None:
    """Refuse an argument that is a key, without repeating it."""
    if value is not None and holds_secret(value):
        raise click.BadParameter(NOT_IN_ARGV, ctx, argument)
    return value
