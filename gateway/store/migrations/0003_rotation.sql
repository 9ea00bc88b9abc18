-- How the secret before a rotation looked, and whether it ends as soon as the new one is used.
ALTER TABLE keys ADD COLUMN previous_preview TEXT;
ALTER TABLE keys ADD COLUMN previous_until_first_use INTEGER NOT NULL DEFAULT 0
    CHECK (previous_until_first_use IN (0, 1));

-- Names that actors gave to what must happen once, remembered for a day.
CREATE TABLE once (
    actor TEXT NOT NULL,
    name TEXT NOT NULL,
    fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
    act TEXT NOT NULL,
    key_id TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (actor, name)
) WITHOUT ROWID;

CREATE INDEX once_by_time ON once (at);
