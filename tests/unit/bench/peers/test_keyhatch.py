"""The gateway is measured through its public command, and through nothing else."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bench.peers import keyhatch
from bench.peers.contract import Site
from bench.peers.keyhatch import CommandError, Keyhatch
from bench.tools import Absent

COMMAND = """\
import json, os, pathlib, sys
with pathlib.Path("said.jsonl").open("a") as said:
    said.write(json.dumps(sys.argv[1:]) + "\\n")
match sys.argv[1:]:
    case ["version"]:
        print("keyhatch 0.1.0", *[name for name in os.environ if name.startswith("KEYHATCH_")])
    case ["keys", "create", *_, name]:
        print(f"kh_of_{name}")
    case ["keys", "delete", *_]:
        pass
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose gateway notes how it was called."""
    package = tmp_path / "checkout" / "gateway"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(COMMAND)
    monkeypatch.setattr(keyhatch, "CHECKOUT", package.parent)
    return package.parent


def test_the_wrong_key_is_one_that_was_issued_revoked_and_deleted(checkout: Path, tmp_path: Path) -> None:
    peer = Keyhatch("lean")
    ready = peer.set_up(peer.find(fetch=False), Site(tmp_path, 40001, 40002))
    config = ["--config", str(tmp_path / "config.yaml")]
    calls = [json.loads(line) for line in (checkout / "said.jsonl").read_text().splitlines()]
    assert [(call[:2], call[-1]) for call in calls[1:]] == [
        (["keys", "create"], "bench"),
        (["keys", "create"], "deleted"),
        (["keys", "revoke"], "--yes"),
        (["keys", "delete"], "--yes"),
    ]
    assert (ready.key, ready.wrong_key) == ("kh_of_bench", "kh_of_deleted")
    assert ready.command[1:] == ["-m", "gateway", "serve", *config]
    assert "plane: lean" in (tmp_path / "config.yaml").read_text()


def test_the_environment_of_the_caller_does_not_configure_it(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEYHATCH_SERVER__PLANE", "other")
    tool = Keyhatch("lean").find(fetch=False)
    assert tool.version == "0.1.0"
    assert not [name for name in tool.env if name.startswith("KEYHATCH_")]


def test_a_gateway_that_does_not_run_is_absent_and_quoted(checkout: Path) -> None:
    (checkout / "gateway" / "__main__.py").write_text("raise SystemExit('no such plane')")
    with pytest.raises(Absent, match="version: no such plane"):
        Keyhatch("lean").find(fetch=False)


def test_a_command_that_fails_is_quoted_without_a_key(checkout: Path, tmp_path: Path) -> None:
    peer = Keyhatch("lean")
    tool = peer.find(fetch=False)
    (checkout / "gateway" / "__main__.py").write_text("raise SystemExit('no such scope')")
    with pytest.raises(CommandError, match=r"^keys create: no such scope$"):
        peer.set_up(tool, Site(tmp_path, 40001, 40002))


def test_two_planes_are_two_peers() -> None:
    assert Keyhatch("lean").name != Keyhatch("aiohttp").name
    assert Keyhatch("lean").title != Keyhatch("aiohttp").title


@pytest.mark.usefixtures("checkout")
def test_the_access_log_goes_where_the_output_goes(tmp_path: Path) -> None:
    peer = Keyhatch("lean")
    site = Site(tmp_path, 40001, 40002, logs_access=True)
    assert peer.set_up(peer.find(fetch=False), site).access_log == site.output
    assert "access: on" in (tmp_path / "config.yaml").read_text()


@pytest.mark.usefixtures("checkout")
def test_keys_to_be_shown_first_are_laid_in_before_it_starts(tmp_path: Path) -> None:
    schema = "CREATE TABLE keys (id, name, preview, digest, scopes, created_at, created_by, owner, note, "
    schema += "allow_from, use_count); CREATE TABLE secrets (digest, key_id)"
    with closing(sqlite3.connect(tmp_path / "bench.db")) as connection:
        connection.executescript(schema)
    peer = Keyhatch("lean")
    ready = peer.set_up(peer.find(fetch=False), Site(tmp_path, 40001, 40002, cold_keys=2))
    assert ready.keyring is not None
    assert len(ready.keyring.cold(2)) == 2


@pytest.mark.usefixtures("checkout")
def test_a_filled_store_is_not_measured_with_an_access_log(tmp_path: Path) -> None:
    peer = Keyhatch("lean", keys=5)
    with pytest.raises(Absent, match="access log"):
        peer.set_up(peer.find(fetch=False), Site(tmp_path, 40001, 40002, logs_access=True))
