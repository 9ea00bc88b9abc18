"""HTTPS with the real command, on both planes, called by the clients that people use."""

import asyncio
import json
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import aiohttp
import httpx
import pytest
import requests
from websockets.sync.client import connect

from gateway.tls.self_signed import self_signed
from tests.support.lasting_upstream import LastingUpstream
from tests.support.management import first_key
from tests.support.plane_stand import PLANES
from tests.support.running_gateway import Home, RunningGateway, eventually
from tests.support.tls_caller import NOW_S, trusting, write_pair

TLS = {"cert_file": "keyhatch.crt", "key_file": "keyhatch.key"}


def server(plane: str, **tls: str) -> dict[str, object]:
    """The section of a gateway with HTTPS on free ports."""
    return {"proxy": "127.0.0.1:0", "admin": "127.0.0.1:0", "plane": plane, "tls": {**TLS, **tls}}


class Secure:
    """A gateway that runs, its key and what to trust."""

    def __init__(self, home: Home, gateway: RunningGateway, upstream: LastingUpstream) -> None:
        self.home, self.gateway, self.upstream = home, gateway, upstream
        self.key = home.make_key("Caller")
        self.url = f"https://localhost:{gateway.port}"
        self.certificate = str(home.folder / "keyhatch.crt")
        self.shown = {"Authorization": f"Bearer {self.key}"}


@pytest.fixture(scope="module", params=sorted(PLANES))
def secure(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    home = Home(tmp_path_factory.mktemp("tls"))
    made = home.keyhatch("tls", "self-signed", "-o", "json")
    assert made.code == 0, made.err
    with LastingUpstream() as upstream:
        home.configure(upstream.url, server=server(request.param))
        with home.serve() as gateway:
            yield Secure(home, gateway, upstream)


def test_curl_is_let_in_once_it_was_given_the_certificate(secure: Secure) -> None:
    asked = ["curl", "-sS", "-H", f"Authorization: Bearer {secure.key}", f"{secure.url}/v1/models"]
    trusting_it = subprocess.run(
        [*asked, "--cacert", secure.certificate], capture_output=True, text=True, check=True
    )
    assert json.loads(trusting_it.stdout)["object"] == "list"
    stranger = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert stranger.returncode == 60
    eventually(
        lambda: secure.gateway.metric("keyhatch_tls_handshakes_failed_total", cause="distrusted") >= 1,
        "it is counted",
    )


def test_openssl_finds_the_pair_whole_and_http_1_1_agreed(secure: Secure) -> None:
    at = f"localhost:{secure.gateway.port}"
    told = subprocess.run(
        ["openssl", "s_client", "-connect", at, "-CAfile", secure.certificate, "-alpn", "h2,http/1.1"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Verify return code: 0 (ok)" in told.stdout
    assert "ALPN protocol: http/1.1" in told.stdout
    assert "TLSv1.3" in told.stdout


def test_httpx_streams_and_uploads(secure: Secure) -> None:
    context = ssl.create_default_context(cafile=secure.certificate)
    with httpx.Client(verify=context, headers=secure.shown) as client:
        assert client.get(f"{secure.url}/v1/models").status_code == 200
        with client.stream("GET", f"{secure.url}/ticks") as stream:
            lines = stream.iter_lines()
            assert [next(lines) for _ in range(3)] == ["data: tick", "", "data: tick"]
        eventually(lambda: secure.upstream.open_now["/ticks"] == 0, "the upstream's work stops")
        refused = client.post(
            f"{secure.url}/v1/models", headers={"Authorization": ""}, content=b"x" * 3_000_000
        )
        assert refused.status_code == 401


def test_requests_keeps_its_connection(secure: Secure) -> None:
    with requests.Session() as session:
        for _ in range(3):
            answer = session.get(
                f"{secure.url}/v1/models", headers=secure.shown, verify=secure.certificate, timeout=10
            )
            assert answer.json()["object"] == "list"


def test_aiohttp_calls_many_at_once(secure: Secure) -> None:
    context = ssl.create_default_context(cafile=secure.certificate)

    async def scenario() -> list[int]:
        async with aiohttp.ClientSession(headers=secure.shown) as session:

            async def call() -> int:
                async with session.get(f"{secure.url}/v1/models", ssl=context) as answer:
                    await answer.read()
                    return answer.status

            return await asyncio.gather(*(call() for _ in range(40)))

    assert asyncio.run(scenario()) == [200] * 40


def test_websockets_talks_and_leaves_in_order(secure: Secure) -> None:
    context = ssl.create_default_context(cafile=secure.certificate)
    at = f"wss://localhost:{secure.gateway.port}/ws"
    with connect(at, additional_headers=secure.shown, ssl=context, max_size=None) as talk:
        for message in ("grüß dich", b"\x00" * 3_000_000):
            talk.send(message)
            assert talk.recv(timeout=10) == message
    eventually(lambda: secure.upstream.open_now["/ws"] == 0, "the upstream is left")
    assert secure.upstream.close_codes[-1] == 1000


def test_plain_http_is_told_to_say_https_and_costs_no_traceback(secure: Secure) -> None:
    answer = requests.get(f"http://127.0.0.1:{secure.gateway.port}/x", headers=secure.shown, timeout=10)
    assert answer.status_code == 400
    assert "https://" in answer.text
    with closing(socket.create_connection(("127.0.0.1", secure.gateway.port))) as stranger:
        stranger.sendall(b"\x16\x03\x01\x00\x05hello")
        while stranger.recv(100):
            pass
    assert secure.gateway.lines(level="error") == []
    assert secure.key not in secure.gateway.log


def test_the_doctor_finds_the_gateway_behind_https(secure: Secure) -> None:
    ports = {"proxy": f"127.0.0.1:{secure.gateway.port}", "admin": f"127.0.0.1:{secure.gateway.admin_port}"}
    variables = {f"KEYHATCH_SERVER__{name.upper()}": at for name, at in ports.items()}
    ran = secure.home.keyhatch("doctor", "-o", "json", within_s=20, **variables)
    found = {each["what"]: each["found"] for each in ran.data}
    assert found[f"port {ports['proxy']} (server.proxy)"] == "a gateway serves here"
    assert any(what.startswith("certificate ") for what in found)


def test_a_renewed_certificate_is_served_without_a_connection_dropped(home: Home) -> None:
    write_pair(home.folder, name="keyhatch")
    with LastingUpstream() as upstream:
        home.configure(upstream.url, server=server("lean", admin="on"))
        with home.serve() as gateway:
            key = home.make_key("Caller")
            at = f"https://localhost:{gateway.port}/ticks"
            admin = f"https://localhost:{gateway.admin_port}/healthz"
            with (
                httpx.Client(verify=trusting()) as client,
                client.stream("GET", at, headers={"X-API-Key": key}) as stream,
            ):
                lines = stream.iter_lines()
                assert next(lines) == "data: tick"
                renewed = self_signed(["localhost"], NOW_S, 36_500)
                write_pair(home.folder, renewed, "keyhatch")
                gateway.wait_for_log("certificate replaced")
                assert httpx.get(admin, verify=trusting(renewed)).status_code == 200
                assert [next(lines) for _ in range(4)][1] == "data: tick"


def test_problems_of_the_pair_are_told_by_check_and_at_the_start(home: Home, tmp_path: Path) -> None:
    home.configure("http://127.0.0.1:9", server=server("lean"))
    checked = home.keyhatch("check", "-o", "json")
    assert checked.code == 2
    (problem,) = checked.data["problems"]
    assert (problem["path"], problem["message"]) == (
        "server.tls.cert_file",
        f"there is no file '{Path('keyhatch.crt')}'",
    )
    assert problem["line"] > 1
    started = home.keyhatch("serve")
    assert started.code == 2
    assert "server.tls.cert_file: there is no file" in started.err
    assert home.keyhatch("keys", "list").code in (0, 3)  # who only uses the store needs no certificate
    assert not (tmp_path / "admin.key").exists()


def test_first_key_is_for_an_https_console(home: Home) -> None:
    write_pair(home.folder, name="keyhatch")
    home.configure("http://127.0.0.1:9", server=server("lean", admin="on"))
    with home.serve() as gateway:
        at = f"https://localhost:{gateway.admin_port}"
        assert home.keyhatch("health", "--admin", f"0.0.0.0:{gateway.admin_port}").code == 0
        key = first_key(home.folder)
        answer = httpx.post(f"{at}/api/v1/reload", verify=trusting(), headers={"X-API-Key": key})
        assert answer.json() == {"changed": [], "takes_restart": [], "warnings": []}


def test_a_gateway_that_wants_a_certificate_of_whoever_asks_is_healthy(home: Home) -> None:
    write_pair(home.folder, name="keyhatch")
    asks = {"admin": "on", "client_ca_file": "keyhatch.crt"}
    home.configure("http://127.0.0.1:9", server=server("lean", **asks))
    with home.serve() as gateway:
        told = home.keyhatch("health", "--admin", f"127.0.0.1:{gateway.admin_port}")
        assert (told.code, told.out) == (0, f"ok: https://127.0.0.1:{gateway.admin_port}/healthz\n")
    assert home.keyhatch("health", "--admin", f"127.0.0.1:{gateway.admin_port}").code == 1
