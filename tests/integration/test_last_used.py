"""When a key was last used: shown at once, written behind, never lost by an orderly end, never backwards."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from typing import Any

import pytest

from tests.support.lasting_upstream import LastingUpstream
from tests.support.management import Management, first_key
from tests.support.running_gateway import Home, eventually


@pytest.fixture(scope="module")
def upstream() -> Iterator[LastingUpstream]:
    with LastingUpstream() as upstream:
        upstream.let_go()
        yield upstream


def in_file(
    home: Home, columns: str = "use_count, last_used_at, last_used_from", table: str = "keys"
) -> tuple[Any, ...]:
    """What the file says of its one key for callers."""
    mine = "(SELECT id FROM keys WHERE name <> 'admin')"
    which = f"id IN {mine}" if table == "keys" else f"key_id IN {mine}"
    with closing(sqlite3.connect(f"file:{home.store}?mode=ro", uri=True)) as connection:
        [row] = connection.execute(f"SELECT {columns} FROM {table} WHERE {which}")  # noqa: S608 - our own words
        return tuple(row)


def integrity(home: Home) -> str:
    with closing(sqlite3.connect(home.store)) as connection:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])


def test_a_use_is_shown_at_once_and_written_by_an_orderly_end(home: Home, upstream: LastingUpstream) -> None:
    home.configure(upstream.url, keys={"last_used_flush": "10m"})
    began = int(time.time())
    with home.serve() as gateway:
        key = home.make_key("Diary")
        for _ in range(7):
            assert gateway.ask("/held", key=key).status == 200
        [shown] = [each for each in home.keys("list", "-o", "json").data if each["name"] != "admin"]
        assert (shown["use_count"], shown["last_used_from"]) == (7, "127.0.0.1")
        assert began <= datetime.fromisoformat(shown["last_used_at"]).timestamp() <= time.time()
        assert gateway.ask("/.keyhatch/me", key=key).data["last_used_at"] is not None
        assert in_file(home)[0] == 0, "written behind, not yet"
        assert gateway.metric("keyhatch_last_used_pending") == 1
        assert gateway.metric("keyhatch_last_used_flush_lag_seconds") > 0
        admin = Management(gateway.admin_port, first_key(home.folder))
        [found] = admin.every(f"/keys?used_since={shown['last_used_at']}&q=Diary")
        assert (found["use_count"], in_file(home)[0]) == (8, 0)
    count, at, peer = in_file(home)
    assert (count, peer) == (8, "127.0.0.1")
    assert began <= at <= time.time()


def test_usage_is_shown_at_once_and_written_by_an_orderly_end(home: Home, upstream: LastingUpstream) -> None:
    routes = [
        {"id": "all", "path": "/**", "upstream": "main", "scopes": []},
        {"id": "vault", "path": "/vault", "upstream": "main", "scopes": ["chat:write"]},
    ]
    home.configure(upstream.url, routes, keys={"last_used_flush": "10m"})
    with home.serve() as gateway:
        key = home.make_key("Diary")
        answers = [gateway.ask("/held", key=key) for _ in range(3)]
        assert gateway.ask("/vault", key=key).reason == "scope_missing"
        [shown] = home.keys("usage", "Diary", "-o", "json").data
        assert (shown["requests"], shown["refusals"]) == (3, {"scope_missing": 1})
        assert shown["bytes_out"] > sum(len(answer.body) for answer in answers)
        assert shown["last_address"] == "127.0.0.1"
    [stored] = home.keys("usage", "Diary", "-o", "json").data
    assert stored == shown
    assert in_file(home)[0] == 3


def test_refused_requests_are_not_uses(home: Home, upstream: LastingUpstream) -> None:
    home.configure(upstream.url, [{"id": "all", "path": "/**", "upstream": "main", "scopes": ["chat:write"]}])
    with home.serve() as gateway:
        key = home.make_key("Turned away", "models:read")
        assert gateway.ask("/held", key=key).reason == "scope_missing"
    assert in_file(home)[0] == 0


def test_a_sudden_end_loses_at_most_one_interval_and_leaves_the_file_whole(
    home: Home, upstream: LastingUpstream
) -> None:
    interval_s = 0.3
    home.configure(upstream.url, keys={"last_used_flush": f"{interval_s * 1000:.0f}ms"})
    gateway = home.serve()
    key = home.make_key("Diary")
    uses: list[float] = []
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        assert gateway.ask("/.keyhatch/me", key=key).status == 200
        uses.append(time.time())
    killed_at = time.time()
    gateway.kill()
    count, at, _ = in_file(home)
    slack_s = 0.5  # for the write itself, on a busy machine
    assert killed_at - at <= interval_s + slack_s
    [counted] = in_file(home, "SUM(requests)", "usage")
    assert counted in {count - 1, count}, "usage is written in the same batches, each exchange at its end"
    assert sum(use <= killed_at - interval_s - slack_s for use in uses) <= count <= len(uses)
    assert integrity(home) == "ok"
    with home.serve() as again:
        assert again.ask("/held", key=key).status == 200
    assert in_file(home)[0] == count + 1


def test_it_never_goes_backwards(home: Home, upstream: LastingUpstream) -> None:
    home.configure(upstream.url)
    key = home.make_key("From a clock that ran ahead")
    ahead = time.time() + 86_400
    with closing(sqlite3.connect(home.store)) as connection, connection:
        connection.execute("UPDATE keys SET last_used_at = ?, last_used_from = '192.0.2.1'", (ahead,))
    with home.serve() as gateway:
        assert gateway.ask("/held", key=key).status == 200
        eventually(lambda: in_file(home)[0] == 1, "the use is written")
        assert gateway.ask("/held", key=key).status == 200
    assert in_file(home) == (2, ahead, "192.0.2.1")
