-- Whether a secret was made elsewhere: it is known by its digest alone, so all such digests are held in memory.
ALTER TABLE secrets ADD COLUMN imported INTEGER NOT NULL DEFAULT 0 CHECK (imported IN (0, 1));

CREATE INDEX secrets_imported ON secrets (imported, key_id) WHERE imported = 1;
