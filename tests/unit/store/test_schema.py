"""Guarantees of gateway/store/schema.py: never empty in place of a broken file, never half a schema."""

import asyncio
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway.keeper.ports import StoreUnavailable
from gateway.store import schema
from gateway.store.connection import Connection, connect
from gateway.store.faults import StoreDamaged, StoreEmptied, StoreForeign, StoreTooNew
from gateway.store.schema import APPLICATION_ID, Migration, load_migrations, split
from gateway.store.sqlite import open_sqlite
from tests.support.records import record

FIRST = load_migrations()
NEXT = (
    *FIRST,
    Migration(
        len(FIRST) + 1,
        (
            "CREATE TABLE trial (number INTEGER)",
            "INSERT INTO trial SELECT length(id) FROM keys",
            "CREATE INDEX trial_number ON trial (number)",
        ),
    ),
)


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as database:
        [(version,)] = database.execute("PRAGMA user_version")
        return int(version)


def tables_of(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as database:
        return {name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


async def make_store(path: Path, keys: int = 1, migrations: tuple[Migration, ...] = FIRST) -> None:
    store = await open_sqlite(path, migrations=migrations)
    for number in range(keys):
        await store.insert(record(f"key_{number}", note="n" * 200))
    await store.close()


async def ids_in(path: Path, migrations: tuple[Migration, ...] = FIRST) -> set[str]:
    store = await open_sqlite(path, migrations=migrations)
    try:
        return {key.id for key in await store.list_keys()}
    finally:
        await store.close()


# --- The migrations themselves


def test_migrations_are_numbered_without_gaps() -> None:
    assert [migration.version for migration in FIRST] == list(range(1, len(FIRST) + 1))
    assert all(migration.statements for migration in FIRST)


@pytest.mark.parametrize(
    "names", [["0002_b.sql"], ["0001_a.sql", "0003_c.sql"], ["0001_a.sql", "0001_b.sql"]]
)
def test_a_gap_between_migrations_is_found(
    names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    for name in names:
        (folder / name).write_text("SELECT 1;")
    monkeypatch.setattr(schema, "_MIGRATIONS", folder)
    with pytest.raises(RuntimeError, match="without gaps"):
        load_migrations()


def test_a_script_is_split_into_its_statements() -> None:
    script = """
    -- a comment; with a semicolon
    CREATE TABLE a (b TEXT);  -- and one behind
    CREATE TRIGGER c AFTER INSERT ON a BEGIN
        DELETE FROM a;
        SELECT 1;
    END;
    """
    first, second = split(script)
    assert first == "CREATE TABLE a (b TEXT);"
    assert second.startswith("CREATE TRIGGER c")
    assert second.endswith("END;")


def test_a_statement_without_its_end_is_found() -> None:
    with pytest.raises(ValueError, match="semicolon"):
        split("SELECT 1; SELECT 2")


async def test_a_store_is_marked_as_ours_and_by_its_version(path: Path) -> None:
    await make_store(path)
    with closing(sqlite3.connect(path)) as database:
        assert list(database.execute("PRAGMA application_id")) == [(APPLICATION_ID,)]
    assert version_of(path) == len(FIRST)


# --- What is refused


def no_bytes(path: Path) -> None:
    path.write_bytes(b"")


def prose(path: Path) -> None:
    path.write_text("Dear diary, " * 1000)


def another_programs(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE bookmarks (url TEXT)")


def of_nobody(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("VACUUM")


def from_the_future(path: Path) -> None:
    asyncio.run(make_store(path))
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA user_version = {len(FIRST) + 1}")


def a_folder(path: Path) -> None:
    path.mkdir()


def only_its_log(path: Path) -> None:
    path.with_name("keys.db-wal").write_bytes(b"the last writes")


REFUSED: list[tuple[Callable[[Path], None], type[StoreUnavailable], str]] = [
    (no_bytes, StoreEmptied, r"is empty \(0 bytes\), so the keys it held are gone: .*keyhatch restore FILE"),
    (prose, StoreForeign, "is not a SQLite file: name another file"),
    (another_programs, StoreForeign, "is another program's database: name another file"),
    (of_nobody, StoreForeign, "is another program's database"),
    (from_the_future, StoreTooNew, r"newer Keyhatch \(schema 9, this one knows up to 8\): install the newer"),
    (a_folder, StoreForeign, "is not a regular file: name a file"),
    (
        only_its_log,
        StoreEmptied,
        "is missing, but its write-ahead log keys.db-wal is there: put the file back",
    ),
]


def content_of(folder: Path) -> dict[str, bytes]:
    return {
        file.name: file.read_bytes()
        for file in folder.iterdir()
        if file.is_file() and not file.name.endswith(".lock")
    }


@pytest.mark.parametrize(
    ("make", "kind", "text"), REFUSED, ids=lambda value: getattr(value, "__name__", None)
)
def test_what_is_not_a_whole_store_of_ours_is_refused_and_left_as_it_was(
    path: Path, make: Callable[[Path], None], kind: type[StoreUnavailable], text: str
) -> None:
    make(path)
    before = content_of(path.parent)
    with pytest.raises(kind, match=text) as refusal:
        asyncio.run(open_sqlite(path))
    assert str(refusal.value).startswith(str(path))
    assert content_of(path.parent) == before


def zeroed(content: bytes, start: int) -> bytes:
    return content[:start] + bytes(4096) + content[start + 4096 :]


def cut(content: bytes, start: int) -> bytes:
    return content[:start]


def flipped(content: bytes, start: int) -> bytes:
    page = bytes(byte ^ 0xFF for byte in content[start : start + 16])
    return content[:start] + page + content[start + 16 :]


@pytest.mark.parametrize("harm", [zeroed, cut, flipped])
def test_a_damaged_file_is_refused_and_never_opened_with_keys_missing(
    path: Path, harm: Callable[[bytes, int], bytes]
) -> None:
    asyncio.run(make_store(path, keys=60))
    whole = path.read_bytes()
    everything = {f"key_{number}" for number in range(60)}
    outcomes = []
    for start in range(0, len(whole), 4096):
        path.write_bytes(harm(whole, start))
        try:
            assert asyncio.run(ids_in(path)) == everything
        except StoreUnavailable as refusal:
            outcomes.append(type(refusal))
    assert len(outcomes) == len(whole) // 4096
    assert set(outcomes) <= {StoreDamaged, StoreForeign, StoreEmptied}


def test_a_log_of_another_store_is_not_played_into_a_new_one(path: Path) -> None:
    log = path.with_name("keys.db-wal")

    async def take_its_log() -> bytes:
        store = await open_sqlite(path)
        await store.insert(record())
        left = read(log)
        await store.close()
        return left

    left = asyncio.run(take_its_log())
    path.unlink()
    log.write_bytes(left)
    with pytest.raises(StoreEmptied):
        asyncio.run(open_sqlite(path))


def read(path: Path) -> bytes:
    return path.read_bytes()


# --- Killed on the way


class _Snapshots:
    """What lies on the disk before each statement: what a kill at that moment leaves behind."""

    def __init__(self, store: Path, folder: Path) -> None:
        self.store = store
        self.folder = folder
        self.taken: list[Path] = []
        self.recording = False

    def take(self, _statement: str) -> None:
        if not self.recording:
            return
        copy = self.folder / str(len(self.taken))
        shutil.copytree(self.store.parent, copy, ignore=shutil.ignore_patterns("*.lock"))
        self.taken.append(copy / self.store.name)


@pytest.fixture
def snapshots(path: Path, tmp_path_factory: Any, monkeypatch: pytest.MonkeyPatch) -> _Snapshots:
    taken = _Snapshots(path, tmp_path_factory.mktemp("snapshots"))

    async def watched(*arguments: Any, **options: Any) -> Connection:
        connection = await connect(*arguments, **options)
        await connection._driver.set_trace_callback(taken.take)
        return connection

    monkeypatch.setattr(schema, "connect", watched)
    return taken


async def test_killed_at_any_statement_a_new_store_is_whole_or_not_there(
    path: Path, snapshots: _Snapshots
) -> None:
    snapshots.recording = True
    await make_store(path, keys=0)
    snapshots.recording = False
    states = set()
    for snapshot in snapshots.taken:
        states.add(snapshot.exists())
        store = await open_sqlite(snapshot)
        await store.insert(record())
        await store.close()
        assert version_of(snapshot) == len(FIRST)
        assert sorted(file.name for file in snapshot.parent.iterdir()) == ["keys.db", "keys.db.lock"]
    assert len(snapshots.taken) > 8
    assert states >= {False}


async def test_killed_at_any_statement_of_a_migration_the_schema_is_the_old_or_the_new(
    path: Path, snapshots: _Snapshots
) -> None:
    await make_store(path, keys=3)
    snapshots.recording = True
    assert await ids_in(path, NEXT) == {"key_0", "key_1", "key_2"}
    snapshots.recording = False
    versions = []
    for snapshot in snapshots.taken:
        versions.append(version_of(snapshot))
        assert ("trial" in tables_of(snapshot)) is (versions[-1] == len(NEXT))
        assert await ids_in(snapshot, NEXT) == {"key_0", "key_1", "key_2"}
        assert version_of(snapshot) == len(NEXT)
    assert versions == sorted(versions)
    assert len(versions) > 8
    assert version_of(path) == len(NEXT)


def test_killed_for_real_in_a_migration_the_old_schema_stands(path: Path) -> None:
    asyncio.run(make_store(path))
    script = """
import asyncio, os, signal, sys
from pathlib import Path
from gateway.store.schema import Migration, load_migrations
from gateway.store.sqlite import open_sqlite

first = load_migrations()
deadly = Migration(len(first) + 1, ("CREATE TABLE trial (number INTEGER)", "SELECT kill()"))

from gateway.store import schema
plain = schema.connect

async def connect(*arguments, **options):
    connection = await plain(*arguments, **options)
    await connection._driver.create_function("kill", 0, lambda: os.kill(os.getpid(), signal.SIGKILL))
    return connection

schema.connect = connect
asyncio.run(open_sqlite(Path(sys.argv[1]), migrations=(*first, deadly)))
"""
    done = subprocess.run([sys.executable, "-c", script, str(path)], check=False, timeout=20)
    assert done.returncode == -9
    assert version_of(path) == len(FIRST)
    assert "trial" not in tables_of(path)
    assert asyncio.run(ids_in(path)) == {"key_0"}


async def test_a_statement_that_fails_undoes_its_whole_migration(path: Path) -> None:
    await make_store(path)
    broken = Migration(
        len(FIRST) + 1, ("CREATE TABLE trial (number INTEGER)", "SELECT nonsense FROM nowhere")
    )
    with pytest.raises(StoreUnavailable):
        await open_sqlite(path, migrations=(*FIRST, broken))
    assert version_of(path) == len(FIRST)
    assert "trial" not in tables_of(path)
    assert await ids_in(path) == {"key_0"}


# --- The copy before a migration


async def test_that_a_store_is_brought_up_to_date_is_logged_once(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await make_store(path)
    with caplog.at_level("INFO", "gateway.store"):
        await make_store(path, keys=0, migrations=NEXT)
        await make_store(path, keys=0, migrations=NEXT)
    [told] = [record.getMessage() for record in caplog.records]
    assert told.endswith(f"kept as keys.db.schema-{len(FIRST)}")


async def test_an_older_store_is_copied_before_it_is_touched(path: Path) -> None:
    await make_store(path)
    leftover = path.with_name("keys.db.copy")
    leftover.write_text("of a copy that was cut short")
    await make_store(path, keys=0, migrations=NEXT)
    copy = path.with_name(f"keys.db.schema-{len(FIRST)}")
    assert not leftover.exists()
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert version_of(copy) == len(FIRST)
    assert await ids_in(copy) == {"key_0"}


async def test_no_copy_is_made_where_nothing_changes(path: Path) -> None:
    await make_store(path)
    await make_store(path, keys=0)
    assert sorted(file.name for file in path.parent.iterdir()) == ["keys.db", "keys.db.lock"]


async def test_a_copy_that_cannot_be_made_stops_the_migration(path: Path) -> None:
    await make_store(path)
    path.with_name(f"keys.db.schema-{len(FIRST)}").mkdir()
    with pytest.raises(StoreUnavailable, match="cannot be used: Is a directory"):
        await open_sqlite(path, migrations=NEXT)
    assert version_of(path) == len(FIRST)


async def test_a_store_that_cannot_be_created_is_an_outage(path: Path) -> None:
    path.with_name("keys.db.new").mkdir()
    with pytest.raises(StoreUnavailable, match=r"keys\.db cannot be used"):
        await open_sqlite(path)


def test_a_draft_that_a_kill_left_behind_is_made_anew(path: Path) -> None:
    for end in ("", "-wal", "-shm", "-journal"):
        path.with_name(f"keys.db.new{end}").write_text("half")
    asyncio.run(make_store(path))
    assert sorted(file.name for file in path.parent.iterdir()) == ["keys.db", "keys.db.lock"]
