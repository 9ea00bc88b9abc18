"""A store that fails under a running gateway: known keys go on, unknown ones get 503 and never a pass.

The ways in which it fails are those that also stop root, since tests often run as root.
"""

import asyncio
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psutil
import pytest

from gateway.core.keys import ApiKey, Secret, compose_secret, digest_of, preview_of
from gateway.store.sqlite import open_sqlite
from tests.support.lasting_upstream import LastingUpstream
from tests.support.running_gateway import Home, RunningGateway, eventually

Break = Callable[[Home], Callable[[], object]]  # returns what mends it
STRANGER = compose_secret("kh", b"stranger".ljust(32)).reveal()


@pytest.fixture(scope="module")
def upstream() -> Iterator[LastingUpstream]:
    with LastingUpstream() as upstream:
        upstream.let_go()
        yield upstream


@pytest.fixture
def home(home: Home, upstream: LastingUpstream) -> Home:
    home.configure(upstream.url, keys={"last_used_flush": "100ms"})
    return home


def secret(number: int) -> Secret:
    return compose_secret("kh", number.to_bytes(32, "big"))


def stock(home: Home, count: int) -> list[str]:
    """Put this many keys into a new store, at once; their secrets."""

    async def fill() -> None:
        store = await open_sqlite(home.store)
        for number in range(count):
            text = secret(number).reveal()
            await store.insert(
                ApiKey(
                    id=f"key_{number:016d}",
                    name=f"Key {number}",
                    owner="anna",
                    note="x" * 900 * (count > 100),  # so that many fill many pages
                    preview=preview_of(secret(number)),
                    digest=digest_of(text),
                    scopes=frozenset(),
                    created_at=time.time(),
                )
            )
        await store.close()

    asyncio.run(fill())
    return [secret(number).reveal() for number in range(count)]


def verdict(gateway: RunningGateway, key: str) -> tuple[int, str | None]:
    answer = gateway.ask("/held", key=key)
    return answer.status, answer.reason


def readiness(gateway: RunningGateway) -> int:
    return gateway.ask_admin("/readyz").status


def use_counts(home: Home) -> list[int]:
    with closing(sqlite3.connect(f"file:{home.store}?mode=ro", uri=True)) as connection:
        return [count for (count,) in connection.execute("SELECT use_count FROM keys ORDER BY number")]


def moved_away(home: Home) -> Callable[[], object]:
    aside = home.store.rename(home.folder / "aside.db")
    return lambda: aside.rename(home.store)


def replaced_by_a_copy(home: Home) -> Callable[[], object]:
    aside = home.store.rename(home.folder / "aside.db")
    shutil.copyfile(aside, home.store)
    return lambda: aside.replace(home.store)


def replaced_by_an_empty_file(home: Home) -> Callable[[], object]:
    aside = home.store.rename(home.folder / "aside.db")
    home.store.touch()
    return lambda: aside.replace(home.store)


def replaced_by_a_folder(home: Home) -> Callable[[], object]:
    aside = home.store.rename(home.folder / "aside.db")
    home.store.mkdir()

    def mend() -> None:
        home.store.rmdir()
        aside.rename(home.store)

    return mend


def without_its_log(home: Home) -> Callable[[], object]:
    log = home.store.with_name("keyhatch.db-wal")
    aside = log.rename(home.folder / "aside.wal")
    return lambda: aside.rename(log)


@pytest.mark.parametrize(
    "break_it",
    [
        moved_away,
        replaced_by_a_copy,
        replaced_by_an_empty_file,
        replaced_by_a_folder,
        without_its_log,
    ],
)
def test_a_store_that_is_not_there_any_more(
    home: Home, break_it: Callable[[Home], Callable[[], object]]
) -> None:
    known, stored = stock(home, 2)
    with home.serve() as gateway:
        assert verdict(gateway, known) == (200, None)
        mend = break_it(home)
        assert verdict(gateway, known) == (200, None), "what is cached goes on"
        for key in (stored, STRANGER):
            answer = gateway.ask("/held", key=key)
            assert (answer.status, answer.reason) == (503, "store_unavailable")
            assert answer.headers["retry-after"] == "1"
            assert "could not be checked" in answer.message
        assert gateway.ask_admin("/healthz").status == 200
        assert readiness(gateway) == 503
        assert gateway.metric("keyhatch_store_errors_total") >= 2
        ran = home.keyhatch("keys", "create", "Not now")
        assert ran.code == 1
        assert f"{home.store} was deleted, moved or replaced while open" in ran.err
        assert ran.out == ""
        mend()
        eventually(lambda: readiness(gateway) == 200, "ready again")
        assert verdict(gateway, stored) == (200, None)
        assert verdict(gateway, STRANGER) == (401, "key_unknown")
    assert use_counts(home) == [2, 1], "no use was lost"


def test_a_store_whose_pages_are_overwritten(home: Home) -> None:
    known, *others = stock(home, 400)
    with home.serve() as gateway:
        assert verdict(gateway, known) == (200, None)
        size = home.store.stat().st_size
        with home.store.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xa5" * (size - 4096))
        assert verdict(gateway, known) == (200, None)
        verdicts = {verdict(gateway, key) for key in (*others[::20], STRANGER)}
        assert verdicts <= {(200, None), (503, "store_unavailable")}, (
            "pages that were read before may still answer"
        )
        assert verdict(gateway, STRANGER) == (503, "store_unavailable")
        assert gateway.ask_admin("/healthz").status == 200
        ran = home.keyhatch("keys", "create", "Not now", "-q")
        assert (ran.code, ran.out) == (1, "")
        assert f"{home.store} is damaged" in ran.err
        assert "keyhatch restore FILE" in ran.err
        gateway.stop()
    ran = home.keyhatch("serve")
    assert ran.code == 1
    assert f"{home.store} is damaged" in ran.err


def test_a_store_that_another_program_locks(home: Home) -> None:
    known, stored = stock(home, 2)
    with home.serve() as gateway:
        assert verdict(gateway, known) == (200, None)
        eventually(lambda: use_counts(home)[0] == 1, "the first use is written")
        with (
            closing(sqlite3.connect(home.store, isolation_level=None)) as connection,
            ThreadPoolExecutor(1) as beside,
        ):
            connection.execute("BEGIN EXCLUSIVE")
            creating = beside.submit(home.keyhatch, "keys", "create", "Not now", "-q")
            worst_s = 0.0
            for _ in range(100):
                began = time.monotonic()
                assert verdict(gateway, known) == (200, None)
                worst_s = max(worst_s, time.monotonic() - began)
            assert worst_s < 1.0, "nobody waits behind the lock"
            assert verdict(gateway, stored) == (200, None), "readers do not wait for writers"
            assert verdict(gateway, STRANGER) == (401, "key_unknown")
            assert gateway.ask_admin("/healthz").status == 200
            ran = creating.result()
            assert (ran.code, ran.out) == (1, "")
            assert "is locked for writing by another program" in ran.err
            assert gateway.metric("keyhatch_last_used_flush_lag_seconds") > 1
            assert use_counts(home) == [1, 0]
            connection.execute("ROLLBACK")
        eventually(lambda: use_counts(home) == [101, 1], "every use is written after all")
        assert home.make_key("Now").startswith("kh_")


@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process can be set on Linux alone")
def test_a_disk_that_takes_no_more(home: Home) -> None:
    known, stored = stock(home, 2)
    with home.serve() as gateway:
        process = psutil.Process(gateway.process.pid)
        soft, hard = process.rlimit(psutil.RLIMIT_FSIZE)
        assert verdict(gateway, known) == (200, None)
        eventually(lambda: use_counts(home)[0] == 1, "the first use is written")
        process.rlimit(psutil.RLIMIT_FSIZE, (0, hard))
        assert verdict(gateway, known) == (200, None)
        assert verdict(gateway, stored) == (200, None)
        assert verdict(gateway, STRANGER) == (401, "key_unknown")
        ran = home.keyhatch("keys", "create", "Not now", "-q")
        assert (ran.code, ran.out) == (1, "")
        assert str(home.store) in ran.err
        eventually(lambda: gateway.metric("keyhatch_store_errors_total") > 0, "the failed flush is counted")
        assert gateway.ask_admin("/healthz").status == 200
        process.rlimit(psutil.RLIMIT_FSIZE, (soft, hard))
        eventually(lambda: use_counts(home) == [2, 1], "every use is written after all")
        assert home.make_key("Now").startswith("kh_")
        names = [each.name for each in home.manage(lambda desk: desk.list_keys("all"))]
        assert names == ["Now", "Key 1", "Key 0"], "what was refused is not there in part"


def test_a_record_that_another_program_changes_counts_within_a_second(home: Home) -> None:
    known, *_ = stock(home, 2)
    with home.serve() as gateway:
        assert verdict(gateway, known) == (200, None)
        with closing(sqlite3.connect(home.store)) as connection, connection:
            connection.execute("UPDATE keys SET revoked_at = 1 WHERE number = 1")
        eventually(lambda: verdict(gateway, known) == (401, "key_revoked"), "it is refused", 1.0)
        gateway.wait_for_log("another program changed the store; everything cached is asked for again")
