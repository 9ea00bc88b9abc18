"""kill -9 at random moments during management writes (F1), and at every statement of a migration (F11).

A ledger outside the process holds what was acknowledged. Afterwards every line of it is in the store, the
file is whole, and what was not acknowledged is there whole or not at all. `FAULT_ROUNDS`: how many rounds.
"""

import asyncio
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing, suppress
from pathlib import Path

from gateway.admin.control_client import RemoteKeyring
from gateway.core.keys import digest_of
from gateway.keeper.desk import KeyDraft, Rotation
from gateway.keeper.ports import StoreUnavailable
from gateway.store.schema import load_migrations
from tests.faults.store_states import NOWHERE, is_whole
from tests.support.running_gateway import ROOT, Home

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "8"))
KILL_WITHIN_S = 0.15
WRITERS = 3
KNOWN = len(load_migrations())


class Ledger:
    """What was acknowledged. `doubtful` are keys of which something was asked and not answered."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.revoked: set[str] = set()
        self.disabled: set[str] = set()
        self.deleted: set[str] = set()
        self.doubtful: set[str] = set()
        self.asked = 0

    async def write(self, home: Home, chance: random.Random) -> None:
        """Change keys in every way there is, until nobody answers any more."""
        desk = RemoteKeyring(home.store)
        with suppress(StoreUnavailable):
            while True:
                await self._change(desk, chance)

    async def _change(self, desk: RemoteKeyring, chance: random.Random) -> None:
        self.asked += 1
        key, secret = await desk.create(KeyDraft(name=f"key {self.asked}", owner=f"owner {self.asked}"))
        self.secrets[key.id] = secret.reveal()
        self.doubtful.add(key.id)
        what = chance.randrange(5)
        if what == 0:
            await desk.disable(key.id)
            self.disabled.add(key.id)
        elif what == 1:
            _, renewed = await desk.rotate(key.id, Rotation(overlap_s=60, end_previous=True))
            self.secrets[key.id] = renewed.reveal()
        elif what >= 3:
            await desk.revoke(key.id)
            self.revoked.add(key.id)
            if what == 4:
                await desk.delete(key.id)
                self.deleted.add(key.id)
        self.doubtful.discard(key.id)

    def check(self, home: Home) -> None:
        """The store holds what was acknowledged, and no half of anything."""
        with closing(sqlite3.connect(home.store)) as connection:
            found = {
                key_id: (digest, revoked_at, disabled_at)
                for key_id, digest, revoked_at, disabled_at in connection.execute(
                    "SELECT id, digest, revoked_at, disabled_at FROM keys"
                )
            }
            audited = connection.execute("SELECT act, key_id FROM audit ORDER BY number").fetchall()
        assert is_whole(home.store)
        made = {key_id for act, key_id in audited if act == "create"}
        assert made >= found.keys()
        assert self.secrets.keys() <= made
        assert {key_id for act, key_id in audited if act == "revoke"} >= self.revoked
        assert {key_id for act, key_id in audited if act == "delete"} >= self.deleted
        assert not self.deleted & found.keys()
        for key_id, secret in self.secrets.items():
            if key_id in self.doubtful or key_id in self.deleted:
                continue
            digest, revoked_at, disabled_at = found[key_id]
            assert digest == digest_of(secret)
            assert (revoked_at is not None) == (key_id in self.revoked)
            assert (disabled_at is not None) == (key_id in self.disabled)
        assert len(found) <= self.asked


def test_no_acknowledged_change_is_lost_and_none_is_there_in_part(home: Home) -> None:
    home.configure(NOWHERE, keys={"max_active_per_owner": 1_000})
    ledger, chance = Ledger(), random.Random(20_270_201)

    async def write() -> None:
        await asyncio.gather(*(ledger.write(home, chance) for _ in range(WRITERS)))

    for _ in range(ROUNDS):
        gateway = home.serve()
        assert asyncio.run(RemoteKeyring(home.store).is_there())  # the first question has it load its desk
        killer = threading.Timer(chance.uniform(0, KILL_WITHIN_S), gateway.kill)
        killer.start()
        asyncio.run(write())
        killer.join()
        ledger.check(home)
    assert len(ledger.secrets) > ROUNDS
    with home.serve() as gateway:
        for key_id, secret in list(ledger.secrets.items())[-20:]:
            if key_id not in ledger.doubtful:
                assert gateway.ask("/x", key=secret).reason == expected(ledger, key_id)


def expected(ledger: Ledger, key_id: str) -> str:
    if key_id in ledger.deleted:
        return "key_unknown"
    if key_id in ledger.revoked:
        return "key_revoked"
    return "key_disabled" if key_id in ledger.disabled else "upstream_unreachable"


MIGRATE = """
import asyncio, os, signal, sys
from pathlib import Path
from gateway.store import connection, schema, sqlite

path, at = Path(sys.argv[1]), int(sys.argv[2])
known = schema.load_migrations()
newer = schema.Migration(len(known) + 1, (
    "ALTER TABLE keys ADD COLUMN colour TEXT",
    "UPDATE keys SET colour = 'green'",
    "CREATE TABLE colours (name TEXT) STRICT",
    "INSERT INTO colours VALUES ('green')",
))
fetch = connection.Connection.fetch
statements = 0

async def counted(self, statement, values=()):
    global statements
    statements += 1
    if statements == at:
        os.kill(os.getpid(), signal.SIGKILL)
    return await fetch(self, statement, values)

connection.Connection.fetch = counted

async def main():
    store = await sqlite.open_sqlite(path, migrations=(*known, newer))
    await store.close()

asyncio.run(main())
"""


def test_a_migration_killed_at_any_statement_leaves_the_old_schema_or_the_new_one(home: Home) -> None:
    known = home.make_key("Before")
    before = home.folder / "before.db"
    shutil.copyfile(home.store, before)
    found: list[str] = []
    while not found or found[-1] != "through":
        for leftover in home.folder.glob("keyhatch.db*"):
            leftover.unlink()
        shutil.copyfile(before, home.store)
        ran = migrate(home, len(found) + 1)
        found.append("through" if ran.returncode == 0 else schema_of(home.store, known))
        assert ran.returncode in (0, -signal.SIGKILL), ran.stderr
        if found[-1] == "old":
            assert migrate(home, 0).returncode == 0, "the next start finishes it"
        assert schema_of(home.store, known) == "new"
        assert (home.folder / f"keyhatch.db.schema-{KNOWN}").exists(), "a copy was kept"
    assert {"old", "new", "through"} == set(found)


def migrate(home: Home, kill_at: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", MIGRATE, str(home.store), str(kill_at)],
        cwd=ROOT,
        env=home.environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def schema_of(path: Path, known: str) -> str:
    """`old` or `new`, the key in it either way; anything between fails."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        [(version,)] = connection.execute("PRAGMA user_version")
        columns = {name for _, name, *_ in connection.execute("PRAGMA table_info(keys)")}
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
        [(digest,)] = connection.execute("SELECT digest FROM keys")
        assert digest == digest_of(known)
        if version == KNOWN:
            assert "colour" not in columns
            assert "colours" not in tables
            return "old"
        assert connection.execute("SELECT colour FROM keys").fetchall() == [("green",)]
        assert connection.execute("SELECT name FROM colours").fetchall() == [("green",)]
        return "new"
