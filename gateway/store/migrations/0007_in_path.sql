-- Whether a key may lead a path (/k/<key>/rest).
ALTER TABLE keys ADD COLUMN in_path INTEGER NOT NULL DEFAULT 0 CHECK (in_path IN (0, 1));
