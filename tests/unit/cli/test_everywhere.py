"""Guarantees of gateway/cli/everywhere.py: --config and --store mean the same wherever they stand."""

import itertools

import click
import pytest

from gateway.cli.root import root
from gateway.cli.surroundings import Surroundings
from tests.unit.cli.command_line import CommandLine

WORDS = ("config", "show", "-o", "json")
PLACES = [place for place in range(len(WORDS) + 1) if place != 3]


def every_command(
    group: click.Group, path: tuple[str, ...] = ()
) -> list[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    found = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        found.append(((*path, name), command))
        if isinstance(command, click.Group):
            found += every_command(command, (*path, name))
    return found


@pytest.mark.parametrize(
    "command", [pytest.param(command, id=" ".join(path)) for path, command in every_command(root)]
)
def test_every_command_takes_both_options_and_says_so_in_its_help(command: click.Command) -> None:
    options = {name for parameter in command.params for name in parameter.opts}
    assert options >= {"--config", "--store"}
    assert command.help


@pytest.mark.parametrize(("config_at", "store_at"), [*itertools.product(PLACES, repeat=2)])
def test_the_options_are_taken_in_any_place_after_the_program(
    line: CommandLine, config_at: int, store_at: int
) -> None:
    surroundings = Surroundings(environ={})
    words = list(WORDS)
    for at, option in sorted(
        [(config_at, ["--config", "c.yaml"]), (store_at, ["--store", "memory:"])], reverse=True
    ):
        words[at:at] = option
    result = line(*words, surroundings=surroundings)
    assert (surroundings.config, surroundings.store) == ("c.yaml", "memory:")
    assert "there is no file 'c.yaml'" in result.stderr


def test_of_two_the_later_one_counts(line: CommandLine) -> None:
    surroundings = Surroundings(environ={})
    line("--store", "memory:", "keys", "--store=sqlite:///b.db", "list", surroundings=surroundings)
    assert surroundings.store == "sqlite:///b.db"


@pytest.mark.parametrize("option", ["--config", "--store"])
def test_an_empty_value_is_a_usage_error_not_a_default(line: CommandLine, option: str) -> None:
    result = line("keys", "list", option, "")
    assert result.exit_code == 2
    assert option in result.stderr
