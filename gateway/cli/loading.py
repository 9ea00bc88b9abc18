"""The configuration as a command sees it: found, read, and turned into the desk of its store.

What `--config` and `--store` said goes in here and nowhere else, so it means the same in every command.
"""

import shlex
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import click

from gateway.cli.surroundings import Surroundings
from gateway.config.fields import Address
from gateway.config.load import Loaded, find_config
from gateway.config.load import load as load_config
from gateway.config.problems import ConfigError
from gateway.config.rules import Finding
from gateway.config.validation import problems_of
from gateway.keeper.desk import KeyDesk

IN_MEMORY: Final = (
    "The store is in memory, so its keys live inside the running gateway and no other program sees them. "
    "Name the store's file with --store sqlite:///FILE, or configure store.url."
)
KEYS_OF_NOBODY: Final = (
    "is in memory, where no command can make a key, so every caller would be refused: name a file, like "
    "sqlite:///keyhatch.db"
)
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # where to call, not where to listen


def load(
    surroundings: Surroundings, flags: Mapping[str, str] | None = None, *, need_upstream: bool = False
) -> Loaded:
    """The configuration in force; raises `ConfigError` with everything that is wrong.

    `need_upstream`: it is to be served, so it must lead somewhere, and keep keys where commands reach them.
    """
    path = find_config(surroundings.config, surroundings.environ, Path())
    every = all_flags(surroundings, flags)
    loaded = load_config(path, surroundings.environ, every, need_upstream=need_upstream)
    if need_upstream:
        refuse_memory(loaded)
    return loaded


def refuse_memory(loaded: Loaded) -> None:
    """Refuse to serve keys from memory: none could be made there. Only the demo, which makes its own, may."""
    if loaded.store_path is None:
        finding = Finding(("store", "url"), KEYS_OF_NOBODY)
        raise ConfigError(problems_of([finding], loaded.tree), loaded.warnings)


def all_flags(surroundings: Surroundings, flags: Mapping[str, str] | None = None) -> dict[str, str]:
    """The flags of one command, and those that every command takes."""
    store = {} if surroundings.store is None else {"store.url": surroundings.store}
    return {**(flags or {}), **store}


def store_file(surroundings: Surroundings) -> Path:
    """The file of the configured store, whether or not it is there."""
    path = load(surroundings).store_path
    if path is None:
        raise click.UsageError(IN_MEMORY)
    return path


def trust_option(loaded: Loaded) -> str:
    """What curl has to be told to trust our certificate, which may be signed by nobody else; or nothing."""
    files = loaded.tls_files
    return "" if files is None else f" --cacert {shlex.quote(str(files.cert.absolute()))}"


@asynccontextmanager
async def desk_of(surroundings: Surroundings) -> AsyncIterator[KeyDesk]:
    """The desk of the configured store, for as long as it is needed."""
    if surroundings.desk is not None:
        yield surroundings.desk
        return
    loaded = load(surroundings)
    if loaded.store_path is None:
        raise click.UsageError(IN_MEMORY)
    from gateway.service.desk import open_desk  # noqa: PLC0415 - it asks over HTTP, which serving does not
    from gateway.service.signing import signing_of  # noqa: PLC0415

    keys = loaded.settings.keys
    async with open_desk(
        loaded.store_path,
        clock=surroundings.clock,
        prefix=keys.prefix,
        default_expiry_s=keys.default_expiry_s,
        max_active_per_owner=keys.max_active_per_owner,
        catalogue=loaded.settings.catalogue,
        entropy=surroundings.entropy,
        signing=lambda: signing_of(loaded),
        signed_url_max_s=keys.signed_url_max_s,
    ) as desk:
        yield desk


def door(address: Address, *, tls: bool = False) -> str:
    """The URL at which callers on this machine reach a listener."""
    return f"{'https' if tls else 'http'}://{callable_at(address)}"


def callable_at(address: Address) -> Address:
    """Where programs on this machine call a listener: every network is here too."""
    return Address(_EVERYWHERE.get(address.host, address.host), address.port)
