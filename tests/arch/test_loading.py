"""A gateway loads what it uses: the lean plane starts without the web server that others are asked for by.

Each case is a process of its own, which builds a gateway, starts and stops it, and tells what it had loaded.
"""

import json
import subprocess
import sys
from pathlib import Path

from tests.arch.sources import ROOT

START = """
import asyncio, io, json, sys
from pathlib import Path
import gateway.cli.serve
from gateway.config.load import load
from gateway.logs import configure
from gateway.service.clock import SystemClock
from gateway.service.gateway import Gateway

async def main():
    flags = {"upstream": "http://127.0.0.1:9", "server.proxy": "127.0.0.1:0", "server.admin": "127.0.0.1:0"}
    given = {"server": {"plane": sys.argv[1]}}
    store = {"store.url": f"sqlite:///{Path(sys.argv[2]) / 'keys.db'}"}
    gateway = Gateway(load(None, {}, flags | store, given=given), SystemClock(), logs)
    await gateway.start()
    loaded = sorted({name.partition(".")[0] for name in sys.modules})
    await gateway.stop()
    return loaded

logs = configure("info", "json", io.StringIO())
print(json.dumps(asyncio.run(main())))
"""

LATE = {"aiohttp", "attr", "multidict", "prometheus_client", "rich", "structlog", "yarl"}


def loaded(plane: str, folder: Path) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", START, plane, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_the_lean_plane_starts_without_what_only_others_need(tmp_path: Path) -> None:
    assert loaded("lean", tmp_path) & LATE == set()


def test_the_aiohttp_plane_starts_with_aiohttp(tmp_path: Path) -> None:
    assert loaded("aiohttp", tmp_path) & {"aiohttp", "prometheus_client"} == {"aiohttp"}
