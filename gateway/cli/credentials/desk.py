"""From a command to the desk of credentials and back: find it, ask one thing, leave it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import click

from gateway.cli.keys.desk import NoStore
from gateway.cli.loading import IN_MEMORY, load
from gateway.cli.surroundings import Surroundings
from gateway.keeper.credentials import CredentialDesk
from gateway.store.faults import StoreMissing

_Answer = TypeVar("_Answer")


def ask(
    surroundings: Surroundings,
    question: Callable[[CredentialDesk], Awaitable[_Answer]],
    *,
    can_create: bool = False,
) -> _Answer:
    """Ask the desk one thing; where there is no store that is exit code 3, unless one may be begun."""

    async def asked() -> _Answer:
        async with _desk_of(surroundings, can_create=can_create) as desk:
            return await question(desk)

    try:
        return asyncio.run(asked())
    except StoreMissing as missing:
        raise NoStore(str(missing)) from missing


@asynccontextmanager
async def _desk_of(surroundings: Surroundings, *, can_create: bool) -> AsyncIterator[CredentialDesk]:
    loaded = load(surroundings)
    if loaded.store_path is None:
        raise click.UsageError(IN_MEMORY)
    from gateway.service.desk import open_credentials  # noqa: PLC0415 - it asks over HTTP

    async with open_credentials(
        loaded, loaded.store_path, clock=surroundings.clock, can_create=can_create
    ) as desk:
        yield desk
