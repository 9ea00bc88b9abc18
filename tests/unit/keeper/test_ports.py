"""Guarantees of gateway/keeper/ports.py: what is handed over is a value, no trouble is another."""

import inspect
from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest

from gateway.core.refusal import Reason
from gateway.keeper.ports import Exchange, KeyNotFound, KeyStore, StoreUnavailable, Use
from gateway.store.memory import MemoryKeyStore
from gateway.store.sqlite import SqliteKeyStore
from tests.unit.keeper.stage import DictStore

OVER = Exchange(
    request_id="req-1",
    kind="plain",
    method="GET",
    path="/v1/models",
    route_id="models",
    upstream="ai",
    key_id=None,
    key_name=None,
    peer="192.0.2.7",
    status=404,
    reason=Reason.NO_ROUTE,
    cut=None,
    bytes_in=0,
    bytes_out=2,
    duration_s=0.1,
    first_byte_s=None,
    own_s=None,
)


@pytest.mark.parametrize("value", [Use("k1", 1.0, "a", 2), OVER], ids=["use", "exchange"])
def test_what_is_handed_over_cannot_be_changed_any_more(value: Any) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(value, fields(value)[0].name, "other")


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
