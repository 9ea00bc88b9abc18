"""Guarantees of every page: the codes, commands, options, variables and metrics that it names exist."""

import re
import shlex
from collections.abc import Iterator

import click
import pytest

from gateway.admin.api.problems import Code
from gateway.cli.root import root
from gateway.config.model import Settings
from gateway.config.overlay import lay_environment
from gateway.config.problems import Origin
from gateway.config.shape import keys_of, section_at
from gateway.config.tree import from_plain
from gateway.core.refusal import Reason
from gateway.logs.access import FIELDS
from gateway.metrics.families import FAMILIES
from tests.docs.documents import PATHS, document

REASONS = {reason.value for reason in Reason}
# Other words that look like a reason code: why a response was cut, fields of a log line, codes of the API.
LOOK_ALIKES = {"credential_in", "key_file", "key_ended", "upstream_cut", "upstream_idle", *FIELDS, *Code}
# Words of OpenTelemetry that look like an option.
OF_SPANS = {"server.address", "server.port"}
METRICS = {family.name.removesuffix("_total") for family in FAMILIES}

_CODE = re.compile(rf"(?:{'|'.join(sorted({word.split('_')[0] for word in REASONS}))})(?:_[a-z]+)+")
_OPTION = re.compile(rf"((?:{'|'.join(keys_of(Settings))})(?:\.[\w*-]+)+)(?::.*)?")
_FILE = re.compile(r".*\.(?:md|py|db|yaml|sock|lock)")
_VARIABLE = re.compile(r"KEYHATCH_[A-Z0-9_]+")
_METRIC = re.compile(r"\bkeyhatch_[a-z_]+\b")
_CONTAINER = re.compile(r"(--name|\bexec|-t) keyhatch\b")  # is called like the command
_SUFFIX = re.compile(r"_(?:total|bucket|sum|count)$")


@pytest.mark.parametrize("path", PATHS)
def test_every_reason_code_exists(path: str) -> None:
    named = {span for span in document(path).code_spans() if _CODE.fullmatch(span)}
    assert named - REASONS - LOOK_ALIKES == set()


@pytest.mark.parametrize("path", PATHS)
def test_every_configuration_option_exists(path: str) -> None:
    spans = (match[1] for span in document(path).code_spans() if (match := _OPTION.fullmatch(span)))
    options = set(spans) - OF_SPANS
    assert [option for option in options if not _FILE.fullmatch(option) and not is_option(option)] == []


def is_option(dotted: str) -> bool:
    """Whether this is an option's place: `server.proxy`, `upstreams.local-ai.timeouts`, `routes.*.id`."""
    *parents, key = dotted.split(".")
    section = section_at(tuple(parents))
    return section_at((*parents, key)) is not None or (section is not None and key in keys_of(section))


@pytest.mark.parametrize("path", PATHS)
def test_every_variable_exists(path: str) -> None:
    named = _VARIABLE.findall(" ".join(document(path).code()))
    tree = from_plain({"upstreams": {"local-ai": {}}}, Origin(""))
    told = (
        str(each) for name in named if not name.endswith("_") for each in lay_environment(tree, {name: "/x"})
    )
    assert [problem for problem in told if "there is no file '/x'" not in problem] == []


@pytest.mark.parametrize("path", PATHS)
def test_every_metric_exists(path: str) -> None:
    named = {_SUFFIX.sub("", name) for name in _METRIC.findall(document(path).text)}
    assert named - METRICS == set()


def test_nothing_is_left_to_be_filled_in() -> None:
    left = re.compile(r"@[A-Z]+@|\b(?:TODO|TBD)\b")
    assert [(path, word) for path in PATHS for word in left.findall(document(path).text)] == []


@pytest.mark.parametrize("path", PATHS)
def test_every_command_exists_and_takes_the_options_it_is_shown_with(path: str) -> None:
    assert [problem for line in command_lines(path) if (problem := wrong_with(line))] == []


def command_lines(path: str) -> Iterator[list[str]]:
    """The words after `keyhatch` in every command of a page."""
    for code in (_CONTAINER.sub(r"\1 it", code) for code in document(path).code()):
        for match in re.finditer(r"(?:^|[|(;&]\s*|\s)keyhatch (?P<words>[^|)]+)", code):
            yield shlex.split(match["words"].replace("…", " "))


def wrong_with(words: list[str]) -> str | None:
    """What does not exist in a command line; None if all of it does."""
    command: click.Command = root
    context = click.Context(root)
    for word in words:
        if isinstance(command, click.Group) and not word.startswith("-"):
            found = command.get_command(context, word)
            if found is None:
                return f"{word} in {' '.join(words)}"
            command = found
        elif word.startswith("-") and word.strip("-") and word not in _options(command):
            return f"{word} in {' '.join(words)}"
    return None


def _options(command: click.Command) -> set[str]:
    context = click.Context(command)
    return {
        option
        for parameter in command.get_params(context)
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
