"""Guarantees of gateway/keeper/seal.py: what is sealed opens with its key, as what it was, and else not."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.keeper.credentials import SealedCredential
from gateway.keeper.seal import KEY_ID_BYTES, NONCE_BYTES, Damaged, VaultKey
from tests.support.records import NOW, repeatable_entropy
from tests.support.vaults import OTHER_RAW, RAW, VALUE, sealed

KEY = VaultKey.of(RAW)


@given(st.text(max_size=200), st.integers(1, 10**6))
def test_whatever_was_sealed_opens_again(value: str, version: int) -> None:
    made = KEY.seal("a", version, value, at=NOW, by="host", entropy=repeatable_entropy())
    assert VaultKey.of(RAW).open(made) == value


def test_nothing_of_the_value_stands_in_the_record() -> None:
    assert VALUE.encode() not in sealed().sealed
    assert (len(sealed().nonce), len(sealed().key_id)) == (NONCE_BYTES, KEY_ID_BYTES)


def test_two_seals_of_one_value_are_not_alike() -> None:
    entropy = repeatable_entropy()
    one, other = (KEY.seal("a", 1, VALUE, at=NOW, by="host", entropy=entropy) for _ in range(2))
    assert one.nonce != other.nonce
    assert one.sealed != other.sealed


ALTERED = {
    "renamed": replace(sealed(), name="other"),
    "an older version": replace(sealed(), version=2),
    "another nonce": replace(sealed(), nonce=bytes(12)),
    "a flipped bit": replace(sealed(), sealed=bytes([sealed().sealed[0] ^ 1]) + sealed().sealed[1:]),
    "cut": replace(sealed(), sealed=sealed().sealed[:-1]),
    "empty": replace(sealed(), sealed=b""),
    "a nonce of no length": replace(sealed(), nonce=b""),
}


@pytest.mark.parametrize("record", ALTERED.values(), ids=ALTERED)
def test_what_was_altered_does_not_open(record: SealedCredential) -> None:
    assert KEY.opens(record)
    with pytest.raises(Damaged) as damage:
        KEY.open(record)
    assert VALUE not in str(damage.value)


def test_another_key_is_told_from_damage() -> None:
    other = VaultKey.of(OTHER_RAW)
    assert not other.opens(sealed())
    with pytest.raises(Damaged):
        other.open(replace(sealed(), key_id=other.id))


def test_the_operators_bytes_are_never_the_key_itself_nor_shown() -> None:
    assert RAW not in (KEY.id, KEY._key)
    assert repr(KEY) == "VaultKey()"


@pytest.mark.parametrize("raw", [b"", bytes(31), bytes(33)], ids=len)
def test_a_key_has_32_bytes(raw: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        VaultKey.of(raw)
