-- Credentials of upstreams, sealed with the vault's key. What they say in clear: how they look, and since when.
CREATE TABLE credentials (
    name TEXT NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL CHECK (version > 0),
    key_id BLOB NOT NULL CHECK (length(key_id) = 8),
    nonce BLOB NOT NULL CHECK (length(nonce) = 12),
    sealed BLOB NOT NULL CHECK (length(sealed) > 16),
    preview TEXT NOT NULL,
    set_at REAL NOT NULL,
    set_by TEXT NOT NULL,
    last_used_at REAL,
    refused_at REAL
) WITHOUT ROWID;
