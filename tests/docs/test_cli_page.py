"""Guarantees of docs/cli.md: every command with every option and argument, and not one that is not there."""

import re
from collections.abc import Iterator

import click
import pytest

from gateway.cli.everywhere import Command
from gateway.cli.failures import ExitCode
from gateway.cli.root import root
from tests.docs.documents import document

PAGE = document("docs/cli.md")
EVERYWHERE = {("--config", "FILE"), ("--store", "URL"), ("--help", "")}

_OPTION_ROW = re.compile(r"^\| ((?:`[^`]+`(?:, )?)+) \|", re.MULTILINE)
_EXIT_ROW = re.compile(r"^\| (\d+) \| (.+) \|$", re.MULTILINE)


def commands(command: click.Command = root, name: str = "keyhatch") -> Iterator[tuple[str, click.Command]]:
    """Every command and group below `keyhatch`, by its words."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for word in command.list_commands(context):
            child = command.get_command(context, word)
            assert child is not None
            yield f"{name} {word}", child
            yield from commands(child, f"{name} {word}")


COMMANDS = dict(commands())


def taken(command: click.Command) -> set[tuple[str, str]]:
    """The options of a command: the longest spelling, and what goes with it."""
    context = click.Context(command)
    return {
        (max(parameter.opts, key=len), _value(parameter, context))
        for parameter in command.get_params(context)
        if isinstance(parameter, click.Option)
    }


def _value(option: click.Option, context: click.Context) -> str:
    return "" if option.is_flag else option.make_metavar(context).strip("[]")


def described(section: str) -> set[tuple[str, str]]:
    """The options in a section's table, in the same form."""
    found = set()
    for row in _OPTION_ROW.findall(section):
        words = re.findall(r"`([^`]+)`", row)[-1].replace("\\|", "|").split(" ", 1)
        found.add((words[0], words[1] if len(words) > 1 else ""))
    return found


def section_of(name: str) -> str:
    """What the page says of a command."""
    return PAGE.section(f"{'###' if name.count(' ') > 1 else '##'} {name}")


def test_every_command_has_a_section_and_every_section_a_command() -> None:
    headings = [heading for heading in PAGE.headings() if heading.startswith("keyhatch ")]
    assert headings == sorted(headings, key=list(COMMANDS).index)
    assert set(headings) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_section_names_exactly_the_options_that_there_are(name: str) -> None:
    assert described(section_of(name)) == taken(COMMANDS[name]) - EVERYWHERE


@pytest.mark.parametrize("name", COMMANDS)
def test_a_short_option_stands_beside_its_long_one(name: str) -> None:
    section = section_of(name)
    for parameter in COMMANDS[name].params:
        if len(parameter.opts) > 1:
            assert f"`{min(parameter.opts, key=len)}`, `{max(parameter.opts, key=len)}" in section


@pytest.mark.parametrize("name", COMMANDS)
def test_a_section_names_every_argument(name: str) -> None:
    command = COMMANDS[name]
    context = click.Context(command)
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    written = [argument.make_metavar(context).strip("{}[]") for argument in arguments]
    assert [word for word in written if word and f"`{word}`" not in section_of(name)] == []


def test_what_every_command_takes_is_told_once() -> None:
    assert described(PAGE.text.partition("## ")[0]) == EVERYWHERE
    assert taken(Command("any")) == EVERYWHERE


def test_the_exit_codes_are_the_ones_there_are() -> None:
    told = {int(code) for code, _ in _EXIT_ROW.findall(PAGE.text)}
    assert told == {code.value for code in ExitCode}
