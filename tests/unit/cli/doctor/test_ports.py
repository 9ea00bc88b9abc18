"""Guarantees of gateway/cli/doctor/ports.py: free, ours, or somebody else's, and ready or not."""

import json
import socket
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from gateway.admin.control_path import socket_path
from gateway.cli.doctor import ports
from gateway.cli.doctor.finding import Finding, State
from tests.support.real_upstreams import ServerUpstream, free_port, http_server
from tests.support.tls_caller import write_pair
from tests.unit.cli.doctor.patients import holding, patient, states


def look(folder: Path, proxy: int, admin: int) -> list[Finding]:
    """What is found where a gateway holds the store."""
    with holding(folder / "keys.db"):
        found = look_alone(folder, proxy, admin)
    socket_path(folder / "keys.db").unlink()
    return found


def look_alone(folder: Path, proxy: int, admin: int) -> list[Finding]:
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


def test_who_wants_a_certificate_of_whoever_asks_is_not_asked(tmp_path: Path) -> None:
    cert, key = write_pair(tmp_path)
    tls = {"cert_file": str(cert), "key_file": str(key), "client_ca_file": str(cert)}
    with saying(b"[]") as proxy, holding(tmp_path / "keys.db"):
        server = {"proxy": f"127.0.0.1:{at(proxy)}", "admin": f"127.0.0.1:{free_port()}", "tls": tls}
        found = list(ports.look(patient(tmp_path, server=server)))
    assert states(found) == [State.OK, State.OK]
    assert "it wants a certificate of whoever asks" in found[0].found


def test_a_port_that_should_speak_https_and_does_not_is_somebody_elses(tmp_path: Path) -> None:
    cert, key = write_pair(tmp_path)
    tls = {"cert_file": str(cert), "key_file": str(key)}
    with saying(json.dumps({"status": "ok"}).encode()) as proxy, holding(tmp_path / "keys.db"):
        server = {"proxy": f"127.0.0.1:{at(proxy)}", "admin": f"127.0.0.1:{free_port()}", "tls": tls}
        found = list(ports.look(patient(tmp_path, server=server)))
    assert states(found) == [State.FAIL, State.OK]


def test_free_ports_say_that_the_gateway_that_runs_listens_elsewhere(tmp_path: Path) -> None:
    proxy, admin = free_port(), free_port()
    assert all("elsewhere" in each.found for each in look(tmp_path, proxy, admin))
    assert [each.found for each in look_alone(tmp_path, proxy, admin)] == ["free", "free"]


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


def test_a_gateway_that_holds_another_store_is_in_the_way(tmp_path: Path) -> None:
    with saying(b'{"status": "ok"}') as proxy, saying(json.dumps(READY).encode()) as admin:
        found = look_alone(tmp_path, at(proxy), at(admin))
    assert states(found) == [State.FAIL, State.FAIL]
    assert all("another store" in each.found and "choose another address" in each.mend for each in found)


@pytest.mark.parametrize(
    ("lag", "expected"),
    [("29.5", [State.OK]), ("31.0", [State.OK, State.WARN]), ("1e+03", [State.OK, State.WARN])],
)
def test_uses_that_wait_long_to_be_written_deserve_a_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lag: str, expected: list[State]
) -> None:
    page = f"# TYPE keyhatch_last_used_flush_lag_seconds gauge\nkeyhatch_last_used_flush_lag_seconds {lag}\n"
    pages = {"/metrics": (200, page.encode()), "/readyz": (200, json.dumps(READY).encode())}
    monkeypatch.setattr(ports, "_ask", lambda url: pages["/" + url.rpartition("/")[2]])
    with socket.create_server(("127.0.0.1", 0)) as admin:
        found = look(tmp_path, free_port(), admin.getsockname()[1])
    assert states(found)[1:] == expected
