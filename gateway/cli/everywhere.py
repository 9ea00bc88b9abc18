"""Commands and groups that take `--config` and `--store` in any place after `keyhatch`.

`keyhatch --config x keys list`, `keyhatch keys --config x list` and `keyhatch keys list --config x` mean the
same. Where an option is said twice, the later one counts, as with any other option.
"""

from typing import TYPE_CHECKING, Any

import click

from gateway.cli.surroundings import Surroundings

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class Command(click.Command):
    """A command with the options that every command takes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(_options())


class Group(click.Group):
    """A group with the options that every command takes; so are its commands and groups."""

    command_class = Command
    group_class = type

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(_options())


class InOrder(Group):
    """A group that lists its commands as they were added, not by the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click names it
        """The names of its commands."""
        return list(self.commands)


def _options() -> list[click.Parameter]:
    return [
        click.Option(
            ["--config"],
            metavar="FILE",
            shell_complete=_complete_file,
            expose_value=False,
            callback=_remember,
            help="The configuration. Default: KEYHATCH_CONFIG, else ./config.yaml.",
        ),
        click.Option(
            ["--store"],
            metavar="URL",
            expose_value=False,
            callback=_remember,
            help="Where keys are kept, instead of the configured store.url: sqlite:///keyhatch.db",
        ),
    ]


def _complete_file(_ctx: click.Context, _option: click.Parameter, start: str) -> "list[CompletionItem]":
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - only a shell that completes needs it

    return [CompletionItem(start, type="file")]


def _remember(ctx: click.Context, option: click.Parameter, value: str | None) -> None:
    if value is None:
        return
    if not value:
        raise click.BadParameter("it is empty: give a value, or leave the option out", ctx, option)
    name = option.name or ""
    setattr(ctx.find_root().ensure_object(Surroundings), name, value)
