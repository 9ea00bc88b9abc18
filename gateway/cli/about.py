"""`keyhatch version` and `keyhatch completion`: about the command itself."""

import platform
from typing import Final

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

import gateway
from gateway.cli.everywhere import Command
from gateway.cli.output import Form, data, data_json, output_option

SHELLS: Final[dict[str, type[ShellComplete]]] = {
    "bash": BashComplete,
    "zsh": ZshComplete,
    "fish": FishComplete,
}
INSTALL: Final = """Print the script that completes commands with the Tab key.

\b
bash:  keyhatch completion bash > ~/.local/share/bash-completion/completions/keyhatch
zsh:   keyhatch completion zsh > "${fpath[1]}/_keyhatch"
fish:  keyhatch completion fish > ~/.config/fish/completions/keyhatch.fish
"""


@click.command(cls=Command)
@output_option
def version(form: Form) -> None:
    """Print the version."""
    if form == "json":
        data_json({"version": gateway.__version__, "python": platform.python_version()})
    else:
        data(f"keyhatch {gateway.__version__}")


@click.command(cls=Command, help=INSTALL)
@click.argument("shell", type=click.Choice(list(SHELLS)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of one shell."""
    complete = SHELLS[shell](ctx.find_root().command, {}, "keyhatch", "_KEYHATCH_COMPLETE")
    # not source(): for bash it starts the bash on PATH, to warn of versions long out of use
    data(complete.source_template % complete.source_vars())
