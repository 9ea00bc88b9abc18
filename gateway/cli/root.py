"""The command `keyhatch`: which commands there are, and how an invocation ends.

Commands are imported when they are called, so that completing a word does not load a web server.
"""

import importlib
import sys
from collections.abc import Sequence
from typing import Any, Final, NoReturn

import click

import gateway
from gateway.cli.everywhere import Group
from gateway.cli.failures import EXPECTED, ExitCode, tell

PROG_NAME: Final = "keyhatch"
COMMANDS: Final = {
    "serve": "gateway.cli.serve",
    "reload": "gateway.cli.reload",
    "check": "gateway.cli.check",
    "config": "gateway.cli.config",
    "keys": "gateway.cli.keys",
    "credentials": "gateway.cli.credentials",
    "sign": "gateway.cli.sign",
    "admin": "gateway.cli.admin",
    "audit": "gateway.cli.audit",
    "scan": "gateway.cli.scan",
    "explain": "gateway.cli.explain",
    "presets": "gateway.cli.presets",
    "tls": "gateway.cli.tls",
    "upstreams": "gateway.cli.upstreams",
    "backup": "gateway.cli.backup",
    "restore": "gateway.cli.restore",
    "health": "gateway.cli.health",
    "doctor": "gateway.cli.doctor",
    "version": "gateway.cli.about",
    "completion": "gateway.cli.about",
}
"""Each command's module, in the order in which help shows them."""


class Root(Group):
    """The outermost group. Unlike click's own it never ends on a traceback for expected trouble."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click names it
        """The names of all commands."""
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002  # click names it
        cmd_name: str,
    ) -> click.Command | None:
        """The command of this name, imported now."""
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        command: click.Command = getattr(importlib.import_module(module), cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is meant, or a usage error with the nearest one."""
        name = args[0]
        if name not in COMMANDS and not ctx.resilient_parsing:
            from difflib import get_close_matches  # noqa: PLC0415 - only whoever mistyped needs it

            close = get_close_matches(name, COMMANDS, n=1)
            ctx.fail(f"no such command '{name}'" + (f", did you mean '{close[0]}'?" if close else ""))
        return super().resolve_command(ctx, args)

    def main(  # type: ignore[override]  # click's overloads promise more than a command line needs
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> NoReturn:
        """Run one command line and leave with its exit code."""
        extra["standalone_mode"] = False
        try:
            result = super().main(args, prog_name or PROG_NAME, **extra)
            if sys.stdout is not None:
                sys.stdout.flush()  # a reader that went away shows here at the latest
        except EXPECTED as trouble:
            sys.exit(tell(trouble))
        sys.exit(result if isinstance(result, int) else ExitCode.DONE)


@click.group(PROG_NAME, cls=Root, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(gateway.__version__, prog_name=PROG_NAME)
def root() -> None:
    """Keyhatch: an API-key gateway in front of a server that has no keys of its own.

    \b
    First steps:
      keyhatch serve --demo            try it with a built-in demo server
      keyhatch serve --upstream URL    put it in front of a server of yours
      keyhatch presets list            the servers it knows: add --preset NAME
      keyhatch keys create "My app"    make a key
    """  # noqa: D301 - click wants the backspace itself
