"""kill -9 at any moment: what was acknowledged is there, the file is whole, the next start is clean."""

import asyncio
import random
import sqlite3
import threading
import time
from contextlib import closing, suppress

from gateway.admin.control_client import RemoteKeyring
from gateway.core.keys import digest_of
from gateway.keeper.desk import KeyDraft
from gateway.keeper.ports import StoreUnavailable
from tests.support.running_gateway import Home

ROUNDS = 6
KILL_AFTER_S = 0.25


class Ledger:
    """What was acknowledged, and what was asked for and may or may not have been done."""

    def __init__(self) -> None:
        self.made: dict[str, str] = {}
        self.revoked: set[str] = set()
        self.revoking: set[str] = set()
        self.asked = 0

    async def write(self, home: Home) -> None:
        """Make keys and revoke every other one, until nobody answers any more."""
        desk = RemoteKeyring(home.store)
        with suppress(StoreUnavailable):
            while True:
                self.asked += 1
                key, secret = await desk.create(
                    KeyDraft(name=f"key {self.asked}", owner=f"owner {self.asked}")
                )
                self.made[key.id] = secret.reveal()
                if self.asked % 2:
                    self.revoking.add(key.id)
                    await desk.revoke(key.id)
                    self.revoking.remove(key.id)
                    self.revoked.add(key.id)


def test_no_acknowledged_change_is_lost_however_often_the_process_is_killed(home: Home) -> None:
    home.configure("http://127.0.0.1:9")
    ledger = Ledger()
    chance = random.Random(20_270_131)
    for _ in range(ROUNDS):
        gateway = home.serve()
        assert asyncio.run(RemoteKeyring(home.store).is_there())  # the first question has it load its desk
        killer = threading.Timer(chance.uniform(0, KILL_AFTER_S), gateway.kill)
        killer.start()
        asyncio.run(ledger.write(home))
        killer.join()
        _check(home, ledger)
    assert len(ledger.made) > ROUNDS
    with home.serve() as gateway:
        began = time.monotonic()
        for key_id, secret in list(ledger.made.items())[-20:]:
            reason = gateway.ask("/x", key=secret).reason
            if key_id not in ledger.revoking:
                assert reason == ("key_revoked" if key_id in ledger.revoked else "upstream_unreachable")
        assert time.monotonic() - began < 10


def _check(home: Home, ledger: Ledger) -> None:
    with closing(sqlite3.connect(home.store)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = connection.execute("SELECT id, digest, revoked_at FROM keys").fetchall()
        led = dict(connection.execute("SELECT key_id, digest FROM secrets"))
    found = {key_id: digest for key_id, digest, _ in rows}
    assert {key_id: digest_of(secret) for key_id, secret in ledger.made.items()}.items() <= found.items()
    assert ledger.revoked <= {key_id for key_id, _, revoked_at in rows if revoked_at is not None}
    assert led == found, "every record has its digest and no digest is without its record"
    assert len(found) <= ledger.asked + 1, "the admin key is one more"
