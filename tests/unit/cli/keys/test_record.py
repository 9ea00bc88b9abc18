"""Guarantees of gateway/cli/keys/record.py: a record is told whole, and a name cannot command a terminal."""

import dataclasses
from typing import Any

import pytest

from gateway.cli.keys.record import called, fields, old_use, paint_status, table_for_people
from gateway.core.keys import ApiKey, Status
from gateway.keeper.expiry import MOMENT_MAX

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
    _, (row,) = table_for_people([dataclasses.replace(KEY, last_used_at=NOW - 7200)], NOW, 200)
    assert "2 h ago" in row


def test_a_name_in_a_sentence_is_one_line_without_control_characters() -> None:
    assert called(dataclasses.replace(KEY, name="a\x1b[31m\nb")) == '"a�[31m�b" (kh_AbCd…wXyZ)'


ROTATED = dataclasses.replace(
    KEY,
    rotated_at=NOW - 60,
    previous_preview="kh_OldO…ldld",
    previous_secret_valid_until=NOW + 7200,
    previous_secret_last_used_at=NOW - 180,
    previous_secret_last_used_from="10.0.0.9",
)


def rotation(key: ApiKey, now: float = NOW) -> dict[str, str]:
    """What is told of a key's rotation, without the moment of it."""
    told = fields(key, now, for_people=True)
    return {name: value for name, value in told.items() if name == "Rotation" or name.startswith("Old ")}


def test_a_rotation_under_way_tells_until_when_and_who_still_uses_the_old_secret() -> None:
    assert rotation(ROTATED) == {
        "Rotation": "under way",
        "Old secret": "kh_OldO…ldld",
        "Old secret works until": "2027-01-15T10:00:00Z (in 2 h)",
        "Old secret last used": "2027-01-15T07:57:00Z (3 min ago)",
        "Old secret last used from": "10.0.0.9",
    }


@pytest.mark.parametrize(
    ("until", "told"),
    [
        (MOMENT_MAX, "the first use of the new one"),
        (NOW + 7200, "the first use of the new one, at the latest 2027-01-15T10:00:00Z (in 2 h)"),
    ],
)
def test_one_until_first_use_says_so_and_an_end_only_where_there_is_one(until: float, told: str) -> None:
    key = dataclasses.replace(ROTATED, previous_until_first_use=True, previous_secret_valid_until=until)
    assert rotation(key)["Old secret works until"] == told


def test_an_old_secret_that_nobody_used_since_is_told_to_be_so() -> None:
    idle = dataclasses.replace(
        ROTATED, previous_secret_last_used_at=None, previous_secret_last_used_from=None
    )
    assert rotation(idle)["Old secret last used"] == "not since the rotation"
    assert old_use(idle, NOW) == "was not used since"


def test_a_rotation_that_is_over_tells_when_the_old_secret_ended() -> None:
    assert rotation(ROTATED, NOW + 10_800) == {
        "Old secret ended": "2027-01-15T10:00:00Z (1 h ago)",
        "Old secret last used": "2027-01-15T07:57:00Z (3 h ago)",
        "Old secret last used from": "10.0.0.9",
    }


def test_the_use_of_an_old_secret_is_told_in_a_sentence() -> None:
    assert old_use(ROTATED, NOW) == "was last used 3 min ago from 10.0.0.9"
    nowhere = dataclasses.replace(ROTATED, previous_secret_last_used_from=None)
    assert old_use(nowhere, NOW) == "was last used 3 min ago"
