"""What every store guarantees of many records at once: found, written all or none, read whole, marked."""

from dataclasses import replace

import pytest

from gateway.keeper.audit import Act, AuditQuery, verify_chain
from gateway.keeper.ports import KeyStore, WholeKey
from gateway.store.faults import StoreConflict
from tests.support.records import NOW, digest, record

MANY = 600  # more than two groups of what is asked at once


def whole(number: int, *, imported: bool = True, **fields: object) -> WholeKey:
    key = record(f"key_{number}", **fields)
    return WholeKey(key, {key.digest: imported})


async def test_many_are_written_found_and_read_whole(store: KeyStore) -> None:
    await store.insert(record("key_first"))
    keys = [whole(number, imported=number % 2 == 0) for number in range(MANY)]
    await store.insert_many(keys, Act("import", "host", None, NOW))
    asked = [each.key.digest for each in keys]
    found = await store.find_by_digests([*asked, digest("nobody")])
    assert found == {each.key.digest: each.key for each in keys}
    ids = await store.find_by_ids([*(each.key.id for each in keys), "key_nobody"])
    assert ids == {each.key.id: each.key for each in keys}
    assert await store.imported() == {each.key.digest: each.key.id for each in keys[::2]}
    numbered = await store.whole_keys(0, MANY + 2)
    assert [each for _, each in numbered[1:]] == keys
    assert numbered[0][1] == WholeKey(record("key_first"), {record("key_first").digest: False})
    assert await store.whole_keys(numbered[2][0], 2) == numbered[3:5]
    assert await store.whole_keys(numbered[-1][0], 2) == []
    entries = await store.audit(AuditQuery(limit=MANY + 2))
    assert [entry.act for entry in entries] == ["create", *["import"] * MANY]
    verify_chain(entries)


async def test_nothing_asked_is_nothing_found(store: KeyStore) -> None:
    assert (await store.find_by_digests([]), await store.find_by_ids([])) == ({}, {})
    await store.insert_many([])
    assert await store.audit() == []


@pytest.mark.parametrize(
    "clashing",
    [
        pytest.param(whole(1), id="an-id-and-its-digest"),
        pytest.param(whole(1, digest=digest("new")), id="an-id"),
        pytest.param(whole(9, digest=digest("key_1")), id="a-digest"),
        pytest.param(whole(9, previous_digest=digest("key_1")), id="the-digest-before"),
        pytest.param(replace(whole(9), secrets={digest("key_1"): True}), id="an-earlier-digest"),
        pytest.param(whole(2), id="one-of-its-own-id"),
        pytest.param(whole(9, digest=digest("key_2")), id="one-of-its-own-digest"),
    ],
)
async def test_where_one_clashes_none_is_written(store: KeyStore, clashing: WholeKey) -> None:
    await store.insert(record("key_1"))
    with pytest.raises(StoreConflict):
        await store.insert_many([whole(2), clashing])
    assert [key.id for key in await store.list_keys()] == ["key_1"]
    assert await store.imported() == {}
    assert len(await store.audit()) == 1
    assert await store.find_by_digest(digest("key_2")) is None


async def test_a_record_keeps_every_digest_it_came_with(store: KeyStore) -> None:
    key = record("key_1", previous_digest=digest("before"))
    came = WholeKey(key, {key.digest: False, digest("before"): False, digest("long ago"): True})
    await store.insert_many([came])
    assert [each for _, each in await store.whole_keys(0, 9)] == [came]
    for each in came.secrets:
        assert await store.find_by_digest(each) == key
    await store.update("key_1", lambda old: replace(old, digest=digest("new"), previous_digest=old.digest))
    [(_, now)] = await store.whole_keys(0, 9)
    assert now.secrets == {**came.secrets, digest("new"): False}
    assert await store.imported() == {digest("long ago"): "key_1"}


async def test_with_the_record_its_digests_are_forgotten(store: KeyStore) -> None:
    await store.insert_many([whole(1)])
    await store.delete("key_1")
    assert await store.imported() == {}
    await store.insert(whole(1).key)
    assert await store.imported() == {}
