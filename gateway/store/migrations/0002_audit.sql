-- Every act of management, each chained to the one before it. Written in the transaction of what it tells of.
CREATE TABLE audit (
    number INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    actor TEXT NOT NULL,
    act TEXT NOT NULL,
    key_id TEXT,
    request_id TEXT,
    before TEXT,               -- JSON object, NULL where the key was made
    after TEXT,                -- JSON object, NULL where it was deleted
    previous BLOB NOT NULL CHECK (length(previous) = 32),
    hash BLOB NOT NULL CHECK (length(hash) = 32)
);

CREATE INDEX audit_by_key ON audit (key_id, number);

-- How often management changed the record: what an ETag says.
ALTER TABLE keys ADD COLUMN revision INTEGER NOT NULL DEFAULT 1 CHECK (revision > 0);

CREATE INDEX keys_by_name ON keys (name);

CREATE INDEX keys_by_owner ON keys (owner, number);
