"""Guarantees of gateway/cli/keys/record.py: a record is told whole, and a name cannot command a terminal."""

import dataclasses
from typing import Any

import pytest

from gateway.cli.keys.record import called, fields, paint_status, table_for_people
from gateway.core.keys import ApiKey, Status

NOW = 1_800_000_000.0
KEY = ApiKey(
    id="key_1", name="one", preview="kh_AbCd…wXyZ", digest=b"", scopes=frozenset(), created_at=NOW - 60
)


@pytest.mark.parametrize(
    "moment", ["disabled_at", "revoked_at", "rotated_at", "previous_secret_last_used_at"]
)
def test_what_happened_is_told_and_what_did_not_is_left_out(moment: str) -> None:
    before = fields(KEY, NOW, for_people=False)
    happened: dict[str, Any] = {moment: NOW - 60}
    after = fields(dataclasses.replace(KEY, **happened), NOW, for_people=False)
    assert len(after) == len(before) + 1
    assert "2027-01-15T07:59:00Z" in after.values()


@pytest.mark.parametrize("status", list(Status))
def test_every_status_has_a_colour(status: Status) -> None:
    assert paint_status(status.value + "  ").startswith("\x1b[")


def test_what_is_no_status_has_none() -> None:
    assert paint_status("STATUS") == "STATUS"


def test_a_use_without_an_address_is_told_without_one() -> None:
    _, (row,) = table_for_people([dataclasses.replace(KEY, last_used_at=NOW - 7200)], NOW)
    assert "2 h ago" in row


def test_a_name_in_a_sentence_is_one_line_without_control_characters() -> None:
    assert called(dataclasses.replace(KEY, name="a\x1b[31m\nb")) == '"a�[31m�b" (kh_AbCd…wXyZ)'
