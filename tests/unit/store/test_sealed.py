"""Guarantees of gateway/store/sealed.py beside the contract: damage is told, and what is sealed stays so."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.keeper.audit import Act
from gateway.keeper.ports import StoreUnavailable
from gateway.store.sqlite import open_sqlite
from tests.support.vaults import VALUE, sealed


def everything_in(folder: Path) -> bytes:
    return b"".join(each.read_bytes() for each in folder.iterdir())


async def test_a_store_with_such_a_row_says_that_it_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "keys.db"
    store = await open_sqlite(path)
    await store.put_credentials([sealed()], Act("set_credential"))
    await store.close()
    with sqlite3.connect(path) as database:
        database.execute("UPDATE credentials SET preview = x'00'")
    database.close()
    store = await open_sqlite(path)
    with pytest.raises(StoreUnavailable, match="the credential 'openai' cannot be read"):
        await store.credentials()
    await store.close()


async def test_the_value_never_stands_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "keys.db"
    store = await open_sqlite(path)
    await store.put_credentials([sealed()], Act("set_credential"))
    assert b"openai" in everything_in(tmp_path)
    assert VALUE.encode() not in everything_in(tmp_path)
    await store.close()


def test_what_makes_records_of_rows_is_loaded_with_the_first_row() -> None:
    script = "import sys, gateway.store.sqlite; print('gateway.store.credential_rows' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"
