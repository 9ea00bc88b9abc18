"""Guarantees of gateway/plane/contract.py: what a plane stands on is a value, for every plane alike."""

import inspect
from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest

from gateway.plane.contract import Ground, Plane, Surroundings
from gateway.wire.request_head import Limits
from tests.support.plane_stand import PLANES


@pytest.mark.parametrize("kind", [Ground, Surroundings])
def test_what_a_plane_stands_on_is_replaced_whole_or_not_at_all(kind: Any) -> None:
    value = kind(*(None for _ in fields(kind)))
    for field in fields(kind):
        with pytest.raises(FrozenInstanceError):
            setattr(value, field.name, None)


def test_without_a_word_nobody_is_trusted_and_the_limits_are_the_documented_ones() -> None:
    ground = Ground({})
    assert ground.trusted == ()
    assert ground.limits == Limits(
        head_bytes_max=32 * 1024,
        fields_max=100,
        target_bytes_max=8 * 1024,
        body_bytes_max=None,
        head_timeout_s=10,
        idle_timeout_s=75,
    )


@pytest.mark.parametrize("plane", PLANES.values(), ids=PLANES)
def test_every_plane_is_driven_in_the_same_words(plane: Any) -> None:
    for name in ("start", "drain"):
        assert inspect.iscoroutinefunction(getattr(plane, name))
        assert inspect.signature(getattr(plane, name)) == inspect.signature(getattr(Plane, name))
