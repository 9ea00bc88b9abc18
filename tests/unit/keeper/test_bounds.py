"""Guarantees of gateway/keeper/bounds.py: what is taken in can be shown, changed and revoked."""

from typing import Any

import pytest

from gateway.keeper.bounds import (
    COUNT_MAX,
    SHOWN_CHARS_MAX,
    TAKEN_COUNT_MAX,
    are_moments,
    can_be_shown,
    can_go_on,
)
from gateway.keeper.expiry import MOMENT_MAX
from tests.support.records import NOW, record


@pytest.mark.parametrize("moment", [None, 0, 0.0, NOW, MOMENT_MAX])
def test_a_moment_that_can_be_written_is_one(moment: float | None) -> None:
    assert are_moments((NOW, moment))


@pytest.mark.parametrize("moment", [-1, float("nan"), float("inf"), MOMENT_MAX + 1, 10**400])
def test_any_other_number_is_none(moment: float) -> None:
    assert not are_moments((NOW, moment))


@pytest.mark.parametrize("name", ["use_count", "revision"])
def test_what_is_taken_in_has_room_for_as_much_again(name: str) -> None:
    full: dict[str, Any] = {name: TAKEN_COUNT_MAX}
    assert can_go_on(record(**full))
    beyond: dict[str, Any] = {name: TAKEN_COUNT_MAX + 1}
    assert not can_go_on(record(**beyond))
    assert 2 * TAKEN_COUNT_MAX - 1 <= COUNT_MAX


@pytest.mark.parametrize("text", [None, "", "kh_AbCd…wXyZ", "fe80::1%eth0", "x" * SHOWN_CHARS_MAX])
def test_what_is_short_and_no_secret_is_shown(text: str | None) -> None:
    assert can_be_shown(text)


@pytest.mark.parametrize("text", ["x" * (SHOWN_CHARS_MAX + 1), "a\nb", "\x1b[31m", f"kh_{'a1B2' * 12}x"])
def test_a_long_text_a_secret_and_what_moves_a_terminal_are_not(text: str) -> None:
    assert not can_be_shown(text)
