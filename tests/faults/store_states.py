"""What the tests of a faulty store share: keys put in at once, and what a caller and an operator see."""

import asyncio
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from gateway.core.keys import ApiKey, Secret, compose_secret, digest_of, preview_of
from gateway.store.sqlite import open_sqlite
from tests.support.running_gateway import Home, RunningGateway

UNKNOWN = compose_secret("kh", b"stranger".ljust(32)).reveal()
PASSED = (502, "upstream_unreachable")
"""What a key that counts is told by a gateway whose upstream is not there: it was let pass."""
NOWHERE = "http://127.0.0.1:9"


def secret(number: int) -> Secret:
    """The n-th secret."""
    return compose_secret("kh", number.to_bytes(32, "big"))


def stock(path: Path, count: int, note: str = "") -> list[str]:
    """Put this many keys into the store; their secrets."""

    async def fill() -> None:
        store = await open_sqlite(path)
        for number in range(count):
            text = secret(number).reveal()
            await store.insert(
                ApiKey(
                    id=f"key_{number:016d}",
                    name=f"Key {number}",
                    note=note,
                    preview=preview_of(secret(number)),
                    digest=digest_of(text),
                    scopes=frozenset(),
                    created_at=time.time(),
                )
            )
        await store.close()

    with ThreadPoolExecutor(1) as elsewhere:  # a test may have a loop of its own under way
        elsewhere.submit(lambda: asyncio.run(fill())).result()
    return [secret(number).reveal() for number in range(count)]


def verdict(gateway: RunningGateway, key: str) -> tuple[int, str | None]:
    """Status and reason of one request with this key."""
    answer = gateway.ask("/x", key=key)
    return answer.status, answer.reason


def in_file(home: Home, columns: str = "use_count") -> list[tuple[object, ...]]:
    """What the file says of each key, in the order in which they were made."""
    with closing(sqlite3.connect(f"file:{home.store}?mode=ro", uri=True)) as connection:
        statement = f"SELECT {columns} FROM keys ORDER BY number"  # noqa: S608 - our own words
        return [tuple(row) for row in connection.execute(statement)]


def is_whole(path: Path) -> bool:
    """SQLite finds nothing wrong, and every record has its digest and every digest its record."""
    with closing(sqlite3.connect(path)) as connection:
        checked = connection.execute("PRAGMA integrity_check").fetchall()
        records = set(connection.execute("SELECT digest, id FROM keys"))
        leading = set(connection.execute("SELECT digest, key_id FROM secrets"))
        known = {key_id for _, key_id in records}
        return checked == [("ok",)] and records <= leading and {key_id for _, key_id in leading} == known
