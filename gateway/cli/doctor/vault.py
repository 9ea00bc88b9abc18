"""The vault: whether its key is there and its owner's alone, and what upstreams name can be lent.

The records are read beside a running gateway; what opens them is loaded only where upstreams name some.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from gateway.cli.doctor.finding import Finding, Patient, fail, ok, warn
from gateway.config.load import Loaded
from gateway.keeper.credentials import SealedCredential
from gateway.service.lending import vault_name
from gateway.service.vault_key import Found, find_vault_key
from gateway.store.credential_rows import SELECT, credential_of
from gateway.store.judge import Flaw, opened, version_of
from gateway.store.schema import load_migrations


def look(patient: Patient) -> Iterator[Finding]:
    """One finding for each credential that an upstream names and cannot be lent, or that all can be."""
    loaded = patient.loaded
    named = _named(loaded)
    key = find_vault_key(loaded)
    if key.others:
        found = f"{loaded.vault_key_path} can be read by others"
        yield fail("vault", found, f"chmod 600 {loaded.vault_key_path}")
    if not named:
        return
    if key.raw is None:
        where = f" ({loaded.vault_key_path})" if loaded.vault_key_path is not None else ""
        yield fail("vault", f"locked, so {', '.join(named)} cannot be lent{where}", key.problem)
        return
    try:
        records = {each.name: each for each in _records(loaded)}
    except (Flaw, ValueError):
        return  # the store's own line tells
    bad = list(_bad(named, records, key))
    yield from bad or [ok("vault", f"opens all that upstreams name: {', '.join(named)}")]


def _named(loaded: Loaded) -> list[str]:
    names = {vault_name(written) for written in loaded.settings.upstreams.values()}
    return sorted(name for name in names if name is not None)


def _records(loaded: Loaded) -> list[SealedCredential]:
    written = loaded.store_path
    path = None if written is None else Path(os.path.realpath(written))
    if path is None or not path.is_file():
        return []
    known = load_migrations()
    with opened(path, is_still=not path.with_name(path.name + "-wal").exists()) as connection:
        if version_of(connection, known) < len(known):
            return []
        return [credential_of(row) for row in connection.execute(SELECT)]


def _bad(named: list[str], records: dict[str, SealedCredential], key: Found) -> Iterator[Finding]:
    from gateway.keeper.seal import Damaged, VaultKey  # noqa: PLC0415 - cryptography takes some megabytes

    vault_key = VaultKey.of(key.raw or b"")
    for name in named:
        record, what = records.get(name), f"credential {name}"
        if record is None:
            yield fail(what, "not in the vault", f"`keyhatch credentials set {name}`")
        elif not vault_key.opens(record):
            yield fail(what, "sealed with another vault key", "put that key back, or set it anew")
        elif record.refused_at is not None:
            yield warn(what, "refused by its upstream", f"`keyhatch credentials set {name}` sets another")
        else:
            try:
                vault_key.open(record)
            except Damaged:
                yield fail(what, "damaged", "set it anew, or `keyhatch restore` a backup")
