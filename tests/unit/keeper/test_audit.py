"""Guarantees of gateway/keeper/audit.py: what was done cannot be told otherwise afterwards."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.keys import ApiKey
from gateway.keeper.audit import GENESIS, Act, AuditEntry, ChainBroken, chained, described, verify_chain
from tests.support.records import NOW, record

CHANGES = {
    "number": 9,
    "at": NOW + 99,
    "actor": "key_other",
    "act": "delete",
    "key_id": "key_other",
    "request_id": "req-other",
    "before": {"name": "other"},
    "after": {"name": "other"},
    "previous": bytes(range(32)),
    "hash": bytes(range(32)),
}


def chain(length: int = 4) -> list[AuditEntry]:
    entries: list[AuditEntry] = []
    for number in range(1, length + 1):
        previous = entries[-1].hash if entries else GENESIS
        act = Act("create", "key_admin", f"req-{number}", NOW + number)
        entries.append(chained(number, previous, act, f"key_{number}", None, record(f"key_{number}")))
    return entries


def test_a_chain_holds_and_tells_its_end() -> None:
    entries = chain()
    assert verify_chain(entries) == (4, entries[-1].hash)
    assert verify_chain([]) == (0, GENESIS)


@given(st.integers(0, 3), st.sampled_from(sorted(CHANGES)))
def test_whatever_is_changed_is_found_there(at: int, what: str) -> None:
    entries = chain()
    entries[at] = replace(entries[at], **{what: CHANGES[what]})  # type: ignore[arg-type]
    with pytest.raises(ChainBroken) as broken:
        verify_chain(entries)
    assert broken.value.number == at + 1


@given(st.integers(0, 2))
def test_an_entry_that_is_missing_is_found(at: int) -> None:
    entries = chain()
    del entries[at]
    with pytest.raises(ChainBroken) as broken:
        verify_chain(entries)
    assert broken.value.number == at + 1


def test_a_chain_that_was_written_anew_from_somewhere_is_found_by_whoever_noted_its_end() -> None:
    noted = verify_chain(chain())
    other = chained(5, bytes(32), Act("create"), "key_5", None, record("key_5"))
    with pytest.raises(ChainBroken):
        verify_chain([other], *noted)


def test_a_key_is_described_without_its_digests_and_its_uses() -> None:
    told = described(record(previous_digest=bytes(32)))
    assert told is not None
    unsaid = {"id", "digest", "previous_digest", "created_at", "created_by", "use_count", "revision"}
    used = {name for name in ApiKey.__dataclass_fields__ if "last_used" in name}
    assert set(told) == set(ApiKey.__dataclass_fields__) - unsaid - used
    assert described(None) is None
