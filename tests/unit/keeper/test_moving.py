"""Guarantees of gateway/keeper/moving.py that only the near desk shows; tests/contract has the others."""

import asyncio
from dataclasses import replace

import pytest

from gateway.core.keys import ApiKey, digest_of
from gateway.core.ours import IMPORTED_CHARS_MAX
from gateway.keeper.batch import KEYS_MAX, PAGE_KEYS_MAX, Existing, KeyImport
from gateway.keeper.desk import KeyEdit, RuleBroken
from gateway.keeper.ports import KeyNotFound
from tests.contract.desk_stand import near
from tests.support.records import StillClock

TEXT = "sk-q7ZbR2mX9tLw4VnKc8DsPe"


def existing(number: int = 0) -> Existing:
    return Existing(
        name=f"app {number}", digest=digest_of(f"{TEXT}{number}"), preview="sk-q…DsPe", line=number
    )


async def test_too_many_at_once_are_refused() -> None:
    stand = near(StillClock())
    with pytest.raises(RuleBroken, match="too many keys to import: 10000 is the most"):
        await stand.desk.import_keys(KeyImport(existing=(existing(),) * (KEYS_MAX + 1)))


async def test_a_page_is_bounded_whatever_is_asked() -> None:
    stand = near(StillClock())
    many = tuple(map(existing, range(PAGE_KEYS_MAX + 1)))
    await stand.desk.import_keys(KeyImport(existing=many))
    assert len(await stand.desk.export_keys(limit=PAGE_KEYS_MAX * 9)) == PAGE_KEYS_MAX


async def test_an_import_that_was_begun_is_finished_though_whoever_asked_has_left() -> None:
    stand = near(StillClock())
    asked = asyncio.ensure_future(stand.desk.import_keys(KeyImport(existing=(existing(),))))
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(stand.told) == len(stand.imported) == 1


async def test_a_text_that_is_too_long_to_be_imported_is_foreign() -> None:
    stand = near(StillClock())
    long = "x" * (IMPORTED_CHARS_MAX + 1)
    await stand.desk.import_keys(KeyImport(existing=(replace(existing(), digest=digest_of(long)),)))
    assert (await stand.desk.verify(long)).key is None


async def test_an_edit_of_a_key_that_was_deleted_meanwhile_finds_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stand = near(StillClock())
    key, _ = await stand.make()
    await stand.desk.revoke(key.id)
    await stand.desk.delete(key.id)

    async def found(_: str, __: int) -> list[ApiKey]:
        return [key]

    monkeypatch.setattr(stand.store, "find_by_name", found)
    with pytest.raises(KeyNotFound):
        await stand.desk.edit("laptop", KeyEdit(scopes=("keyhatch:read",)))
