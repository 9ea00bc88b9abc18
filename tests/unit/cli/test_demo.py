"""Guarantees of gateway/cli/demo.py: what it prints to paste works, with real clients."""

import asyncio
import dataclasses
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from openai import AsyncOpenAI, AuthenticationError

from gateway.cli import demo
from gateway.cli.demo import CREATED_BY, KEY_NAME, fresh_key, what_to_paste
from gateway.cli.first_steps import program
from gateway.config.load import Loaded, load
from gateway.core.keys import Secret
from gateway.demo import demo_settings
from gateway.keeper.desk import KeyDraft
from gateway.keeper.keyring import Keyring
from gateway.service.gateway import Addresses
from tests.unit.cli.command_line import NOW, CommandLine
from tests.unit.cli.config_files import GOOD

ROOT = Path(__file__).parents[3]
KEYHATCH = [sys.executable, "-m", "gateway"]
ANYWHERE = ["--proxy", "127.0.0.1:0", "--admin", "127.0.0.1:0"]

CONSOLE = "http://127.0.0.1:2"


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KEYHATCH_")}
    return {**kept, "PYTHONPATH": str(ROOT)}


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[tuple[str, str, str]]:
    """The real `serve --demo`, from its last printed line to SIGTERM: door, key, and all that was printed."""
    command = [*KEYHATCH, "serve", "--demo", *ANYWHERE]
    with (folder / "log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=log
        )
    assert process.stdout is not None
    text = ""
    async with asyncio.timeout(20):
        while "keys revoke" not in text:
            read = await process.stdout.readline()
            assert read, (folder / "log").read_text()
            text += read.decode()
    door = re.search(r"stands at (\S+),", text)
    key = re.search(r"export KEY=(\S+)", text)
    assert door is not None
    assert key is not None
    try:
        yield door[1], key[1], text
    finally:
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            assert await process.wait() == 0, (folder / "log").read_text()


async def shell(commands: str) -> str:
    """What bash makes of the commands."""
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", commands, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    out, _ = await process.communicate()
    return out.decode()


async def test_what_is_pasted_gives_a_401_a_200_a_stream_the_last_use_and_an_end(tmp_path: Path) -> None:
    async with served(tmp_path) as (door, key, text):
        pasted = text.partition("Paste into another terminal:")[2]
        requests, _, listing = pasted.partition("  # when it was last used")
        answers = await shell(requests)
        assert re.findall(r"HTTP/1\.1 (\d+)", answers) == ["401", "200"]
        assert "x-keyhatch-reason: credential_missing" in answers.lower()
        assert "demo-small" in answers
        assert answers.rstrip().endswith("data: [DONE]")
        assert KEY_NAME in await shell(f"# {listing}")
        async with AsyncOpenAI(base_url=door + "/v1", api_key=key, max_retries=0) as ai:
            with pytest.raises(AuthenticationError, match="was revoked"):
                await ai.models.list()


async def test_the_sdk_works_with_the_printed_key_and_each_start_brings_a_fresh_one(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, first, _):
        pass
    async with served(tmp_path) as (door, key, _):
        assert key != first
        async with AsyncOpenAI(base_url=door + "/v1", api_key=key, max_retries=0) as ai:
            assert [model.id async for model in ai.models.list()]
            stream = await ai.chat.completions.create(
                model="demo-small", messages=[{"role": "user", "content": "hi"}], stream=True
            )
            assert len([chunk async for chunk in stream]) > 3
        async with AsyncOpenAI(base_url=door + "/v1", api_key=first, max_retries=0) as ai:
            with pytest.raises(AuthenticationError, match="not issued by this gateway"):
                await ai.models.list()


@pytest.fixture
def demo_loaded() -> Loaded:
    return load(None, {}, {}, given=demo_settings("http://127.0.0.1:1"))


async def test_the_key_of_the_last_start_is_replaced_and_nobody_elses(
    line: CommandLine, demo_loaded: Loaded
) -> None:
    line.desk.rules = dataclasses.replace(line.desk.rules, catalogue=demo_loaded.settings.scopes)
    for _ in range(3):
        await fresh_key(line.desk, demo_loaded, NOW)
    await line.desk.create(KeyDraft(name=KEY_NAME, created_by="cli:anna"))
    await fresh_key(line.desk, demo_loaded, NOW)
    keys = await line.desk.list_keys("all")
    assert [(key.name, key.created_by) for key in keys].count((KEY_NAME, CREATED_BY)) == 1
    assert len(keys) == 2
    (made,) = [key for key in keys if key.created_by == CREATED_BY]
    assert made.scopes == set(demo_loaded.settings.scopes)
    assert made.expires_at == NOW + 86_400


def test_a_store_in_memory_gets_no_commands_that_could_not_reach_it() -> None:
    text = what_to_paste("http://127.0.0.1:1", Secret("kh_x"), None, CONSOLE)
    assert "export KEY=kh_x" in text
    assert "--store" not in text


def test_a_store_with_a_blank_in_its_path_can_be_pasted() -> None:
    text = what_to_paste("http://a", Secret("x"), Path("/my folder/k.db"), CONSOLE)
    assert "--store 'sqlite:////my folder/k.db'" in text
    assert f"in a browser, signed in with the admin key of this store: {CONSOLE}/" in text


@pytest.mark.parametrize(
    ("invoked_as", "called"),
    [
        ("/usr/bin/keyhatch", "keyhatch"),
        ("/my src/gateway/__main__.py", "PYTHONPATH='/my src' /venv/bin/python -m gateway"),
        ("/v/lib/python3.11/site-packages/gateway/__main__.py", "/venv/bin/python -m gateway"),
    ],
)
def test_the_commands_to_paste_call_this_program_as_it_was_called(invoked_as: str, called: str) -> None:
    assert program(invoked_as, "/venv/bin/python") == called


class Run:
    """Stands in for `run_gateway`, and keeps what it was given."""

    desk: Keyring | None = None

    def __call__(self, loaded: Loaded, clock: object, **rest: Any) -> int:
        self.loaded, self.announce = loaded, rest["announce"]
        if self.desk is not None:
            asyncio.run(rest["on_empty"](self.desk))
        self.again = rest["reload"]()
        asyncio.run(
            self.announce(
                SimpleNamespace(keyring=self.desk), Addresses(("127.0.0.1", 1), ("127.0.0.1", 2), None)
            )
        )
        return 0


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    stand_in = Run()
    monkeypatch.setattr(demo, "run_gateway", stand_in)
    return stand_in


@pytest.mark.parametrize("by_variable", [False, True], ids=["by-flag", "by-variable"])
def test_a_file_that_was_named_keeps_its_routes_and_store_and_no_key_is_made(
    line: CommandLine, run: Run, by_variable: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    Path("mine.yaml").write_text(GOOD)
    if by_variable:
        line.environ["KEYHATCH_CONFIG"] = "mine.yaml"
    result = line("serve", "--demo", *([] if by_variable else ["--config", "mine.yaml"]))
    assert (result.exit_code, result.output) == (0, "")
    assert "routes and store are those of mine.yaml" in caplog.text
    settings = run.loaded.settings
    assert [route.id for route in settings.routes][:2] == ["models", "chat"]
    assert str(settings.upstreams["local-ai"].url).startswith("http://127.0.0.1:")
    assert settings.upstreams["local-ai"].url != "http://127.0.0.1:11434"
    assert run.again.settings == settings


def test_a_named_file_that_keeps_keys_in_memory_is_refused(line: CommandLine, run: Run) -> None:
    Path("mine.yaml").write_text(GOOD + 'store: {url: "memory:"}\n')
    result = line("serve", "--demo", "--config", "mine.yaml")
    assert result.exit_code == 2
    assert "no command can make a key" in result.stderr


def test_a_demo_whose_address_is_taken_says_which(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(*_: object, **__: object) -> int:
        raise OSError(98, "error while attempting to bind on address ('127.0.0.1', 8081): in use")

    monkeypatch.setattr(demo, "run_gateway", taken)
    assert "127.0.0.1:8081 (server.admin): in use" in line("serve", "--demo").stderr


def test_a_file_that_merely_lies_here_is_left_alone_and_that_is_said(
    line: CommandLine, run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    async def no_key(*_: object) -> Secret:
        return Secret("kh_made")

    monkeypatch.setattr(demo, "fresh_key", no_key)
    Path("config.yaml").write_text(GOOD)
    result = line("serve", "--demo")
    assert "config.yaml is not used" in caplog.text
    assert result.stderr == ""
    assert run.loaded.settings.store.url == "sqlite:///keyhatch-demo.db"


@pytest.fixture
def people(line: CommandLine, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody sits before the terminal of a demo whose store is new."""

    async def no_key(*_: object) -> Secret:
        return Secret("kh_made")

    monkeypatch.setattr(demo, "fresh_key", no_key)
    monkeypatch.setattr(demo, "is_terminal", lambda _stream: True)
    run.desk = line.desk


def test_the_admin_key_of_a_new_store_comes_after_what_to_try(line: CommandLine, people: None) -> None:
    told = line("serve", "--demo").output
    assert told.count('export ADMIN="Authorization: Bearer kh_') == 1
    assert told.index("export KEY=kh_made") < told.index("export ADMIN=")


def test_where_a_file_was_named_it_is_shown_too(line: CommandLine, people: None) -> None:
    Path("mine.yaml").write_text(GOOD)
    assert "export ADMIN=" in line("serve", "--demo", "--config", "mine.yaml").stderr


def test_a_demo_that_fails_after_the_admin_key_was_made_shows_it_all_the_same(
    line: CommandLine, run: Run, people: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken(*_: object, **rest: Any) -> int:
        asyncio.run(rest["on_empty"](line.desk))
        raise OSError(98, "error while attempting to bind on address ('127.0.0.1', 8081): in use")

    monkeypatch.setattr(demo, "run_gateway", taken)
    result = line("serve", "--demo")
    assert result.exit_code == 1
    assert "export ADMIN=" in result.stderr
