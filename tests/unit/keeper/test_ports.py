"""Guarantees of gateway/keeper/ports.py: what is handed over is a value, no trouble is another."""

import inspect
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from gateway.keeper.ports import KeyNotFound, KeyStore, StoreUnavailable, Use
from gateway.store.memory import MemoryKeyStore
from gateway.store.sqlite import SqliteKeyStore
from tests.unit.keeper.stage import DictStore


def test_what_is_handed_over_cannot_be_changed_any_more() -> None:
    value: Any = Use("k1", 1.0, "a", 2)
    with pytest.raises(FrozenInstanceError):
        value.key_id = "other"


def test_a_missing_key_and_a_missing_store_are_never_taken_for_each_other() -> None:
    assert not issubclass(KeyNotFound, StoreUnavailable)
    assert not issubclass(StoreUnavailable, KeyNotFound | OSError)


@pytest.mark.parametrize("store", [MemoryKeyStore, SqliteKeyStore, DictStore])
def test_every_store_can_be_asked_everything_in_the_same_words(store: type) -> None:
    promised = {name: call for name, call in vars(KeyStore).items() if inspect.iscoroutinefunction(call)}
    kept = {name: getattr(store, name, None) for name in promised}
    assert {name: list(inspect.signature(call).parameters) for name, call in kept.items() if call} == {
        name: list(inspect.signature(call).parameters) for name, call in promised.items()
    }
