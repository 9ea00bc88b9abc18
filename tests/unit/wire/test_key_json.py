"""Guarantees of gateway/wire/key_json.py: the fields of the public interface, and nothing secret."""

import json
from ipaddress import ip_network

import pytest

from gateway.wire.key_json import as_json, rfc3339
from tests.support.records import NOW, digest, record

PROMISED = [
    "id",
    "name",
    "preview",
    "owner",
    "note",
    "scopes",
    "allow_from",
    "in_path",
    "status",
    "created_at",
    "created_by",
    "expires_at",
    "last_used_at",
    "last_used_from",
    "use_count",
    "disabled_at",
    "revoked_at",
    "rotated_at",
    "previous_secret_valid_until",
    "previous_until_first_use",
    "previous_secret_last_used_at",
    "previous_secret_last_used_from",
]


def test_the_fields_are_those_promised_in_their_order() -> None:
    assert list(as_json(record(), NOW)) == PROMISED


def test_what_never_happened_is_null() -> None:
    told = as_json(record(), NOW)
    assert {name for name, value in told.items() if value is None} == {
        "expires_at",
        "last_used_at",
        "last_used_from",
        "disabled_at",
        "revoked_at",
        "rotated_at",
        "previous_secret_valid_until",
        "previous_secret_last_used_at",
        "previous_secret_last_used_from",
    }


def test_a_whole_key_reads_as_documented() -> None:
    key = record(
        scopes=frozenset({"models:read", "chat:*"}),
        owner="ann",
        note="kitchen",
        allow_from=(ip_network("192.168.1.0/24"), ip_network("::1/128")),
        created_by="key_admin",
        expires_at=NOW + 60.9,
        last_used_at=NOW + 1,
        last_used_from="10.0.0.1",
        use_count=7,
        disabled_at=NOW + 1.5,
        revoked_at=NOW + 2,
        rotated_at=NOW + 3,
        previous_digest=digest("before"),
        previous_secret_valid_until=NOW + 4,
        previous_secret_last_used_at=NOW + 5,
        previous_secret_last_used_from="10.0.0.2",
    )
    assert json.loads(json.dumps(as_json(key, NOW))) == {
        "id": "key_1",
        "name": "laptop",
        "preview": "kh_AbCd…wXyZ",
        "owner": "ann",
        "note": "kitchen",
        "scopes": ["chat:*", "models:read"],
        "allow_from": ["192.168.1.0/24", "::1/128"],
        "in_path": False,
        "status": "revoked",
        "created_at": "2027-01-15T08:00:00Z",
        "created_by": "key_admin",
        "expires_at": "2027-01-15T08:01:00Z",
        "last_used_at": "2027-01-15T08:00:01Z",
        "last_used_from": "10.0.0.1",
        "use_count": 7,
        "disabled_at": "2027-01-15T08:00:01Z",
        "revoked_at": "2027-01-15T08:00:02Z",
        "rotated_at": "2027-01-15T08:00:03Z",
        "previous_secret_valid_until": "2027-01-15T08:00:04Z",
        "previous_until_first_use": False,
        "previous_secret_last_used_at": "2027-01-15T08:00:05Z",
        "previous_secret_last_used_from": "10.0.0.2",
    }


@pytest.mark.parametrize(
    ("now", "status"), [(NOW, "active"), (NOW + 86_400 * 20, "expiring"), (NOW + 86_400 * 30, "expired")]
)
def test_the_status_is_that_of_the_moment(now: float, status: str) -> None:
    assert as_json(record(expires_at=NOW + 86_400 * 30), now)["status"] == status


def test_no_digest_is_told_in_any_form() -> None:
    told = json.dumps(as_json(record(previous_digest=digest("before")), NOW))
    assert digest("key_1").hex() not in told
    assert "digest" not in told


def test_times_are_rfc_3339_in_utc() -> None:
    assert rfc3339(0.0) == "1970-01-01T00:00:00Z"
    assert rfc3339(253_402_300_799.0) == "9999-12-31T23:59:59Z"
    assert rfc3339(None) is None
