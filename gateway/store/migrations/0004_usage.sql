-- What each key did on each day. Days are counted from 1970-01-01 (UTC).
CREATE TABLE usage (
    key_id TEXT NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
    day INTEGER NOT NULL CHECK (day BETWEEN -719162 AND 2932896),  -- the years 1 to 9999
    requests INTEGER NOT NULL CHECK (requests >= 0),
    bytes_in INTEGER NOT NULL CHECK (bytes_in >= 0),
    bytes_out INTEGER NOT NULL CHECK (bytes_out >= 0),
    last_address TEXT NOT NULL,
    PRIMARY KEY (key_id, day)
) WITHOUT ROWID;

CREATE INDEX usage_by_day ON usage (day DESC, key_id);

-- How many of a day's requests were refused, and why.
CREATE TABLE refusals (
    key_id TEXT NOT NULL,
    day INTEGER NOT NULL,
    reason TEXT NOT NULL,
    count INTEGER NOT NULL CHECK (count > 0),
    PRIMARY KEY (key_id, day, reason),
    FOREIGN KEY (key_id, day) REFERENCES usage (key_id, day) ON DELETE CASCADE
) WITHOUT ROWID;
