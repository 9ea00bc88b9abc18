"""Guarantees of gateway/keeper/rotation.py: whatever was done before, a key has one or two living secrets."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.keys import compose_secret, digest_of
from gateway.core.policy import standing
from gateway.keeper.desk import Rotation, RuleBroken, StateConflict
from gateway.keeper.rotation import finished, refuse_dead, rotated, undone
from tests.support.records import NOW, record

SECRETS = [compose_secret("kh", bytes([number]) * 32) for number in range(4)]
KEY = record(digest=digest_of(SECRETS[0].reveal()), expires_at=NOW + 100)

rotations = st.builds(
    Rotation,
    overlap_s=st.none() | st.floats(0, 1e6),
    until_first_use=st.booleans(),
    end_previous=st.booleans(),
)


def living(key: object, now: float) -> int:
    assert isinstance(key, type(KEY))
    return sum(standing(key, digest_of(secret.reveal()), now) is None for secret in SECRETS)


@given(st.lists(st.tuples(rotations | st.sampled_from([undone, finished]), st.floats(0, 30)), max_size=8))
def test_a_living_key_always_has_its_own_secret_and_one_more_at_most(
    steps: list[tuple[object, float]],
) -> None:
    key, now = KEY, NOW
    for number, (step, wait_s) in enumerate(steps):
        secret = SECRETS[number % len(SECRETS)]
        try:
            if isinstance(step, Rotation):
                if digest_of(secret.reveal()) == key.digest:
                    continue
                key = rotated(key, step, secret, now)
            elif callable(step):
                key = step(key, now)
        except RuleBroken:
            pass
        now += wait_s
        alive = now < NOW + 100
        assert standing(key, key.digest, now) is None or not alive
        assert living(key, now) <= 2 if alive else living(key, now) == 0
        assert (key.previous_secret_valid_until or 0) <= NOW + 100


def test_what_was_undone_is_as_it_was_but_for_when() -> None:
    there = rotated(KEY, Rotation(overlap_s=60), SECRETS[1], NOW)
    assert replace(undone(there, NOW + 1), rotated_at=None) == KEY


def test_what_was_finished_cannot_be_undone() -> None:
    there = rotated(KEY, Rotation(overlap_s=60, until_first_use=True), SECRETS[1], NOW)
    with pytest.raises(StateConflict):
        undone(finished(there, NOW + 1), NOW + 1)


@pytest.mark.parametrize("fields", [{"revoked_at": NOW}, {"expires_at": NOW}], ids=["revoked", "expired"])
def test_a_dead_key_is_not_rotated_and_nothing_is_undone(fields: Any) -> None:
    there = replace(rotated(KEY, Rotation(overlap_s=60), SECRETS[1], NOW), **fields)
    for act in (
        lambda: rotated(there, Rotation(overlap_s=0), SECRETS[2], NOW),
        lambda: undone(there, NOW),
        lambda: refuse_dead(there, NOW),
    ):
        with pytest.raises(StateConflict, match="create a new key"):
            act()
