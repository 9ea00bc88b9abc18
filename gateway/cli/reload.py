"""`keyhatch reload`: have the running gateway read its configuration anew, and say what came of it."""

import asyncio
from pathlib import Path

import click

from gateway.cli.everywhere import Command
from gateway.cli.failures import ExitCode
from gateway.cli.loading import IN_MEMORY, all_flags, load
from gateway.cli.output import Form, data, data_json, output_option, say, warn
from gateway.cli.surroundings import Surroundings, pass_surroundings
from gateway.config.in_part import find_store
from gateway.config.load import find_config
from gateway.config.problems import ConfigError


@click.command("reload", cls=Command, short_help="Have the running gateway read its configuration anew.")
@output_option
@pass_surroundings
def reload(surroundings: Surroundings, form: Form) -> int:
    """Have the running gateway read its configuration anew: all of it, or on any problem none.

    Each problem is one line on stdout, file:line:column: path: message. Exit code 2 if there is any: the
    configuration before stays in force.
    """
    from gateway.admin.control_client import DeskUnreachable, RemoteKeyring  # noqa: PLC0415 - a web client

    store, broken = _store(surroundings)
    try:
        told = asyncio.run(RemoteKeyring(store).reload())
    except DeskUnreachable as nobody:
        if broken is not None:
            raise broken from None
        raise click.ClickException(
            f"{nobody}: nothing to reload, keyhatch serve reads it at the start"
        ) from None
    if told.trouble:
        raise click.ClickException(told.trouble)
    if form == "json":
        data_json(told.model_dump(mode="json", exclude={"trouble"}))
    else:
        for warning in told.warnings:
            warn(str(warning.problem()))
        for problem in told.problems:
            data(str(problem.problem()))
        say(_verdict(told.changed, told.takes_restart) if told.done else _refusal(len(told.problems)))
    return ExitCode.DONE if told.done else ExitCode.USAGE


def _store(surroundings: Surroundings) -> tuple[Path, ConfigError | None]:
    """Where the gateway is found, and what keeps the configuration from being read here, if anything does."""
    broken = None
    try:
        store = load(surroundings).store_path
    except ConfigError as error:
        path = find_config(surroundings.config, surroundings.environ, Path())
        store, broken = find_store(path, surroundings.environ, all_flags(surroundings)), error
        if store is None:
            raise
    if store is None:
        raise click.UsageError(IN_MEMORY)
    return store, broken


def _verdict(changed: tuple[str, ...], takes_restart: tuple[str, ...]) -> str:
    text = f"Reloaded. Changed: {', '.join(changed)}." if changed else "Reloaded. Nothing changed."
    return text + (f" Takes a restart: {', '.join(takes_restart)}." if takes_restart else "")


def _refusal(count: int) -> str:
    return (
        f"{count} problem{'s' if count > 1 else ''}: not reloaded, the configuration before stays in force."
    )
