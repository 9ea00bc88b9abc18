"""The store write-locked by another process (F5): callers notice nothing, changes fail soon and say why.

The lock is held by a process of its own, as by `sqlite3` in another terminal.
"""

import asyncio
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from gateway.store.faults import StoreBusy
from gateway.store.sqlite import open_sqlite
from tests.faults.store_states import NOWHERE, PASSED, UNKNOWN, in_file, stock, verdict
from tests.support.records import record
from tests.support.running_gateway import Home, Ran, RunningGateway, eventually

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=20)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
connection.execute("ROLLBACK")
"""
SOON_S = 12.0  # the store waits 5 s for the lock; the rest is the commands' own start on a busy machine


@contextmanager
def locked(home: Home) -> Iterator[None]:
    """Somebody else holds the lock on the file."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home.store)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    with holder:
        assert holder.stdout.readline() == b"held\n"
        try:
            yield
        finally:
            holder.stdin.close()


def test_every_key_is_judged_as_before_and_changes_are_refused_in_time(home: Home) -> None:
    cached, stored, _ = stock(home.store, 3)
    home.configure(NOWHERE, keys={"last_used_flush": "100ms"})
    with home.serve() as gateway:
        assert verdict(gateway, cached) == PASSED
        with locked(home), ThreadPoolExecutor(2) as beside:
            began = time.monotonic()
            refused = [
                beside.submit(home.keyhatch, "keys", *words)
                for words in (("create", "Not now", "-q"), ("revoke", "Key 0", "--yes"))
            ]
            asked, worst_s = ask_until_done(gateway, (cached, stored), refused)
            assert time.monotonic() - began < SOON_S
            for ran in (each.result() for each in refused):
                assert (ran.code, ran.out) == (1, "")
                assert f"{home.store} is locked for writing by another program: close" in ran.err
            assert asked > 100
            assert worst_s < 1.0, "nobody waits behind the lock"
            assert verdict(gateway, cached) == PASSED, "a revocation that was not written is not claimed"
            assert gateway.ask_admin("/healthz").status == 200
            assert gateway.ask_admin("/readyz").status == 200, "what callers need works"
            assert 2 <= gateway.metric("keyhatch_last_used_pending") <= 4, "one entry per key, however often"
        eventually(lambda: in_file(home) == [(asked + 2,), (asked,), (0,)], "uses are written after all")
        assert [name for (name,) in in_file(home, "name")] == ["Key 0", "Key 1", "Key 2"]
        home.keys("revoke", "Key 0", "--yes")
        assert verdict(gateway, cached) == (401, "key_revoked")


def ask_until_done(
    gateway: RunningGateway, known: tuple[str, str], works: list[Future[Ran]]
) -> tuple[int, float]:
    """Ask with both keys and an unknown one, over and over; how often, and the longest wait."""
    asked, worst_s = 0, 0.0
    while not all(work.done() for work in works):
        began = time.monotonic()
        assert [verdict(gateway, key) for key in known] == [PASSED, PASSED]
        assert verdict(gateway, UNKNOWN) == (401, "key_unknown")
        asked, worst_s = asked + 1, max(worst_s, time.monotonic() - began)
    return asked, worst_s


def test_a_start_behind_the_lock_is_refused_in_time_and_in_words(home: Home) -> None:
    stock(home.store, 1)
    home.configure(NOWHERE)
    with locked(home):
        began = time.monotonic()
        ran = home.keyhatch("serve")
        assert time.monotonic() - began < SOON_S
    assert ran.code == 1
    assert f"{home.store} is locked for writing by another program" in ran.err
    assert "Traceback" not in ran.err


async def test_however_many_changes_wait_none_waits_longer_than_the_first(tmp_path: Path) -> None:
    store = await open_sqlite(tmp_path / "keys.db", busy_timeout_s=0.5)
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        ended = await asyncio.gather(
            *(store.insert(record(f"key_{number}")) for number in range(5)), return_exceptions=True
        )
        took_s = time.monotonic() - began
        assert [type(each) for each in ended] == [StoreBusy] * 5
        assert 0.4 < took_s < 0.9
        other.execute("ROLLBACK")
    await store.insert(record("key_1"))
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        with pytest.raises(StoreBusy):
            await store.delete("key_1")
        assert time.monotonic() - began > 0.4, "it is as patient as before"
    await store.close()
