"""Guarantees of gateway/admin/target_words.py: what is told there is what is read here."""

import pytest
from pydantic import ValidationError

from gateway.admin.target_words import TARGET_ACTS, AskTarget, TellTargets
from gateway.keeper.draining import TargetSeen
from gateway.wire.targets import State

SEEN = TargetSeen("ai", "big", State.DOWN, 3, 1.5, "Connection refused")


def test_a_target_comes_through_whole() -> None:
    told = TellTargets.model_validate_json(TellTargets.of([SEEN]).model_dump_json())
    assert [each.seen() for each in told.targets] == [SEEN]


def test_who_names_no_target_means_all() -> None:
    assert AskTarget.model_validate_json('{"upstream": "ai"}').target is None
    with pytest.raises(ValidationError):
        AskTarget.model_validate_json('{"upstream": "ai", "else": 1}')


def test_the_set_of_acts_is_closed() -> None:
    assert set(TARGET_ACTS) == {"list_targets", "drain_target", "resume_target"}
