"""A key on the wire: the one JSON shape in which CLI, management API and holders see a record.

It holds neither the secret nor a digest. Times are RFC 3339 in UTC, to the second; what never happened is
null, and an empty `allow_from` means anywhere. The names are a promise of the public interface.
"""

from datetime import UTC, datetime

from gateway.core.keys import ApiKey


def as_json(key: ApiKey, now: float) -> dict[str, object]:
    """The record as it stands at `now` (seconds since 1970, UTC), in the order of the documentation."""
    return {
        "id": key.id,
        "name": key.name,
        "preview": key.preview,
        "owner": key.owner,
        "note": key.note,
        "scopes": sorted(key.scopes),
        "allow_from": [str(network) for network in key.allow_from],
        "in_path": key.in_path,
        "status": key.status(now).value,
        "created_at": rfc3339(key.created_at),
        "created_by": key.created_by,
        "expires_at": rfc3339(key.expires_at),
        "last_used_at": rfc3339(key.last_used_at),
        "last_used_from": key.last_used_from,
        "use_count": key.use_count,
        "disabled_at": rfc3339(key.disabled_at),
        "revoked_at": rfc3339(key.revoked_at),
        "rotated_at": rfc3339(key.rotated_at),
        "previous_secret_valid_until": rfc3339(key.previous_secret_valid_until),
        "previous_until_first_use": key.previous_until_first_use,
        "previous_secret_last_used_at": rfc3339(key.previous_secret_last_used_at),
        "previous_secret_last_used_from": key.previous_secret_last_used_from,
    }


def rfc3339(at: float | None) -> str | None:
    """A moment as `2027-01-31T23:59:59Z`; None stays None."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
