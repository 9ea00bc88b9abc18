"""Guarantees of gateway/store/many.py beyond the contract: one statement however much is asked."""

from gateway.store.many import GROUP, groups, secrets_of


def test_what_is_asked_comes_in_groups_of_one_length() -> None:
    asked = [f"key_{number}" for number in range(2 * GROUP + 1)]
    found = list(groups(asked))
    assert {len(group) for group in found} == {GROUP}
    assert [each for group in found for each in group if each is not None] == asked
    assert list(groups([])) == []


def test_digests_are_gathered_by_their_key() -> None:
    found = [("key_1", b"a", 0), ("key_2", b"b", 1), ("key_1", b"c", 1)]
    assert secrets_of(found) == {"key_1": {b"a": False, b"c": True}, "key_2": {b"b": True}}
