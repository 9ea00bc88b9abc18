"""Guarantees of gateway/cli/serve.py: what was said reaches the gateway, and what cannot start says why."""

import asyncio
import errno
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.cli import serve
from gateway.cli.admin_key import ADMIN
from gateway.cli.missing import NO_MANAGER
from gateway.config.load import Loaded
from gateway.core.keys import ApiKey
from gateway.keeper.ports import StoreUnavailable
from gateway.service.gateway import Addresses
from tests.unit.cli.command_line import CommandLine
from tests.unit.cli.config_files import BAD, GOOD

ADDRESSES = Addresses(("127.0.0.1", 1), ("127.0.0.1", 2), None)


class Run:
    """Stands in for `run_gateway`, and keeps what it was given."""

    def __init__(self) -> None:
        self.loaded: Loaded
        self.reload: Callable[[], Loaded]
        self.announce: Callable[..., Any]
        self.on_empty: Callable[..., Any]
        self.result: int | Exception = 0

    def __call__(self, loaded: Loaded, clock: object, **rest: Any) -> int:
        self.loaded, self.reload, self.announce = loaded, rest["reload"], rest["announce"]
        self.on_empty = rest["on_empty"]
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    stand_in = Run()
    monkeypatch.setattr(serve, "run_gateway", stand_in)
    return stand_in


def test_flags_are_in_force_over_the_file(line: CommandLine, run: Run) -> None:
    Path("config.yaml").write_text(GOOD)
    flags = ["--upstream", "http://127.0.0.1:5", "--proxy", "127.0.0.1:1", "--admin", "127.0.0.1:2"]
    assert line("serve", *flags, "--store", "sqlite:///a.db").exit_code == 0
    settings = run.loaded.settings
    assert str(settings.server.proxy) == "127.0.0.1:1"
    assert str(settings.server.admin) == "127.0.0.1:2"
    assert settings.store.url == "sqlite:///a.db"
    assert settings.upstreams["local-ai"].url == "http://127.0.0.1:5"


def test_an_upstream_alone_is_enough(line: CommandLine, run: Run) -> None:
    assert line("serve", "--upstream", "http://127.0.0.1:5").exit_code == 0
    assert [route.path for route in run.loaded.settings.routes] == ["/**"]


def test_a_reload_reads_the_file_again_with_the_same_flags(line: CommandLine, run: Run) -> None:
    Path("config.yaml").write_text(GOOD)
    line("serve", "--proxy", "127.0.0.1:1")
    Path("config.yaml").write_text(GOOD.replace("List models", "Another word"))
    again = run.reload().settings
    assert again.scopes["models:read"] == "Another word"
    assert str(again.server.proxy) == "127.0.0.1:1"


@pytest.mark.parametrize("code", [0, 130])
def test_the_gateways_exit_code_is_the_commands(line: CommandLine, run: Run, code: int) -> None:
    run.result = code
    assert line("serve", "--upstream", "http://127.0.0.1:5").exit_code == code


def test_a_broken_configuration_starts_nothing_and_names_every_problem(line: CommandLine, run: Run) -> None:
    Path("config.yaml").write_text(BAD)
    result = line("serve")
    assert result.exit_code == 2
    assert result.stderr.count("Error: config.yaml:") > 2
    assert not hasattr(run, "loaded")


def test_without_anything_it_says_what_is_missing(line: CommandLine, run: Run) -> None:
    result = line("serve")
    assert result.exit_code == 2
    assert "--upstream URL" in result.stderr


def test_warnings_are_shown_on_a_terminal_before_it_starts(
    line: CommandLine, run: Run, terminal: None
) -> None:
    Path("config.yaml").write_text(GOOD.replace('11434"}', '11434"}\n  spare: {url: "http://spare"}'))
    result = line("serve")
    assert result.exit_code == 0
    assert result.stderr.startswith("Warning: config.yaml:8:")


def test_before_a_port_that_is_known_a_terminal_is_told_of_the_preset(
    line: CommandLine, run: Run, terminal: None
) -> None:
    at = ("serve", "--upstream", "http://127.0.0.1:11434")
    assert "--preset ollama" in line(*at).stderr
    assert "--preset" not in line(*at, "--preset", "ollama").stderr


def test_a_preset_that_is_none_is_told_with_the_one_that_was_meant(line: CommandLine, run: Run) -> None:
    result = line("serve", "--upstream", "http://127.0.0.1:11434", "--preset", "olama")
    assert result.exit_code == 2
    assert "did you mean 'ollama'?" in result.stderr


def test_the_demo_takes_no_preset(line: CommandLine) -> None:
    result = line("serve", "--demo", "--preset", "ollama")
    assert result.exit_code == 2
    assert "leave it out, or --upstream and --preset" in result.stderr


def test_an_address_that_is_not_to_be_had_is_a_sentence_with_the_mend(line: CommandLine, run: Run) -> None:
    said = "error while attempting to bind on address ('127.0.0.1', 7): address already in use"
    run.result = OSError(errno.EADDRINUSE, said)
    result = line("serve", "--upstream", "http://127.0.0.1:5", "--proxy", "127.0.0.1:7")
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: 127.0.0.1:7 (server.proxy): address already in use. "
        "Choose another with --proxy HOST:PORT, or stop what listens there.\n"
    )


def test_other_trouble_of_the_system_is_not_blamed_on_the_address(line: CommandLine, run: Run) -> None:
    run.result = OSError(errno.EMFILE, "too many open files")
    assert line("serve", "--upstream", "http://127.0.0.1:5").stderr == "Error: Too many open files.\n"


def test_a_store_that_fails_is_a_sentence(line: CommandLine, run: Run) -> None:
    run.result = StoreUnavailable("keyhatch.db is locked for writing by another program")
    result = line("serve", "--upstream", "http://127.0.0.1:5")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: keyhatch.db is locked for writing by another program.\n"


def test_demo_and_upstream_exclude_each_other(line: CommandLine, run: Run) -> None:
    assert line("serve", "--demo", "--upstream", "http://127.0.0.1:5").exit_code == 2


class House:
    """As much of a gateway as is announced."""

    def __init__(self, line: CommandLine) -> None:
        self._found = asyncio.run(line.desk.list_keys("all"))
        self.keys_counted = len(self._found)

    async def keys(self) -> list[ApiKey]:
        return self._found


@pytest.fixture
def started(
    line: CommandLine, run: Run, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[str, list[str]]]:
    """Start with these arguments; what stderr and the log were told then."""

    def start(*arguments: str) -> tuple[str, list[str]]:
        assert line("serve", *arguments).exit_code == 0
        caplog.clear()
        with caplog.at_level("INFO"):
            asyncio.run(run.announce(House(line), ADDRESSES))
        return capsys.readouterr().err, [record.getMessage() for record in caplog.records]

    return start


ELSEWHERE = ("--upstream", "http://127.0.0.1:5", "--store", "sqlite:///other.db")


def test_the_log_says_which_configuration_and_store_are_in_use(
    line: CommandLine, started: Callable[..., tuple[str, list[str]]]
) -> None:
    Path("config.yaml").write_text(GOOD)
    here = Path.cwd()
    assert (
        started("--store", "sqlite:///other.db")[1][0]
        == f"configuration {here}/config.yaml, store {here}/other.db"
    )


def test_off_a_terminal_all_that_is_said_is_logged(
    line: CommandLine, started: Callable[..., tuple[str, list[str]]]
) -> None:
    Path("config.yaml").write_text(GOOD.replace('11434"}', '11434"}\n  spare: {url: "http://spare"}'))
    said, logged = started()
    assert said == ""
    assert logged[1].startswith("config.yaml:8:")
    assert logged[2] == NO_MANAGER
    assert logged[3].startswith("there is no key for callers yet, so every caller is refused; make one: ")
    assert logged[3].endswith(f"--config {Path.cwd()}/config.yaml")
    line.make("one")
    assert started()[1][2:] == [NO_MANAGER]
    line.make("admin", "--scope", "keyhatch:admin")
    assert started()[1][2:] == []


def test_a_large_store_is_not_read_to_see_who_is_missing(
    line: CommandLine, started: Callable[..., tuple[str, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    line.make("one")
    monkeypatch.setattr(serve, "KEYS_FEW", 0)
    assert len(started(*ELSEWHERE)[1]) == 1


def test_records_that_cannot_be_read_are_no_reason_not_to_serve(
    line: CommandLine, started: Callable[..., tuple[str, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    line.make("one")
    tried = []

    async def broken(*_: object) -> None:
        tried.append(True)
        raise StoreUnavailable("damaged")

    def house(_: CommandLine) -> SimpleNamespace:
        return SimpleNamespace(keys_counted=1, keys=broken)

    monkeypatch.setitem(globals(), "House", house)
    assert len(started(*ELSEWHERE)[1]) == 1
    assert tried


def test_an_admin_key_is_none_for_callers(
    line: CommandLine, started: Callable[..., tuple[str, list[str]]]
) -> None:
    asyncio.run(line.desk.create(ADMIN))
    (told,) = started(*ELSEWHERE)[1][1:]
    assert told.startswith("there is no key for callers yet")


def test_on_a_terminal_who_has_no_key_yet_is_told_what_to_paste(
    line: CommandLine, started: Callable[..., tuple[str, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "is_terminal", lambda _stream: True)
    said, logged = started(*ELSEWHERE)
    assert f"keys create -q 'My first key' --store sqlite:///{Path.cwd()}/other.db)" in said
    assert "curl -i http://127.0.0.1:1/.keyhatch/me" in said
    assert logged[1:] == [NO_MANAGER]
    asyncio.run(line.desk.create(ADMIN))
    assert "no key for callers yet" in started(*ELSEWHERE)[0]
    line.make("one")
    assert started(*ELSEWHERE)[0] == ""


@pytest.mark.parametrize("by_file", [False, True])
def test_a_store_in_memory_is_refused_because_nobody_could_make_a_key_in_it(
    line: CommandLine, run: Run, by_file: bool
) -> None:
    Path("config.yaml").write_text(GOOD + ('store: {url: "memory:"}\n' if by_file else ""))
    flag = [] if by_file else ["--store", "memory:"]
    for command in ("serve", "check"):
        result = line(command, *flag)
        assert result.exit_code == 2
        place = "config.yaml:23:14: store.url: " if by_file else "--store: "
        assert f"{place}is in memory, where no command can make a key" in result.output
        assert "sqlite:///keyhatch.db" in result.output
    assert not hasattr(run, "loaded")


@pytest.mark.parametrize("is_terminal", [True, False])
def test_an_empty_store_gets_its_admin_key_shown_on_a_terminal_or_in_a_file(
    line: CommandLine,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    is_terminal: bool,
) -> None:
    monkeypatch.setattr(serve, "is_terminal", lambda _stream: is_terminal)
    assert line("serve", *ELSEWHERE, "--admin", "127.0.0.1:7").exit_code == 0
    asyncio.run(run.on_empty(line.desk))
    assert line.record("admin").scopes == {"keyhatch:admin"}
    assert ("http://127.0.0.1:7/api/v1" in capsys.readouterr().err) is is_terminal
    assert Path("admin.key").exists() is not is_terminal
