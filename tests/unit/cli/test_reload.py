"""Guarantees of gateway/cli/reload.py: what came of a reload is told, and the exit code says it too."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.admin import control_client
from gateway.admin.control_client import DeskUnreachable
from gateway.admin.reload_words import TellPlace, TellReload
from gateway.config.problems import Problem
from tests.unit.cli.command_line import CommandLine
from tests.unit.cli.config_files import BAD, GOOD

PROBLEMS = tuple(
    TellPlace.of(Problem("config.yaml", line, 5, "server.prxy", "unknown key")) for line in (3, 4)
)
Answering = Callable[[TellReload | Exception], list[Path]]


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Answering:
    """Let the gateway answer this; the stores whose gateway was asked."""

    def answer(told: TellReload | Exception) -> list[Path]:
        asked: list[Path] = []

        class Remote:
            def __init__(self, store: Path) -> None:
                asked.append(store)

            async def reload(self) -> TellReload:
                if isinstance(told, Exception):
                    raise told
                return told

        monkeypatch.setattr(control_client, "RemoteKeyring", Remote)
        return asked

    return answer


def test_what_changed_and_what_waits_is_told(line: CommandLine, answering: Answering) -> None:
    Path("config.yaml").write_text(GOOD)
    answering(TellReload(done=True, changed=("limits.head", "routes"), takes_restart=("server.proxy",)))
    result = line("reload")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "Reloaded. Changed: limits.head, routes. Takes a restart: server.proxy.\n"


def test_nothing_changed_is_told_too_with_what_deserves_a_look(
    line: CommandLine, answering: Answering
) -> None:
    answering(TellReload(done=True, warnings=PROBLEMS[:1]))
    result = line("reload")
    assert result.exit_code == 0
    assert result.stderr == "Warning: config.yaml:3:5: server.prxy: unknown key\nReloaded. Nothing changed.\n"


@pytest.mark.parametrize("count", [1, 2])
def test_every_problem_is_a_line_and_the_exit_code_is_2(
    line: CommandLine, answering: Answering, count: int
) -> None:
    answering(TellReload(done=False, problems=PROBLEMS[:count]))
    result = line("reload")
    assert result.exit_code == 2
    assert (
        result.stdout.splitlines()
        == [
            "config.yaml:3:5: server.prxy: unknown key",
            "config.yaml:4:5: server.prxy: unknown key",
        ][:count]
    )
    assert result.stderr.startswith(f"{count} problem{'s' if count > 1 else ''}: not reloaded")


def test_programs_are_told_as_json(line: CommandLine, answering: Answering) -> None:
    answering(TellReload(done=False, problems=PROBLEMS))
    result = line("reload", "-o", "json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["done"], told["problems"][1]["line"]) == (2, False, 4)


def test_trouble_is_a_sentence(line: CommandLine, answering: Answering) -> None:
    answering(TellReload(done=False, trouble="see the log"))
    result = line("reload")
    assert (result.exit_code, result.stderr) == (1, "Error: See the log.\n")


def test_a_gateway_is_found_although_the_configuration_is_broken(
    line: CommandLine, answering: Answering
) -> None:
    Path("config.yaml").write_text(BAD + "store: {url: 'sqlite:///here.db'}\n")
    asked = answering(TellReload(done=False, problems=PROBLEMS))
    assert line("reload").exit_code == 2
    assert asked == [Path("here.db")]


def test_where_nobody_runs_the_problems_of_the_file_are_told(line: CommandLine, answering: Answering) -> None:
    Path("config.yaml").write_text(BAD)
    answering(DeskUnreachable("no gateway listens"))
    result = line("reload")
    assert result.exit_code == 2
    assert "config.yaml:2:3: server.prxy: unknown key" in result.stderr


def test_where_nobody_runs_it_is_said(line: CommandLine, answering: Answering) -> None:
    Path("config.yaml").write_text(GOOD)
    answering(DeskUnreachable("no gateway listens on x"))
    result = line("reload")
    assert result.exit_code == 1
    assert "No gateway listens on x: nothing to reload" in result.stderr


def test_where_the_store_cannot_be_told_the_problems_are(line: CommandLine, answering: Answering) -> None:
    Path("config.yaml").write_text("store: {url: nonsense}\n")
    asked = answering(TellReload(done=True))
    result = line("reload")
    assert (result.exit_code, asked) == (2, [])
    assert "config.yaml:1:14: store.url" in result.stderr


def test_a_store_in_memory_is_nobodys_to_reload(line: CommandLine) -> None:
    result = line("reload", "--store", "memory:")
    assert result.exit_code == 2
    assert "in memory" in result.stderr
