"""Guarantees of gateway/store/credential_rows.py: a row that we would not have written is never believed."""

import sqlite3
from dataclasses import astuple
from pathlib import Path

import pytest

from gateway.keeper.audit import Act
from gateway.keeper.ports import StoreUnavailable
from gateway.store.credential_rows import credential_of
from gateway.store.sqlite import open_sqlite
from tests.support.vaults import VALUE, sealed

ROW = astuple(sealed())


def everything_in(folder: Path) -> bytes:
    return b"".join(each.read_bytes() for each in folder.iterdir())


def test_a_row_is_read_as_it_was_written() -> None:
    assert credential_of(ROW) == sealed()


@pytest.mark.parametrize("column", range(len(ROW)))
def test_a_value_of_another_kind_is_refused(column: int) -> None:
    with pytest.raises(ValueError, match="wrong kind"):
        credential_of((*ROW[:column], {}, *ROW[column + 1 :]))


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
