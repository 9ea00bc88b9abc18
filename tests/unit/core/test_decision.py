"""Guarantees of gateway/core/decision.py: the words of a decision are values that show no secret's trace."""

import dataclasses
from math import inf
from typing import Any

import pytest

from gateway.core.credentials import NOTHING_TO_STRIP
from gateway.core.decision import Allow, Identity, NeedKey
from gateway.core.keys import EXPIRING_WINDOW_S, digest_of
from gateway.core.policy import judge
from gateway.core.refusal import Deny, Reason
from gateway.core.routes import Route
from tests.unit.core.samples import NOW, PEER, A, B, record

ROUTE = Route("chat", "/v1/**")
DIGEST = digest_of(A)
IDENTITY = Identity("key_1", "laptop", "", ())
NEED = NeedKey(DIGEST, ROUTE, NOTHING_TO_STRIP, PEER)
WORDS = [
    pytest.param(Allow(ROUTE, NOTHING_TO_STRIP, IDENTITY, record(), DIGEST), id="allow"),
    pytest.param(NEED, id="need-key"),
    pytest.param(Deny(Reason.KEY_UNKNOWN), id="deny"),
    pytest.param(IDENTITY, id="identity"),
]


@pytest.mark.parametrize("word", WORDS)
def test_a_decision_cannot_be_changed_after_it_was_made(word: Any) -> None:
    for field in dataclasses.fields(word):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(word, field.name, None)


@pytest.mark.parametrize("word", WORDS)
def test_a_decision_shows_no_digest(word: Any) -> None:
    assert repr(DIGEST) not in repr(word)


def test_an_allow_says_nothing_of_a_caller_unless_told() -> None:
    allow = Allow(ROUTE, NOTHING_TO_STRIP)
    assert (allow.identity, allow.key, allow.digest) == (None, None, b"")


@pytest.mark.parametrize(
    ("facts", "shown", "until"),
    [
        pytest.param({}, A, inf, id="never-ends"),
        pytest.param({"expires_at": NOW + 9}, A, NOW + 9, id="expires"),
        pytest.param(
            {"expires_at": NOW + 9, "previous_secret_valid_until": NOW + 5}, A, NOW + 9, id="new-secret"
        ),
        pytest.param(
            {"expires_at": NOW + 9, "previous_secret_valid_until": NOW + 5}, B, NOW + 5, id="old-secret"
        ),
        pytest.param(
            {"expires_at": NOW + 3, "previous_secret_valid_until": NOW + 5}, B, NOW + 3, id="old-secret-later"
        ),
        pytest.param({"previous_secret_valid_until": NOW + 5}, B, NOW + 5, id="old-secret-of-a-lasting-key"),
    ],
)
def test_it_stands_until_time_alone_ends_it(facts: dict[str, float], shown: str, until: float) -> None:
    key = record(A, previous_digest=digest_of(B), **facts)
    need = NeedKey(digest_of(shown), Route("any", "/any"), NOTHING_TO_STRIP, PEER)
    decision = judge(need, key, NOW)
    assert isinstance(decision, Allow)
    assert decision.until == until
    assert until == inf or isinstance(judge(need, key, until), Deny)


@pytest.mark.parametrize(
    ("left_s", "until", "told"),
    [
        pytest.param(EXPIRING_WINDOW_S + 1, NOW + 1, False, id="before-the-14-days"),
        pytest.param(EXPIRING_WINDOW_S, NOW + EXPIRING_WINDOW_S, True, id="at-their-beginning"),
        pytest.param(1, NOW + 1, True, id="in-the-last-second"),
    ],
)
def test_an_end_that_is_near_is_told_and_a_decision_from_before_stands_until_then(
    left_s: float, until: float, told: bool
) -> None:
    allow = judge(NEED, record(expires_at=NOW + left_s), NOW)
    assert isinstance(allow, Allow)
    assert (allow.until, allow.expires_at) == (until, NOW + left_s if told else None)


def test_an_overlap_that_ends_before_the_14_days_begin_ends_the_decision() -> None:
    key = record(B, previous_digest=DIGEST, previous_secret_valid_until=NOW + 1)
    allow = judge(NEED, dataclasses.replace(key, expires_at=NOW + 2 * EXPIRING_WINDOW_S), NOW)
    assert isinstance(allow, Allow)
    assert (allow.until, allow.expires_at) == (NOW + 1, None)


def test_a_key_without_an_end_has_none_that_is_near() -> None:
    allow = judge(NEED, record(), NOW)
    assert isinstance(allow, Allow)
    assert (allow.until, allow.expires_at) == (inf, None)
