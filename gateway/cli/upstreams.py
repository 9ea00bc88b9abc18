"""`keyhatch upstreams`: how targets stand in the running gateway, and taking one out by name."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

import click

from gateway.cli.everywhere import Command, InOrder
from gateway.cli.loading import IN_MEMORY, load
from gateway.cli.moments import ago
from gateway.cli.output import Form, data_json, data_rows, data_table, on_terminal, output_option, say
from gateway.cli.surroundings import Surroundings, pass_surroundings
from gateway.wire.key_json import rfc3339
from gateway.wire.targets import State

if TYPE_CHECKING:
    from gateway.keeper.draining import TargetDesk, TargetSeen

_HEAD: Final = ("UPSTREAM", "TARGET", "STATE", "BUSY", "SINCE", "LAST ERROR")
_COLOURS: Final = {State.UP: "green", State.DRAINED: "yellow"}


@click.group(cls=InOrder, short_help="See how upstreams stand; drain a target by name.")
def upstreams() -> None:
    """See how the targets of upstreams stand in the running gateway, and take one out by name."""


@upstreams.command("list", cls=Command)
@output_option
@pass_surroundings
def list_targets(surroundings: Surroundings, form: Form) -> None:
    """List all targets: how each stands and since when, how busy it is, and what went wrong there last."""
    _show(surroundings, _ask(surroundings, lambda desk: desk.list_targets()), form)


@upstreams.command(cls=Command)
@click.argument("which", metavar="WHICH")
@output_option
@pass_surroundings
def drain(surroundings: Surroundings, which: str, form: Form) -> None:
    """Give WHICH, an UPSTREAM/TARGET or all of an UPSTREAM, nothing new; what is under way goes on.

    It stays so until it is resumed or the gateway restarts.
    """
    name, target = _parts(which)
    found = _ask(surroundings, lambda desk: desk.drain(name, target))
    if form == "json":
        _show(surroundings, found, form)
        return
    for each in found:
        busy = f"{each.busy} under way" if each.busy else "nothing under way"
        say(f"Drained {each.upstream}/{each.target}: {busy}.")


@upstreams.command(cls=Command)
@click.argument("which", metavar="WHICH")
@output_option
@pass_surroundings
def resume(surroundings: Surroundings, which: str, form: Form) -> None:
    """Take WHICH back, an UPSTREAM/TARGET or all of an UPSTREAM."""
    name, target = _parts(which)
    found = _ask(surroundings, lambda desk: desk.resume(name, target))
    if form == "json":
        _show(surroundings, found, form)
        return
    for each in found:
        say(f"Resumed {each.upstream}/{each.target}: it is {each.state.value}.")


def _parts(which: str) -> tuple[str, str | None]:
    upstream, divided, target = which.partition("/")
    if not upstream or (divided and not target):
        raise click.UsageError("say UPSTREAM or UPSTREAM/TARGET, like local-ai/big")
    return upstream, target if divided else None


def _ask(
    surroundings: Surroundings, question: "Callable[[TargetDesk], Awaitable[list[TargetSeen]]]"
) -> "list[TargetSeen]":
    """Ask the running gateway; nobody else knows how targets stand."""
    store = load(surroundings).store_path
    if store is None:
        raise click.UsageError(IN_MEMORY)
    from gateway.admin.control_client import DeskUnreachable, RemoteKeyring  # noqa: PLC0415 - a web client
    from gateway.admin.target_client import RemoteTargets  # noqa: PLC0415 - as above

    async def asked() -> "list[TargetSeen]":
        return await question(RemoteTargets(RemoteKeyring(store)))

    try:
        return asyncio.run(asked())
    except DeskUnreachable as nobody:
        raise click.ClickException(f"{nobody}: only a running gateway knows how its targets stand") from None


def _show(surroundings: Surroundings, found: "list[TargetSeen]", form: Form) -> None:
    if form == "json":
        from gateway.keeper.draining import target_json  # noqa: PLC0415

        data_json([target_json(each) for each in found])
    elif on_terminal():
        now = surroundings.clock.now()
        rows = [(*_facts(each), ago(each.since, now), each.last_error or "") for each in found]
        data_table(_HEAD, rows, paints={"STATE": _paint}, whole={"UPSTREAM", "TARGET", "STATE"})
    else:
        data_rows([(*_facts(each), rfc3339(each.since) or "", each.last_error or "") for each in found])


def _facts(seen: "TargetSeen") -> tuple[str, str, str, str]:
    return seen.upstream, seen.target, seen.state.value, str(seen.busy)


def _paint(cell: str) -> str:
    state = cell.strip()
    colour = next((_COLOURS[each] for each in _COLOURS if each.value == state), "red")
    return click.style(cell, fg=colour)
