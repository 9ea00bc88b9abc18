"""Guarantees of gateway/cli/missing.py: who is missing from a store is seen, nobody else."""

from typing import Any

import pytest

from gateway.cli.missing import Missing, missing_among
from gateway.core.keys import ApiKey
from tests.support.records import NOW, record

ENDED = ({"revoked_at": NOW - 1}, {"expires_at": NOW - 1})


def held(scopes: str, **more: Any) -> ApiKey:
    return record(scopes=frozenset(scopes.split()), **more)


def test_an_empty_store_has_neither() -> None:
    assert missing_among([], NOW) == Missing(caller=True, manager=True)


@pytest.mark.parametrize(
    ("scopes", "missing"),
    [
        ("keyhatch:admin", Missing(caller=True, manager=False)),
        ("keyhatch:*", Missing(caller=True, manager=False)),
        ("keyhatch:write keyhatch:read", Missing(caller=True, manager=True)),
        ("chat:write keyhatch:admin", Missing(caller=False, manager=False)),
        ("*", Missing(caller=False, manager=True)),
        ("", Missing(caller=False, manager=True)),
    ],
)
def test_a_key_is_there_for_what_it_may_do(scopes: str, missing: Missing) -> None:
    assert missing_among([held(scopes)], NOW) == missing


@pytest.mark.parametrize("end", ENDED, ids=["revoked", "expired"])
def test_one_that_ended_is_there_for_nobody(end: dict[str, float]) -> None:
    assert missing_among([held("", **end), held("keyhatch:admin", **end)], NOW) == Missing(
        caller=True, manager=True
    )


def test_one_that_is_switched_off_manages_nothing() -> None:
    off = [held("", disabled_at=NOW), held("keyhatch:admin", disabled_at=NOW)]
    assert missing_among(off, NOW) == Missing(caller=False, manager=True)


def test_one_that_does_is_enough() -> None:
    every = [held("keyhatch:admin"), held(""), held("chat:write", **ENDED[0])]
    assert missing_among(every, NOW) == Missing(caller=False, manager=False)
