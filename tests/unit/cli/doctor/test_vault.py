"""Guarantees of gateway/cli/doctor/vault.py: what upstreams name and cannot be lent has its line and mend."""

import asyncio
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.doctor.finding import Finding, State
from gateway.cli.doctor.vault import look
from gateway.keeper.audit import Act
from gateway.keeper.credentials import SealedCredential
from gateway.store.schema import load_migrations
from gateway.store.sqlite import open_sqlite
from tests.support.vaults import OTHER_RAW, RAW, sealed
from tests.unit.cli.doctor.patients import patient

NAMED = {"main": {"url": "http://127.0.0.1:1", "credential": "vault:openai"}}


def found(
    folder: Path, records: Sequence[SealedCredential] | None = None, raw: bytes = RAW, **more: Any
) -> list[Finding]:
    """What is found where these records lie; None: there is no store."""

    async def fill() -> None:
        store = await open_sqlite(folder / "keys.db")
        await store.put_credentials(records or (), Act("set_credential"))
        await store.close()

    if records is not None:
        asyncio.run(fill())
    vault = {"vault": {"key": b64encode(raw).decode()}, "upstreams": NAMED, **more}
    return list(look(patient(folder, **vault)))


def test_where_no_upstream_names_one_nothing_is_said(tmp_path: Path) -> None:
    assert found(tmp_path, upstreams={}) == []


def test_all_is_well_where_all_can_be_lent(tmp_path: Path) -> None:
    [only] = found(tmp_path, [sealed()])
    assert (only.state, "openai" in only.found) == (State.OK, True)


@pytest.mark.parametrize(
    ("records", "raw", "state", "said"),
    [
        (None, RAW, State.FAIL, "not in the vault; `keyhatch credentials set openai`"),
        ([], RAW, State.FAIL, "not in the vault"),
        ([sealed()], OTHER_RAW, State.FAIL, "another vault key; put that key back"),
        ([replace(sealed(), nonce=bytes(12))], RAW, State.FAIL, "damaged; set it anew"),
        ([replace(sealed(), refused_at=1.0)], RAW, State.WARN, "refused by its upstream"),
    ],
    ids=["no store", "empty", "another key", "damaged", "refused"],
)
def test_what_cannot_be_lent_is_named_with_its_mend(
    tmp_path: Path, records: list[SealedCredential] | None, raw: bytes, state: State, said: str
) -> None:
    [only] = found(tmp_path, records, raw)
    assert (only.state, said in str(only)) == (state, True)


@pytest.mark.parametrize(("vault", "said"), [({}, "vault.key_file"), ({"key_file": "gone.key"}, "gone.key")])
def test_without_a_key_it_is_locked(tmp_path: Path, vault: dict[str, str], said: str) -> None:
    [only] = found(tmp_path, [sealed()], vault=vault)
    assert (only.state, "locked, so openai" in only.found, said in str(only)) == (State.FAIL, True, True)


def test_a_key_that_others_can_read_is_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    path.write_bytes(b64encode(RAW))
    path.chmod(0o644)
    first, second = found(tmp_path, [sealed()], vault={"key_file": str(path)})
    assert (first.state, first.mend) == (State.FAIL, f"chmod 600 {path}")
    assert second.state is State.OK


def test_what_is_wrong_with_the_store_itself_is_told_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "keys.db").write_bytes(b"no store")
    assert found(tmp_path) == []


def test_a_store_of_an_older_version_holds_none_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(tmp_path, [sealed()])[0].state is State.OK
    known = load_migrations()
    monkeypatch.setattr("gateway.cli.doctor.vault.load_migrations", lambda: (*known, known[-1]))
    assert "not in the vault" in found(tmp_path)[0].found
