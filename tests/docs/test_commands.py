"""Guarantees of every page: its commands do what they are shown for, and its configurations load.

The commands of a page run from its top to its bottom in one shell (`page_shell`), in a folder of their own,
with the real command (`warm_command` only saves the time it takes to start).
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from gateway.config.load import load
from gateway.config.model import Settings
from gateway.config.shape import keys_of
from tests.docs.documents import PATHS, RUN, RUN_ELSEWHERE, Fence, document
from tests.docs.page_shell import END, SHELL, Place, differs, outputs, run
from tests.support.programs import program
from tests.support.real_upstreams import DemoUpstream
from tests.support.tls_caller import write_pair
from tests.support.warm_command import WarmCommand

_SECTIONS = set(keys_of(Settings))

pytestmark = pytest.mark.timeout(60)  # a command is half a second of work, and a page has twenty


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    """A server behind the gateway, as a page's reader would have one."""
    with DemoUpstream() as demo:
        yield demo.url


@pytest.fixture(scope="module")
def keyhatch() -> Iterator[str]:
    """The words that run the command."""
    with WarmCommand() as command:
        yield command.words


@pytest.mark.parametrize("path", RUN)
def test_every_command_works_and_shows_what_the_page_says(
    path: str, tmp_path: Path, upstream: str, keyhatch: str
) -> None:
    fences = document(path).fences()
    if any(fence.is_run and "\njq " in fence.text for fence in fences):
        program("jq")
    ran = Place(upstream).play(fences, tmp_path, keyhatch)
    assert ran.code == 0, ran.shown
    shown = outputs(ran.shown)
    for before, fence in pairwise(fences):
        if fence.note == "output":
            assert not differs(fence.text, shown[str(before)]), f"{fence}:\n{shown[str(before)]}"


@pytest.mark.parametrize(
    "wrong",
    ["keyhatch keys --bogus", "keyhatch serve --upstream nowhere", "status 200 http://127.0.0.1:9/", "false"],
)
def test_a_command_that_does_not_work_is_noticed(tmp_path: Path, keyhatch: str, wrong: str) -> None:
    assert run(f"{SHELL}{wrong}\ntrue\n{END}", tmp_path, {"KEYHATCH": keyhatch}).code != 0


@pytest.mark.parametrize(
    ("wanted", "is_other"),
    [
        ("one\ntwo\n", False),
        ("one\n…\n", False),
        ("o…e\ntw…\n", False),
        ("one\n", True),
        ("…\none\n", True),
        ("one\ntw\n", True),
    ],
)
def test_another_output_than_the_page_shows_is_noticed(wanted: str, is_other: bool) -> None:
    assert differs(wanted, "one\ntwo \n") is is_other


FENCES = [fence for path in PATHS for fence in document(path).fences()]


@pytest.mark.parametrize("fence", [fence for fence in FENCES if fence.kind == "yaml"], ids=str)
def test_every_configuration_loads_without_a_warning(fence: Fence, tmp_path: Path) -> None:
    written = yaml.safe_load(fence.text)
    if not set(written) <= _SECTIONS:
        return  # somebody else's, such as Prometheus'
    file = tmp_path / "config.yaml"
    file.write_text(fence.text)
    write_pair(tmp_path, name="keyhatch")
    (tmp_path / "vault.key").touch()
    assert load(file, {}, {}, need_upstream="routes" in written).warnings == ()


@pytest.mark.parametrize("fence", [fence for fence in FENCES if fence.note], ids=str)
def test_every_comment_before_a_fence_is_one_that_means_something(fence: Fence) -> None:
    assert fence.file or fence.note == "output" or fence.note.startswith("not run: ")


def test_commands_of_a_shell_are_called_sh() -> None:
    assert [fence for fence in FENCES if fence.kind in {"bash", "console", "shell", "zsh"}] == []


def test_whoever_pastes_a_block_is_told_that_a_gateway_keeps_its_terminal() -> None:
    served = [
        (str(fence), line)
        for fence in FENCES
        if fence.is_run
        for line, after in pairwise(fence.text.splitlines())
        if "keyhatch serve" in line and "keyhatch serve" not in after
    ]
    assert len(served) > 10
    assert [each for each in served if "second terminal" not in each[1]] == []


@pytest.mark.parametrize("fence", [fence for fence in FENCES if fence.kind == "sh"], ids=str)
def test_every_block_of_commands_is_run_or_says_why_not(fence: Fence) -> None:
    assert fence.document in (*RUN, *RUN_ELSEWHERE) or fence.note.startswith("not run: ")
