"""Fills a store with keys that nobody holds, so that a key can be looked for among many."""

import sqlite3
from contextlib import closing
from pathlib import Path

_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)"
_KEYS = f"""
{_NUMBERS}
INSERT INTO keys
    (id, name, preview, digest, scopes, created_at, created_by, owner, note, allow_from, use_count)
SELECT 'bulk_' || i, 'Bulk ' || i, 'kh_…', randomblob(32), '["models:read"]', 1700000000.0, 'bench',
       'owner ' || i, '', '[]', 0 FROM n
"""  # noqa: S608 - nothing but constants
_SECRETS = "INSERT INTO secrets (digest, key_id) SELECT digest, id FROM keys WHERE created_by = 'bench'"


def fill_store(path: Path, count: int) -> None:
    """Add so many keys to a store that no gateway holds."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(_KEYS, {"count": count})
        connection.execute(_SECRETS)
