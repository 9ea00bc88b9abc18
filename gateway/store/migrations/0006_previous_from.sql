-- From where the secret before a rotation was last used.
ALTER TABLE keys ADD COLUMN previous_secret_last_used_from TEXT;
