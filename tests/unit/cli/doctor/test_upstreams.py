"""Guarantees of gateway/cli/doctor/upstreams.py: whether somebody answers, without showing a credential."""

import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from gateway.cli.doctor import upstreams
from gateway.cli.doctor.finding import Finding, State
from tests.support.authority import Authority
from tests.support.real_upstreams import DemoUpstream, free_port
from tests.unit.cli.doctor.patients import patient


@contextmanager
def answering(answer: bytes | None) -> Iterator[tuple[int, list[bytes]]]:
    """A server that says this to whatever it is asked, once; None: nothing. Its port, and what it heard."""
    heard: list[bytes] = []
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                heard.append(connection.recv(4096))
                if answer is None:
                    over.wait(10)
                else:
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1], heard
        finally:
            over.set()
            thread.join()


def look(folder: Path, url: str) -> Finding:
    [found] = upstreams.look(patient(folder, upstreams={"main": {"url": url}}))
    return found


def test_a_server_that_answers_is_well(tmp_path: Path) -> None:
    with DemoUpstream() as demo:
        found = look(tmp_path, demo.url)
    assert (found.state, found.what) == (State.OK, "upstream main")


def test_it_is_asked_without_any_credential(tmp_path: Path) -> None:
    with answering(b"HTTP/1.1 401 No\r\n\r\n") as (port, heard):
        assert look(tmp_path, f"http://127.0.0.1:{port}").state is State.OK
    assert heard[0].startswith(b"HEAD / HTTP/1.1\r\n")
    assert b"authorization" not in heard[0].lower()


def test_a_closed_port_fails(tmp_path: Path) -> None:
    found = look(tmp_path, f"http://127.0.0.1:{free_port()}")
    assert (found.state, "cannot be reached" in found.found, found.mend) == (
        State.FAIL,
        True,
        "start it, or mend its url",
    )


def test_a_name_that_leads_nowhere_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_given: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "create_connection", unknown)
    assert "the name nowhere.invalid leads nowhere" in look(tmp_path, "http://nowhere.invalid").found


def test_one_that_takes_no_connection_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_given: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", late)
    assert "does not take a connection" in look(tmp_path, "https://10.0.0.1").found


def test_one_that_stays_silent_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstreams, "TIMEOUT_S", 0.1)
    with answering(None) as (port, _):
        assert look(tmp_path, f"http://127.0.0.1:{port}").state is State.WARN


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_one_that_speaks_something_else_fails(tmp_path: Path, scheme: str) -> None:
    with answering(b"SSH-2.0-OpenSSH_9\r\n") as (port, _):
        found = look(tmp_path, f"{scheme}://localhost:{port}".replace("localhost", "127.0.0.1"))
    assert found.state is State.FAIL
    assert ("no HTTP/1.1" if scheme == "http" else "no TLS") in found.found


def test_each_of_several_targets_is_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    with answering(b"HTTP/1.1 200 OK\r\n\r\n") as (port, heard):
        targets = {"a": f"http://127.0.0.1:{port}", "b": f"unix://{path}"}
        found = list(upstreams.look(patient(tmp_path, upstreams={"main": {"targets": targets}})))
    assert [(each.state, each.what) for each in found] == [
        (State.OK, "upstream main target a"),
        (State.FAIL, "upstream main target b"),
    ]
    assert found[1].found == f"{path} cannot be reached (No such file or directory)"
    assert len(heard) == 1


def test_a_server_behind_a_unix_socket_is_asked_as_localhost(tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    heard: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.fspath(path))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                heard.append(connection.recv(4096))
                connection.sendall(b"HTTP/1.1 404 No\r\n\r\n")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        assert look(tmp_path, f"unix://{path}").state is State.OK
        thread.join()
    assert b"\r\nHost: localhost\r\n" in heard[0]


def test_an_upstreams_own_authority_is_believed(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.sign("127.0.0.1")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.cert_file, pair.key_file)
    tls = {"ca_file": str(authority.ca_file)}
    seen: list[Finding] = []
    for written in (tls, {}):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]

            def serve(listener: socket.socket = listener) -> None:
                with suppress(OSError):
                    connection, _ = listener.accept()
                    with context.wrap_socket(connection, server_side=True) as secured:
                        secured.recv(4096)
                        secured.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            main = {"url": f"https://127.0.0.1:{port}", "tls": written}
            seen += upstreams.look(patient(tmp_path, upstreams={"main": main}))
            thread.join()
    assert [each.state for each in seen] == [State.OK, State.FAIL]
    assert "tls.ca_file can name the authority" in seen[1].found


def test_files_that_cannot_be_used_are_told_of(tmp_path: Path) -> None:
    main = {"url": "https://127.0.0.1:1", "tls": {"ca_file": "/nowhere"}}
    [found] = upstreams.look(patient(tmp_path, upstreams={"main": main}))
    assert (found.state, found.found) == (State.FAIL, "tls.ca_file cannot be read: No such file or directory")


def test_where_there_is_none_nothing_is_found(tmp_path: Path) -> None:
    assert list(upstreams.look(patient(tmp_path))) == []
