"""Guarantees of gateway/keeper/cache.py: one digest, one answer, bounded, and the past stays past."""

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.core.keys import ApiKey
from gateway.keeper.cache import KeyCache
from tests.unit.keeper.stage import key_of

OLD, NEW = b"old" * 8, b"new" * 8


def test_an_unasked_digest_is_neither_known_nor_absent() -> None:
    cache = KeyCache()
    assert cache.look_up(b"x") is None
    assert not cache.is_absent(b"x")


def test_what_was_found_is_remembered_and_so_is_what_was_not() -> None:
    cache = KeyCache()
    cache.remember(b"x", key_of(1), cache.generation)
    cache.remember(b"y", None, cache.generation)
    assert cache.look_up(b"x") == key_of(1)
    assert not cache.is_absent(b"x")
    assert cache.look_up(b"y") is None
    assert cache.is_absent(b"y")


@pytest.mark.parametrize("bits", range(0, 256, 37))
def test_a_digest_that_differs_in_one_bit_is_another_key(bits: int) -> None:
    cache = KeyCache()
    digest = key_of(1).digest
    cache.remember(digest, key_of(1), cache.generation)
    near = (int.from_bytes(digest, "big") ^ (1 << bits)).to_bytes(32, "big")
    assert cache.look_up(near) is None
    assert cache.look_up(digest[:31]) is None


def test_a_change_reaches_a_record_under_every_digest_that_leads_to_it() -> None:
    cache = KeyCache()
    cache.remember(OLD, key_of(1), cache.generation)
    cache.remember(NEW, key_of(1), cache.generation)
    cache.remember(b"other", key_of(2), cache.generation)
    revoked = key_of(1, revoked_at=5.0)
    cache.changed("k1", revoked)
    assert cache.look_up(OLD) == cache.look_up(NEW) == revoked
    assert cache.look_up(b"other") == key_of(2)


def test_a_deleted_record_is_forgotten_under_every_digest() -> None:
    cache = KeyCache()
    cache.remember(OLD, key_of(1), cache.generation)
    cache.remember(NEW, key_of(1), cache.generation)
    cache.changed("k1", None)
    assert (cache.look_up(OLD), cache.look_up(NEW)) == (None, None)
    assert not cache.is_absent(OLD)


def test_a_change_asks_every_absence_anew() -> None:
    cache = KeyCache()
    cache.remember(b"x", None, cache.generation)
    cache.changed("k1", key_of(1))
    assert not cache.is_absent(b"x")


def test_a_change_to_a_record_that_is_not_cached_caches_nothing() -> None:
    cache = KeyCache()
    cache.changed("k1", key_of(1))
    assert cache.look_up(key_of(1).digest) is None


@pytest.mark.parametrize("found", [key_of(1), None], ids=["record", "absence"])
@pytest.mark.parametrize("change", ["changed", "deleted", "cleared"])
def test_a_look_up_that_began_before_a_change_leaves_nothing_behind(
    found: ApiKey | None, change: str
) -> None:
    cache = KeyCache()
    began = cache.generation
    if change == "cleared":
        cache.clear()
    else:
        cache.changed("k1", key_of(1, revoked_at=5.0) if change == "changed" else None)
    cache.remember(b"x", found, began)
    assert cache.look_up(b"x") is None
    assert not cache.is_absent(b"x")


def test_clearing_forgets_everything() -> None:
    cache = KeyCache()
    cache.remember(b"x", key_of(1), cache.generation)
    cache.remember(b"y", None, cache.generation)
    cache.clear()
    assert cache.look_up(b"x") is None
    assert not cache.is_absent(b"y")
    cache.changed("k1", key_of(1))
    assert cache.look_up(b"x") is None


def test_a_flood_of_unknown_keys_pushes_no_known_one_out() -> None:
    cache = KeyCache(records_max=2, absences_max=3)
    cache.remember(b"x", key_of(1), cache.generation)
    for number in range(100):
        cache.remember(b"%d" % number, None, cache.generation)
    assert cache.look_up(b"x") == key_of(1)
    assert [number for number in range(100) if cache.is_absent(b"%d" % number)] == [97, 98, 99]


def test_the_oldest_record_goes_first() -> None:
    cache = KeyCache(records_max=2)
    for number in (1, 2, 3):
        cache.remember(b"%d" % number, key_of(number), cache.generation)
    assert [cache.look_up(b"%d" % number) for number in (1, 2, 3)] == [None, key_of(2), key_of(3)]


def test_what_is_remembered_twice_pushes_nothing_out() -> None:
    cache = KeyCache(records_max=2, absences_max=2)
    for digest in (b"1", b"2", b"2"):
        cache.remember(digest, key_of(int(digest)), cache.generation)
    for digest in (b"3", b"4", b"4"):
        cache.remember(digest, None, cache.generation)
    assert cache.look_up(b"1") == key_of(1)
    assert cache.is_absent(b"3")


IDS = st.sampled_from(["k0", "k1", "k2"])
DIGESTS = st.binary(min_size=1, max_size=1).map(lambda raw: b"%d" % (raw[0] % 8))
RECORDS_MAX, ABSENCES_MAX = 4, 3


class CacheMachine(RuleBasedStateMachine):
    """The cache beside a store: whatever it answers is what the store would say."""

    def __init__(self) -> None:
        super().__init__()
        self.cache = KeyCache(RECORDS_MAX, ABSENCES_MAX)
        self.keys = {f"k{number}": key_of(number) for number in range(3)}
        self.holders: dict[bytes, str] = {}
        self.began: list[tuple[bytes, ApiKey | None, int]] = []
        self.writes = 0

    def truth(self, digest: bytes) -> ApiKey | None:
        return self.keys.get(self.holders.get(digest, ""))

    @rule(digest=DIGESTS)
    def look_up(self, digest: bytes) -> None:
        if self.cache.look_up(digest) is None and not self.cache.is_absent(digest):
            self.began.append((digest, self.truth(digest), self.cache.generation))

    @rule(at=st.integers(0, 9))
    def arrive(self, at: int) -> None:
        if self.began:
            self.cache.remember(*self.began.pop(at % len(self.began)))

    @rule(key_id=IDS, digest=DIGESTS)
    def write(self, key_id: str, digest: bytes) -> None:
        """A record is made or changed, and a digest leads to it if it led to none."""
        self.writes += 1
        self.keys[key_id] = replace(key_of(int(key_id[1])), use_count=self.writes)
        self.holders.setdefault(digest, key_id)
        self.cache.changed(key_id, self.keys[key_id])

    @rule(key_id=IDS)
    def delete(self, key_id: str) -> None:
        self.keys.pop(key_id, None)
        self.holders = {digest: holder for digest, holder in self.holders.items() if holder != key_id}
        self.cache.changed(key_id, None)

    @rule()
    def clear(self) -> None:
        self.cache.clear()

    @invariant()
    def it_answers_as_the_store_would(self) -> None:
        for number in range(8):
            digest = b"%d" % number
            key = self.cache.look_up(digest)
            assert key is None or key == self.truth(digest)
            assert not (self.cache.is_absent(digest) and self.truth(digest))

    @invariant()
    def it_stays_within_its_bounds_and_keeps_no_stray(self) -> None:
        records, digests = self.cache._records, self.cache._digests
        assert len(records) <= RECORDS_MAX
        assert len(self.cache._absent) <= ABSENCES_MAX
        assert {digest for group in digests.values() for digest in group} == set(records)
        assert all(digests.values())


TestCacheMachine = CacheMachine.TestCase
TestCacheMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
