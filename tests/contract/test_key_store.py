"""What every store of keys guarantees, whatever it is made of (gateway.keeper.ports.KeyStore)."""

import asyncio
import itertools
from collections import Counter
from dataclasses import replace
from ipaddress import ip_network

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.core.keys import EXPIRING_WINDOW_S, ApiKey
from gateway.keeper.ports import KeyNotFound, KeyStore, StoreUnavailable, Use
from gateway.store.faults import StoreConflict
from tests.support.records import NOW, digest, record

HOSTILE_TEXTS = [
    "'; DROP TABLE keys; --",
    '"; DELETE FROM secrets; --',
    "' OR '1'='1",
    ":id ?1 @name $x %s {0}",
    "back\\slash 'quote' \"double\" `tick`",
    "né ☃ 𝔘 \u202e",
    "nul \x00 inside",
    "",
]

# One store serves all examples of a property; each example brings ids of its own.
shared_store = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
fresh = itertools.count()


def full_record(key_id: str = "key_full") -> ApiKey:
    return record(
        key_id,
        name="Home Assistant",
        scopes=frozenset({"chat:*", "*:read", "keyhatch:read"}),
        created_by="key_admin",
        owner="ann",
        note="two\nlines",
        allow_from=(ip_network("10.0.0.0/8"), ip_network("fd00::/8")),
        expires_at=NOW + 0.1,
        disabled_at=NOW + 0.2,
        revoked_at=NOW + 0.3,
        rotated_at=NOW + 0.4,
        previous_digest=digest("before"),
        previous_preview="kh_eFgH…sTuV",
        previous_secret_valid_until=NOW + 0.5,
        previous_until_first_use=True,
        previous_secret_last_used_at=NOW + 0.6,
        previous_secret_last_used_from="fd00::2",
        last_used_at=NOW + 0.7,
        last_used_from="fd00::1",
        use_count=3,
        in_path=True,
    )


@pytest.mark.parametrize("key", [record(), full_record()], ids=["sparse", "full"])
async def test_a_record_comes_back_exactly_as_it_was_stored(store: KeyStore, key: ApiKey) -> None:
    await store.insert(key)
    assert await store.get(key.id) == key
    assert await store.find_by_digest(key.digest) == key
    assert await store.list_keys() == [key]


async def test_a_digest_before_a_rotation_leads_to_the_record(store: KeyStore) -> None:
    await store.insert(full_record())
    assert await store.find_by_digest(digest("before")) == full_record()


async def test_what_is_not_there_is_none(store: KeyStore) -> None:
    await store.insert(record())
    assert await store.get("key_2") is None
    assert await store.find_by_digest(digest("never")) is None
    assert await store.find_by_digest(b"") is None


async def test_keys_are_listed_newest_first_and_the_last_inserted_first_among_equals(store: KeyStore) -> None:
    for key_id, created_at in (("key_b", NOW), ("key_old", NOW - 1), ("key_a", NOW), ("key_new", NOW + 1)):
        await store.insert(record(key_id, created_at=created_at))
    assert [key.id for key in await store.list_keys()] == ["key_new", "key_a", "key_b", "key_old"]


@pytest.mark.parametrize(
    "intruder",
    [
        record("key_1", digest=digest("other")),
        record("key_2", digest=digest("key_1")),
        record("key_2", previous_digest=digest("key_1")),
        record("key_2", digest=digest("before")),
    ],
    ids=["id", "digest", "its previous digest", "the digest before a rotation"],
)
async def test_an_id_and_a_digest_belong_to_one_key(store: KeyStore, intruder: ApiKey) -> None:
    first = record("key_1", previous_digest=digest("before"))
    await store.insert(first)
    with pytest.raises(StoreConflict):
        await store.insert(intruder)
    assert await store.list_keys() == [first]
    assert await store.find_by_digest(digest("other")) is None


async def test_update_returns_and_keeps_what_was_changed(store: KeyStore) -> None:
    await store.insert(record())
    changed = await store.update("key_1", lambda key: replace(key, note="new", revoked_at=NOW))
    assert changed == record(note="new", revoked_at=NOW, revision=2)
    assert await store.get("key_1") == changed


async def test_update_gives_the_change_what_is_stored(store: KeyStore) -> None:
    await store.insert(full_record())
    seen: list[ApiKey] = []

    def look(key: ApiKey) -> ApiKey:
        seen.append(key)
        return key

    await store.update("key_full", look)
    assert seen == [full_record()]


async def test_digests_that_changes_replace_keep_leading_to_the_record(store: KeyStore) -> None:
    await store.insert(record(digest=digest("1")))
    for number in range(2, 5):
        await store.update(
            "key_1",
            lambda key, number=number: replace(  # type: ignore[misc]
                key, digest=digest(str(number)), previous_digest=key.digest
            ),
        )
    last = record(digest=digest("4"), previous_digest=digest("3"), revision=4)
    assert [await store.find_by_digest(digest(str(number))) for number in range(1, 5)] == [last] * 4


async def test_a_change_that_takes_another_keys_digest_is_refused_whole(store: KeyStore) -> None:
    await store.insert(record("key_1"))
    await store.insert(record("key_2"))
    with pytest.raises(StoreConflict):
        await store.update("key_2", lambda key: replace(key, digest=digest("key_1"), note="changed"))
    assert await store.get("key_2") == record("key_2")
    assert await store.find_by_digest(digest("key_1")) == record("key_1")


async def test_what_a_change_raises_passes_through_and_nothing_is_written(store: KeyStore) -> None:
    await store.insert(record())

    def refuse(key: ApiKey) -> ApiKey:
        raise LookupError(key.id)

    with pytest.raises(LookupError, match="key_1"):
        await store.update("key_1", refuse)
    assert await store.get("key_1") == record()
    await store.update("key_1", lambda key: replace(key, note="it still writes"))


async def test_a_change_may_not_rename_the_id(store: KeyStore) -> None:
    await store.insert(record())
    with pytest.raises(ValueError, match="keep the key's id"):
        await store.update("key_1", lambda key: replace(key, id="key_2"))
    assert await store.list_keys() == [record()]


async def test_updating_and_deleting_what_is_not_there_is_key_not_found(store: KeyStore) -> None:
    with pytest.raises(KeyNotFound, match="key_1"):
        await store.update("key_1", lambda key: key)
    with pytest.raises(KeyNotFound, match="key_1"):
        await store.delete("key_1")


async def test_deleting_removes_the_record_and_all_its_digests(store: KeyStore) -> None:
    await store.insert(full_record())
    await store.insert(record())
    await store.delete("key_full")
    assert await store.get("key_full") is None
    assert await store.find_by_digest(digest("key_full")) is None
    assert await store.find_by_digest(digest("before")) is None
    assert await store.list_keys() == [record()]
    await store.insert(full_record())
    assert await store.find_by_digest(digest("before")) == full_record()


async def test_no_update_is_lost_when_many_come_at_once(store: KeyStore) -> None:
    await store.insert(record())

    async def count() -> None:
        await store.update("key_1", lambda key: replace(key, note=str(int(key.note or 0) + 1)))

    await asyncio.gather(*(count() for _ in range(25)))
    key = await store.get("key_1")
    assert key is not None
    assert key.note == "25"


async def test_uses_are_added_up_with_the_latest_moment_and_its_peer(store: KeyStore) -> None:
    await store.insert(record("key_1"))
    await store.insert(record("key_2"))
    await store.record_uses([Use("key_1", NOW + 1, "10.0.0.1", 2), Use("key_2", NOW + 5, "10.0.0.2", 1)])
    await store.record_uses([Use("key_1", NOW + 3, "10.0.0.3", 4)])
    assert await store.get("key_1") == record(
        "key_1", last_used_at=NOW + 3, last_used_from="10.0.0.3", use_count=6
    )
    assert await store.get("key_2") == record(
        "key_2", last_used_at=NOW + 5, last_used_from="10.0.0.2", use_count=1
    )


async def test_an_older_use_is_counted_and_moves_nothing_backwards(store: KeyStore) -> None:
    before = record(previous_secret_last_used_at=NOW, previous_secret_last_used_from="10.0.0.1")
    await store.insert(before)
    await store.record_uses([Use("key_1", NOW + 9, "10.0.0.9", 1)])
    await store.record_uses([Use("key_1", NOW + 2, "10.0.0.2", 1, NOW - 1, "10.0.0.3")])
    assert await store.get("key_1") == replace(
        before, last_used_at=NOW + 9, last_used_from="10.0.0.9", use_count=2
    )


async def test_a_use_of_the_secret_before_is_kept_apart(store: KeyStore) -> None:
    await store.insert(record())
    await store.record_uses([Use("key_1", NOW + 2, "10.0.0.2", 1, NOW + 1, "10.0.0.3")])
    assert await store.get("key_1") == record(
        last_used_at=NOW + 2,
        last_used_from="10.0.0.2",
        use_count=1,
        previous_secret_last_used_at=NOW + 1,
        previous_secret_last_used_from="10.0.0.3",
    )


async def test_uses_of_unknown_keys_are_passed_over(store: KeyStore) -> None:
    await store.insert(record())
    await store.record_uses([])
    await store.record_uses([Use("key_gone", NOW, "10.0.0.1", 1), Use("key_1", NOW, "10.0.0.1", 1)])
    assert await store.list_keys() == [record(last_used_at=NOW, last_used_from="10.0.0.1", use_count=1)]


moments = st.floats(0, 4e9)
peers = st.sampled_from(["10.0.0.1", "::1"])
PreviousUse = tuple[float, str] | tuple[None, None]
previous_uses: st.SearchStrategy[PreviousUse] = st.just((None, None)) | st.tuples(moments, peers)
uses = st.lists(st.tuples(moments, peers, st.integers(1, 9), previous_uses))


@shared_store
@given(batches=st.lists(uses, max_size=4))
async def test_in_whatever_order_uses_arrive_the_latest_stands_and_none_is_lost(
    store: KeyStore,
    batches: list[list[tuple[float, str, int, PreviousUse]]],
) -> None:
    key_id = f"key_{next(fresh)}"
    await store.insert(record(key_id))
    before = 0.0
    for batch in batches:
        await store.record_uses(
            [Use(key_id, at, peer, count, *previous) for at, peer, count, previous in batch]
        )
        key = await store.get(key_id)
        assert key is not None
        assert (key.last_used_at or 0.0) >= before
        before = key.last_used_at or 0.0
    key = await store.get(key_id)
    every = [use for batch in batches for use in batch]
    assert key is not None
    assert key.use_count == sum(count for _, _, count, _ in every)
    assert key.last_used_at == max((at for at, *_ in every), default=None)
    of_previous = {(at, peer) for *_, (at, peer) in every if at is not None}
    assert key.previous_secret_last_used_at == max((at for at, _ in of_previous), default=None)
    if of_previous:
        assert (key.previous_secret_last_used_at, key.previous_secret_last_used_from) in of_previous
    if every:
        assert (key.last_used_at, key.last_used_from) in {(at, peer) for at, peer, *_ in every}


networks = st.ip_addresses().map(ip_network)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
records = st.builds(
    record,
    name=texts,
    owner=texts,
    note=texts,
    created_by=texts,
    preview=texts,
    scopes=st.frozensets(st.sampled_from(["chat:write", "*", "a:*", "*:b", "keyhatch:admin"])),
    allow_from=st.lists(networks, max_size=3).map(tuple),
    created_at=moments,
    expires_at=st.none() | moments,
    disabled_at=st.none() | moments,
    last_used_at=st.none() | moments,
    last_used_from=st.none() | texts,
    use_count=st.integers(0, 2**53 - 1),
)


@shared_store
@given(key=records)
async def test_any_record_survives_storing_exactly(store: KeyStore, key: ApiKey) -> None:
    key_id = f"key_{next(fresh)}"
    key = replace(key, id=key_id, digest=digest(key_id))
    await store.insert(key)
    assert await store.get(key_id) == key


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
async def test_texts_are_data_and_never_statements(store: KeyStore, text: str) -> None:
    await store.insert(record("key_1"))
    hostile = record(f"key_2{text}", name=text, owner=text, note=text, created_by=text, last_used_from=text)
    await store.insert(hostile)
    assert await store.get(hostile.id) == hostile
    await store.record_uses([Use(hostile.id, NOW, text, 1)])
    await store.update(hostile.id, lambda key: replace(key, note=text * 2))
    await store.delete(hostile.id)
    assert await store.list_keys() == [record("key_1")]


async def test_own_writes_do_not_look_like_somebody_elses(store: KeyStore) -> None:
    before = await store.data_version()
    await store.insert(record())
    await store.update("key_1", lambda key: replace(key, note="x"))
    await store.record_uses([Use("key_1", NOW, "10.0.0.1", 1)])
    await store.delete("key_1")
    assert await store.data_version() == before


async def test_keys_are_counted_as_their_records_say_also_at_the_very_moment(store: KeyStore) -> None:
    moments = [None, *(NOW + shift for shift in (-1.0, 0.0, 1.0, EXPIRING_WINDOW_S, EXPIRING_WINDOW_S + 1.0))]
    keys = [
        record(f"key_{number}", expires_at=expires_at, disabled_at=disabled_at, revoked_at=revoked_at)
        for number, (expires_at, disabled_at, revoked_at) in enumerate(
            itertools.product(moments, (None, NOW), (None, NOW))
        )
    ]
    for key in keys:
        await store.insert(key)
    assert await store.count_by_status(NOW) == Counter(key.status(NOW) for key in keys)


async def test_a_healthy_store_passes_its_check(store: KeyStore) -> None:
    await store.check()
    await store.insert(full_record())
    await store.check()


async def test_a_closed_store_refuses_everything_and_may_be_closed_again(store: KeyStore) -> None:
    await store.insert(record())
    await store.close()
    await store.close()
    for act in (
        lambda: store.get("key_1"),
        lambda: store.find_by_digest(digest("key_1")),
        store.list_keys,
        lambda: store.insert(record("key_2")),
        lambda: store.update("key_1", lambda key: key),
        lambda: store.delete("key_1"),
        lambda: store.record_uses([Use("key_1", NOW, "10.0.0.1", 1)]),
        store.data_version,
        lambda: store.count_by_status(NOW),
        store.check,
    ):
        with pytest.raises(StoreUnavailable, match="closed"):
            await act()
