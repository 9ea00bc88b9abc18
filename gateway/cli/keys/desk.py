"""From a command to the desk and back: find it, ask one thing, leave it.

The desk is held only while something is asked. A person who thinks about a question holds nothing, so that a
server can start in the meantime.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import click

from gateway.cli.loading import desk_of
from gateway.cli.surroundings import Surroundings
from gateway.keeper.desk import KeyDesk, holds_secret

_Answer = TypeVar("_Answer")
_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])

NOT_IN_ARGV: Final = (
    "that is a key itself, and now it stands in your shell's history. Say a key's id or name instead; "
    "`keyhatch keys verify` tells them, and `keyhatch keys rotate` makes what leaked worthless"
)


def ask(surroundings: Surroundings, question: Callable[[KeyDesk], Awaitable[_Answer]]) -> _Answer:
    """Ask the desk one thing."""

    async def asked() -> _Answer:
        async with desk_of(surroundings) as desk:
            return await question(desk)

    return asyncio.run(asked())


def which_key(command: _Decorated) -> _Decorated:
    """Give a command the argument ID_OR_NAME, as `id_or_name`."""
    return click.argument("id_or_name", metavar="ID_OR_NAME", callback=refuse_secret)(command)


def refuse_secret(ctx: click.Context, argument: click.Parameter, value: str | None) -> str | None:
    """Refuse an argument that is a key, without repeating it."""
    if value is not None and holds_secret(value):
        raise click.BadParameter(NOT_IN_ARGV, ctx, argument)
    return value
