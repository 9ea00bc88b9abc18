-- One row per key. Times are seconds since 1970 (UTC). The number keeps the order in which keys were made.
CREATE TABLE keys (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    preview TEXT NOT NULL,
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    scopes TEXT NOT NULL,      -- JSON array of grants, sorted
    created_at REAL NOT NULL,
    created_by TEXT NOT NULL,
    owner TEXT NOT NULL,
    note TEXT NOT NULL,
    allow_from TEXT NOT NULL,  -- JSON array of networks; [] is every address
    expires_at REAL,
    disabled_at REAL,
    revoked_at REAL,
    rotated_at REAL,
    previous_digest BLOB CHECK (length(previous_digest) = 32),
    previous_secret_valid_until REAL,
    previous_secret_last_used_at REAL,
    last_used_at REAL,
    last_used_from TEXT,
    use_count INTEGER NOT NULL CHECK (use_count >= 0)
);

-- Every digest that leads to a key, those that rotations replaced included.
CREATE TABLE secrets (
    digest BLOB NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    key_id TEXT NOT NULL REFERENCES keys (id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE INDEX secrets_by_key ON secrets (key_id);
