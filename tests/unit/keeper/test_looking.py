"""Guarantees of gateway/keeper/looking.py: whoever looks sees what is there, and changes nothing."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from gateway.core.keys import ApiKey, Status, digest_of
from gateway.keeper.audit import Once
from gateway.keeper.desk import KeyDraft, NameAmbiguous, RuleBroken, StatusFilter
from gateway.keeper.keyring import Keyring
from gateway.keeper.ports import KeyNotFound, KeyQuery
from gateway.keeper.usage import Usage
from gateway.store.memory import MemoryKeyStore
from tests.support.records import NOW, StillClock, repeatable_entropy

USED_AT = NOW + 1.0


def used(key: ApiKey) -> ApiKey:
    """A use that is not written yet."""
    return replace(key, last_used_at=USED_AT)


@pytest.fixture
def keyring() -> Keyring:
    return Keyring(
        MemoryKeyStore(),
        StillClock(),
        prefix="kh",
        default_expiry_s=None,
        max_active_per_owner=50,
        catalogue={},
        entropy=repeatable_entropy(),
        on_change=lambda _id, _key: None,
        latest=used,
    )


async def make(keyring: Keyring, name: str = "key", owner: str = "") -> str:
    return (await keyring.create(KeyDraft(name=name, owner=owner)))[0].id


async def test_a_record_is_got_by_its_id_with_its_latest_use(keyring: Keyring) -> None:
    key_id = await make(keyring)
    found = await keyring.get(key_id)
    assert (found.id, found.last_used_at) == (key_id, USED_AT)


@pytest.mark.parametrize("wrong", ["key", "key_0000000000000000", ""])
async def test_by_anything_else_none_is_got(keyring: Keyring, wrong: str) -> None:
    await make(keyring)
    with pytest.raises(KeyNotFound):
        await keyring.get(wrong)


async def test_a_digest_leads_to_its_holder_living_or_dead(keyring: Keyring) -> None:
    key, secret = await keyring.create(KeyDraft(name="key"))
    digest = digest_of(secret.reveal())
    for _ in range(2):
        found = await keyring.holder_of(digest)
        assert found is not None
        assert (found.id, found.last_used_at) == (key.id, USED_AT)
        await keyring.revoke(key.id)
    assert await keyring.holder_of(bytes(32)) is None


@pytest.mark.parametrize(
    ("status", "owner", "names"),
    [
        (None, None, ["b", "a"]),
        ("all", None, ["c", "b", "a"]),
        (Status.REVOKED, None, ["c"]),
        (Status.ACTIVE, None, ["b", "a"]),
        (Status.EXPIRED, None, []),
        ("all", "ann", ["c", "a"]),
        (None, "ann", ["a"]),
        (None, "nobody", []),
    ],
)
async def test_a_list_and_its_pages_hold_the_same(
    keyring: Keyring, status: StatusFilter, owner: str | None, names: list[str]
) -> None:
    await make(keyring, "a", "ann")
    await make(keyring, "b", "bob")
    await keyring.revoke(await make(keyring, "c", "ann"))
    assert {key.name for key in await keyring.list_keys(status, owner)} == set(names)
    paged = await keyring.page(status=status, owner=owner)
    assert [key.name for _, key in paged] == names
    assert {key.last_used_at for _, key in paged} <= {USED_AT}


async def test_a_page_begins_where_the_one_before_ended(keyring: Keyring) -> None:
    made = [await make(keyring, name) for name in ("alpha", "beta", "gamma")]
    first = await keyring.page(limit=2)
    second = await keyring.page(limit=2, before=first[-1][0])
    assert [key.id for _, key in first + second] == made[::-1]
    assert [key.name for _, key in await keyring.page(text="BETA")] == ["beta"]


async def test_what_was_done_once_is_known_to_whoever_did_it(keyring: Keyring) -> None:
    once = Once("name", bytes(32))
    ann, bob = keyring.acting("ann", once=once), keyring.acting("bob")
    key, _ = await ann.create(KeyDraft(name="key"))
    done = await ann.done_once("name")
    assert done is not None
    assert (done.key_id, done.act, done.fingerprint) == (key.id, "create", bytes(32))
    assert await ann.done_once("another") is None
    assert await bob.done_once("name") is None


async def test_a_key_is_meant_by_its_id_or_its_name(keyring: Keyring) -> None:
    key_id = await make(keyring, "laptop")
    assert {(await keyring.resolve(word)).id for word in (key_id, "laptop")} == {key_id}
    with pytest.raises(KeyNotFound, match="no key has the id or name 'Laptop'"):
        await keyring.resolve("Laptop")
    with pytest.raises(KeyNotFound):
        await keyring.resolve("key_0000000000000000")


@pytest.mark.parametrize(("many", "told"), [(2, "2 keys"), (10, "10 keys"), (11, "more than 10 keys")])
async def test_a_name_of_several_means_none_and_their_ids_are_told(
    keyring: Keyring, many: int, told: str
) -> None:
    made = [await make(keyring, "laptop") for _ in range(many)]
    with pytest.raises(NameAmbiguous, match=told) as refused:
        await keyring.resolve("laptop")
    assert sum(key_id in str(refused.value) for key_id in made) == min(many, 10)
    assert ("and more" in str(refused.value)) == (many > 10)


async def test_a_secret_in_the_place_of_a_name_is_refused_unrepeated(keyring: Keyring) -> None:
    _, secret = await keyring.create(KeyDraft(name="key"))
    with pytest.raises(RuleBroken) as refused:
        await keyring.resolve(secret.reveal())
    assert secret.reveal() not in str(refused.value)


class SlowStore(MemoryKeyStore):
    """A store in which a batch of uses lands while a page is read."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], Awaitable[object]] = self.check

    async def page(self, query: KeyQuery) -> list[tuple[int, ApiKey]]:
        await self.meanwhile()
        return await super().page(query)


@pytest.mark.parametrize("landing", [False, True], ids=["not-written", "written-while-it-is-read"])
async def test_a_key_that_was_used_a_moment_ago_counts_as_used(*, landing: bool) -> None:
    store, clock = SlowStore(), StillClock()
    usage = Usage(store, clock, lambda: None)
    keyring = Keyring(
        store,
        clock,
        prefix="kh",
        default_expiry_s=None,
        max_active_per_owner=50,
        catalogue={},
        entropy=repeatable_entropy(),
        on_change=lambda _id, _key: None,
        latest=usage.latest,
        unwritten=usage.unwritten,
    )
    key_id, idle = await make(keyring, "key"), await make(keyring, "idle")
    clock.time += 10
    usage.note(key_id, "::1", clock.time - 0.1)
    if landing:
        store.meanwhile = usage.flush
    [(_, found)] = await keyring.page(used_since=clock.time - 1)
    assert (found.id, found.last_used_at, found.use_count) == (key_id, clock.time - 0.1, 1)
    assert [key.id for _, key in await keyring.page(unused_since=clock.time - 1)] == [idle]
    assert await keyring.page(used_since=clock.time) == []
    assert len(await keyring.page(unused_since=clock.time)) == 2
