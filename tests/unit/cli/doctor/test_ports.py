"""Guarantees of gateway/cli/doctor/ports.py: free, ours, or somebody else's, and ready or not."""

import json
import socket
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from gateway.cli.doctor import ports
from gateway.cli.doctor.finding import Finding, State
from tests.support.real_upstreams import ServerUpstream, free_port, http_server
from tests.unit.cli.doctor.patients import patient, states


def look(folder: Path, proxy: int, admin: int) -> list[Finding]:
    server = {"proxy": f"127.0.0.1:{proxy}", "admin": f"127.0.0.1:{admin}"}
    return list(ports.look(patient(folder, server=server)))


def saying(body: bytes, status: int = 200) -> ServerUpstream:
    """A server that answers this to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_given: object) -> None:
            pass

    return http_server(Handler)


def at(server: ServerUpstream) -> int:
    return int(server.url.rpartition(":")[2])


def test_free_ports_are_well_and_stay_free(tmp_path: Path) -> None:
    proxy, admin = free_port(), free_port()
    assert states(look(tmp_path, proxy, admin)) == [State.OK, State.OK]
    socket.create_server(("127.0.0.1", proxy)).close()


def test_another_program_on_a_port_fails(tmp_path: Path) -> None:
    with saying(b"[]") as admin:
        found = look(tmp_path, free_port(), at(admin))
    assert states(found) == [State.OK, State.FAIL]
    assert "held by another program; stop that, or choose another address for server.admin" in str(found[1])


READY = {"status": "ready", "checks": [{"name": "store", "state": "ok"}]}
WARNING = {"status": "ready", "checks": [{"name": "configuration", "state": "warning", "detail": "old"}]}
RED = {"status": "not_ready", "checks": [{"name": "store", "state": "failed"}]}


@pytest.mark.parametrize(
    ("told", "expected"),
    [(READY, [State.OK]), (WARNING, [State.OK, State.WARN]), (RED, [State.FAIL]), ({}, [State.FAIL])],
    ids=["ready", "warning", "red", "not ours"],
)
def test_our_own_gateway_is_asked_whether_it_is_ready(
    tmp_path: Path, told: dict[str, object], expected: list[State]
) -> None:
    status = 503 if told is RED else 200
    with saying(b'{"status": "ok"}') as proxy, saying(json.dumps(told).encode(), status) as admin:
        found = look(tmp_path, at(proxy), at(admin))
    assert states(found) == [State.OK, *expected]


def test_one_that_says_no_json_or_nothing_is_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "TIMEOUT_S", 0.1)
    with saying(b"<html>") as proxy, socket.create_server(("127.0.0.1", 0)) as admin:
        assert states(look(tmp_path, at(proxy), admin.getsockname()[1])) == [State.FAIL, State.FAIL]


def test_an_address_that_is_not_here_fails(tmp_path: Path) -> None:
    server = {"proxy": "192.0.2.1:8080", "admin": f"127.0.0.1:{free_port()}"}
    first, _ = ports.look(patient(tmp_path, server=server))
    assert "cannot be had" in first.found
