"""Guarantees of gateway/cli/health.py: 0 if this gateway answers, else 1 and why, and never anything else."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.cli import health
from gateway.config.problems import ConfigError
from tests.support.real_upstreams import free_port
from tests.support.tls_caller import write_pair
from tests.unit.cli.command_line import CommandLine
from tests.unit.cli.config_files import BAD

WELL = b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"status": "ok"}'


@contextmanager
def answering(answer: bytes | None) -> Iterator[tuple[int, list[bytes]]]:
    """Somebody at a port who says this to one caller (None: nothing at all), and what that caller asked."""
    asked: list[bytes] = []
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            caller, _ = listener.accept()
            with caller:
                asked.append(caller.recv(4_096))
                if answer is None:
                    over.wait(20)
                else:
                    caller.sendall(answer)

        server = threading.Thread(target=serve)
        server.start()
        yield listener.getsockname()[1], asked
        over.set()
        server.join()


def test_a_gateway_that_answers_is_well(line: CommandLine) -> None:
    with answering(WELL) as (port, asked):
        line.environ["KEYHATCH_SERVER__ADMIN"] = f"0.0.0.0:{port}"
        result = line("health")
    assert (result.exit_code, result.stdout) == (0, f"ok: http://127.0.0.1:{port}/healthz\n")
    assert asked[0].startswith(f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n".encode())


def test_an_edit_that_is_broken_elsewhere_does_no_harm(line: CommandLine) -> None:
    Path("config.yaml").write_text(BAD)
    with answering(WELL) as (port, _):
        assert line("health", "--admin", f"127.0.0.1:{port}").exit_code == 0


def test_programs_are_told_as_json(line: CommandLine) -> None:
    with answering(WELL) as (port, _):
        result = line("health", "-o", "json", "--admin", f"127.0.0.1:{port}")
    asked = f"http://127.0.0.1:{port}/healthz"
    assert json.loads(result.stdout) == {"status": "ok", "asked": asked, "detail": ""}


def test_nobody_there_is_told(line: CommandLine) -> None:
    result = line("health", "--admin", f"127.0.0.1:{free_port()}")
    assert result.exit_code == 1
    assert "/healthz: nobody listens there" in result.stdout


def test_whoever_hangs_is_not_waited_for(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "TIMEOUT_S", 0.05)
    with answering(None) as (port, _):
        result = line("health", "-o", "json", "--admin", f"127.0.0.1:{port}")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["detail"] == "no answer within 0.05 s"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n<h1>It works</h1>",
        b'HTTP/1.1 503 Service Unavailable\r\n\r\n{"status": "ok"}',
        b"x" * 100_000,
    ],
)
def test_another_program_is_no_gateway(line: CommandLine, answer: bytes) -> None:
    with answering(answer) as (port, _):
        result = line("health", "--admin", f"127.0.0.1:{port}")
    assert result.exit_code == 1
    assert result.stdout.startswith(f"failed: http://127.0.0.1:{port}/healthz: ")


def test_who_should_speak_tls_and_does_not_is_no_gateway(line: CommandLine, tmp_path: Path) -> None:
    cert, key = write_pair(tmp_path)
    tls = f"{{cert_file: {cert}, key_file: {key}, admin: on}}"
    with answering(WELL) as (port, _):
        Path("config.yaml").write_text(f"server: {{admin: 127.0.0.1:{port}, tls: {tls}}}\n")
        result = line("health")
    assert result.exit_code == 1
    assert result.stdout.startswith(f"failed: https://127.0.0.1:{port}/healthz: ")


def test_a_port_that_is_picked_at_the_start_has_to_be_said(line: CommandLine) -> None:
    result = line("health", "--admin", "127.0.0.1:0")
    assert result.exit_code == 1
    assert "say --admin HOST:PORT" in result.stdout


def test_a_configuration_that_does_not_tell_where_is_told_and_no_exit_code_of_its_own(
    line: CommandLine,
) -> None:
    Path("config.yaml").write_text("server: {admin: 8081, tls: {admin: on}}\n")
    result = line("health")
    assert result.exit_code == 1
    assert result.stdout.startswith("failed: config.yaml:1:17: server.admin: must be HOST:PORT")
    assert line("health", "--config", "nowhere.yaml").exit_code == 1
    line.environ["KEYHATCH_SERVER__ADMIN_FILE"] = "/nowhere"
    assert line("health").exit_code == 1


@pytest.mark.parametrize("trouble", [OSError(), ConfigError([])])
def test_a_trouble_without_words_is_a_trouble(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    def fail(*_given: object, **_named: object) -> None:
        raise trouble

    monkeypatch.setattr(health, "_connected", fail)
    result = line("health", "-o", "json", "--admin", "127.0.0.1:1")
    assert (result.exit_code, json.loads(result.stdout)["status"]) == (1, "failed")


def test_a_name_that_is_nobodys_is_told(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_given: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "create_connection", nobody)
    result = line("health", "--admin", "nowhere.invalid:1")
    assert (result.exit_code, result.stdout) == (
        1,
        "failed: http://nowhere.invalid:1/healthz: Name or service not known\n",
    )
