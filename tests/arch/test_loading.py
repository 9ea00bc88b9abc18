"""A gateway loads what it uses: the lean plane starts without the web server that others are asked for by.

Each case is a process of its own, which builds a gateway, starts it, asks the admin listener for some pages,
stops it, and tells what it had loaded.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.arch.sources import ROOT

START = """
import asyncio, io, json, sys
from pathlib import Path
from gateway.cli.plugins import keep_plugins_out
keep_plugins_out()
import gateway.cli.serve
from gateway.config.load import load
from gateway.logs import configure
from gateway.service.clock import SystemClock
from gateway.service.gateway import Gateway
from gateway.service.run import _loop_factory

async def ask(at, target):
    reader, writer = await asyncio.open_connection(*at)
    writer.write(f"GET {target} HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n".encode())
    assert await reader.readline() == b"HTTP/1.1 200 OK\\r\\n", target
    writer.close()

async def main():
    flags = {"upstream": "http://127.0.0.1:9", "server.proxy": "127.0.0.1:0", "server.admin": "127.0.0.1:0"}
    given = {"server": {"plane": sys.argv[1]}}
    store = {"store.url": f"sqlite:///{Path(sys.argv[2]) / 'keys.db'}"}
    gateway = Gateway(load(None, {}, flags | store, given=given), SystemClock(), logs)
    addresses = await gateway.start()
    for target in sys.argv[3:]:
        await ask(addresses.admin, target)
    loaded = sorted(sys.modules)
    await gateway.stop()
    return loaded

logs = configure("info", "json", io.StringIO())
with asyncio.Runner(loop_factory=_loop_factory()) as runner:
    print(json.dumps(runner.run(main())))
"""

WEB = {"aiohttp", "attr", "multidict", "yarl"}
LIBRARIES = {"difflib", "email", "encodings.idna", "importlib.metadata", "prometheus_client", "shutil"}
PAGES = {"gateway.core.preflight", "gateway.wire.cors"}
PRESETS = {"gateway.config.presets", "gateway.wire.dialects"}
TLS = {"cryptography", "gateway.service.certificate", "gateway.tls", "gateway.tls.connection"}
RELOADS = {"gateway.config.changes", "gateway.config.reloaded", "gateway.service.file_watch"}
LENDING = {"gateway.keeper.credentials", "gateway.keeper.vault", "gateway.wire.injection"}
SPANS = {"gateway.traces", "opentelemetry", "google.protobuf", "requests"}
ALONE = {"gateway.keeper.keyring", "gateway.service.notify"}
LATE = {*WEB, *LIBRARIES, *PAGES, *PRESETS, *TLS, *LENDING, *RELOADS, *SPANS, *ALONE}


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The measuring of coverage loads half of all this itself."""
    for name in ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START"):
        monkeypatch.delenv(name, raising=False)


def loaded(plane: str, folder: Path, *asked: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", START, plane, str(folder), *asked],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_the_lean_plane_starts_without_what_only_others_need(tmp_path: Path) -> None:
    assert loaded("lean", tmp_path) & LATE == set()


def test_health_is_answered_without_loading_anything(tmp_path: Path) -> None:
    assert loaded("lean", tmp_path, "/healthz", "/readyz", "/healthz") & LATE == set()


def test_a_scrape_loads_the_library_of_prometheus_and_no_web_server(tmp_path: Path) -> None:
    modules = loaded("lean", tmp_path, "/metrics")
    assert "prometheus_client" in modules
    assert modules & WEB == set()


def test_the_aiohttp_plane_starts_with_aiohttp(tmp_path: Path) -> None:
    assert loaded("aiohttp", tmp_path) & {"aiohttp", "prometheus_client"} == {"aiohttp"}
