"""Guarantees of gateway/cli/serve.py: what was said reaches the gateway, and what cannot start says why."""

import asyncio
import errno
from collections.abc import Callable
from pathlib import Path
from socket import gaierror
from typing import Any

import pytest

from gateway.cli import serve
from gateway.config.load import Loaded
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
        self.result: int | Exception = 0

    def __call__(self, loaded: Loaded, clock: object, **rest: Any) -> int:
        self.loaded, self.reload, self.announce = loaded, rest["reload"], rest["announce"]
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
    assert line("serve", *flags, "--store", "memory:").exit_code == 0
    settings = run.loaded.settings
    assert str(settings.server.proxy) == "127.0.0.1:1"
    assert str(settings.server.admin) == "127.0.0.1:2"
    assert settings.store.url == "memory:"
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


def test_warnings_are_shown_before_it_starts(line: CommandLine, run: Run) -> None:
    Path("config.yaml").write_text(GOOD.replace('11434"}', '11434", preset: ollama}'))
    result = line("serve")
    assert result.exit_code == 0
    assert result.stderr.startswith("Warning: config.yaml:7:")


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        pytest.param(OSError(errno.EACCES, "permission denied"), "Permission denied", id="privileged-port"),
        pytest.param(
            gaierror(-2, "Name or service not known"), "Name or service not known", id="no-such-host"
        ),
        pytest.param(
            OSError(
                98, "error while attempting to bind on address ('::1', 80, 0, 0): [errno 98] address in use"
            ),
            "[::1]:80: address in use",
            id="taken",
        ),
    ],
)
def test_an_address_that_is_not_to_be_had_is_a_sentence_with_the_mend(
    line: CommandLine, run: Run, trouble: OSError, said: str
) -> None:
    run.result = trouble
    result = line("serve", "--upstream", "http://127.0.0.1:5")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {said}. Choose another address with --proxy or --admin")


def test_other_trouble_of_the_system_is_not_blamed_on_the_address(line: CommandLine, run: Run) -> None:
    run.result = OSError(errno.EMFILE, "too many open files")
    assert line("serve", "--upstream", "http://127.0.0.1:5").stderr == "Error: Too many open files.\n"


async def test_the_systems_own_words_for_a_taken_address_are_understood(line: CommandLine, run: Run) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(OSError, match="in use") as taken:
            await asyncio.start_server(lambda *_: None, "127.0.0.1", port)
    run.result = taken.value
    assert f"127.0.0.1:{port}: address already in use" in line("serve", "--upstream", "http://u").stderr


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
        self.keyring = line.desk


def test_who_has_no_key_yet_is_told_how_to_make_one(
    line: CommandLine, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    line("serve", "--upstream", "http://127.0.0.1:5")
    asyncio.run(run.announce(House(line), ADDRESSES))
    assert "keyhatch keys create" in capsys.readouterr().err
    line.make("one")
    asyncio.run(run.announce(House(line), ADDRESSES))
    assert capsys.readouterr() == ("", "")
