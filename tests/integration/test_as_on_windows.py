"""Guarantees where there is nothing of what only POSIX has (`as_on_windows`): it serves all the same.

It has not been run on a real Windows; what is held here is that no call that is missing there is needed.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.real_upstreams import DemoUpstream
from tests.support.running_gateway import Home, Ran, RunningGateway, run

WORDS = (sys.executable, "-m", "tests.support.as_on_windows")

pytestmark = pytest.mark.timeout(60)


class Poorer(Home):
    """A folder on such a system."""

    def keyhatch(self, *arguments: str, given: str = "", within_s: float = 20, **more: str) -> Ran:
        command = [*WORDS, *arguments]
        return run(command, self.environment(**more), given=given, within_s=within_s, folder=self.folder)

    def start(self, *arguments: str, stderr: int | None = None) -> RunningGateway:
        log, out = self.folder / "serve.log", self.folder / "serve.out"
        with log.open("wb") as log_file, out.open("wb") as out_file:
            process = subprocess.Popen(
                [*WORDS, "serve", *arguments],
                cwd=self.folder,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=out_file,
                stderr=log_file if stderr is None else stderr,
            )
        return RunningGateway(process, log, out)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with DemoUpstream() as upstream:
        home = Poorer(tmp_path)
        home.configure(upstream.url)
        yield home


def test_it_serves_is_managed_over_its_api_and_stops_in_good_order(home: Home) -> None:
    gateway = home.serve()
    admin = (home.folder / "admin.key").read_text("utf-8").strip()
    named = {"Content-Type": "application/json"}
    made = gateway.ask_admin("/api/v1/keys", "POST", key=admin, headers=named, body=b'{"name": "caller"}')
    assert gateway.ask("/v1/models").status == 401
    assert gateway.ask("/v1/models", key=made.data["key"]).status == 200
    asked = home.keyhatch("keys", "list")
    assert asked.code == 1
    assert "use its console or its management API, or stop it first" in asked.err
    assert not list(home.folder.glob("*.sock"))
    assert gateway.stop(signal.SIGINT) == 130
    assert "Traceback" not in gateway.log
    used = {key["name"]: key["use_count"] for key in json.loads(home.keys("list", "-o", "json").out)}
    assert used == {"admin": 1, "caller": 1}, "the last uses were written before the end"


def test_what_is_done_with_a_store_at_rest_works(home: Home) -> None:
    commands = (
        ("keys", "create", "caller"),
        ("backup", "copy.db"),
        ("restore", "copy.db", "--yes"),
        ("tls", "self-signed"),
        ("scan", "config.yaml"),
        ("doctor",),
    )
    ran = home.keyhatch(*" THEN ".join(map(" ".join, commands)).split())
    assert ran.code == 0, ran.err
    assert "can be opened by" not in ran.out + ran.err
