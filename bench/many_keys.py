"""Fills a store: with keys that nobody holds, so that one is looked for among many, or with known ones."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from gateway.core.keys import digest_of

_COLUMNS = """
    (id, name, preview, digest, scopes, created_at, created_by, owner, note, allow_from, use_count)
"""
_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)"
_KEYS = f"""
{_NUMBERS}
INSERT INTO keys {_COLUMNS}
SELECT 'bulk_' || i, 'Bulk ' || i, 'kh_…', randomblob(32), '["models:read"]', 1700000000.0, 'bench',
       'owner ' || i, '', '[]', 0 FROM n
"""  # noqa: S608 - nothing but constants
_SECRETS = "INSERT INTO secrets (digest, key_id) SELECT digest, id FROM keys WHERE created_by = 'bench'"
_KNOWN = f"""
INSERT INTO keys {_COLUMNS}
VALUES ('known_' || :number, 'Known ' || :number, 'kh_…', :digest, :scopes, 1700000000.0, 'known',
        'owner ' || :number, '', '[]', 0)
"""  # noqa: S608 - nothing but constants
_KNOWN_SECRETS = "INSERT INTO secrets (digest, key_id) VALUES (:digest, 'known_' || :number)"


def fill_store(path: Path, count: int) -> None:
    """Add so many keys to a store that no gateway holds."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(_KEYS, {"count": count})
        connection.execute(_SECRETS)


def add_known(path: Path, secrets: Sequence[str], scopes: Sequence[str]) -> None:
    """Add a key for each of the secrets to a store that no gateway holds."""
    grants = json.dumps(sorted(scopes))
    rows = [
        {"number": number, "digest": digest_of(secret), "scopes": grants}
        for number, secret in enumerate(secrets)
    ]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(_KNOWN, rows)
        connection.executemany(_KNOWN_SECRETS, rows)
