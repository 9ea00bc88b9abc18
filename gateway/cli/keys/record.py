"""A key's record for eyes: its row in a list, its fields when it is shown, its name in a sentence."""

from typing import Final

import click

from gateway.cli.moments import ago, ahead
from gateway.cli.table import clean
from gateway.core.keys import ApiKey
from gateway.wire.key_json import rfc3339

HEAD: Final = ("ID", "NAME", "KEY", "SCOPES", "OWNER", "CREATED", "LAST USED", "EXPIRES", "STATUS")
_STATUS_COLUMN: Final = len(HEAD) - 1
_COLOURS: Final = {
    "active": "green",
    "expiring": "yellow",
    "expired": "red",
    "disabled": "bright_black",
    "revoked": "red",
}


def row_for_people(key: ApiKey, now: float) -> list[str]:
    """The record's row under `HEAD`, with moments as people say them."""
    used = "never" if key.last_used_at is None else _used(key.last_used_at, key.last_used_from, now)
    expires = "never" if key.expires_at is None else ahead(key.expires_at, now)
    return _row(key, now, ago(key.created_at, now), used, expires)


def row_for_programs(key: ApiKey, now: float) -> list[str]:
    """The record's row in the order of `HEAD`, moments as RFC 3339, empty where there is none."""
    moments = (key.created_at, key.last_used_at, key.expires_at)
    created, used, expires = ((rfc3339(at) or "") for at in moments)
    return _row(key, now, created, used, expires)


def paint_status(text: str, column: int) -> str:
    """Colour the cell of a status."""
    colour = _COLOURS.get(text.strip()) if column == _STATUS_COLUMN else None
    return click.style(text, fg=colour) if colour else text


def fields(key: ApiKey, now: float, *, for_people: bool) -> dict[str, str]:
    """Everything there is to see of a record, leaving out what never happened."""

    def moment(at: float | None) -> str:
        if at is None:
            return ""
        return f"{rfc3339(at)} ({ahead(at, now)})" if for_people else str(rfc3339(at))

    found = {
        "ID": key.id,
        "Name": key.name,
        "Key": key.preview,
        "Status": key.status(now).value,
        "Scopes": " ".join(sorted(key.scopes)) or "none",
        "Owner": key.owner,
        "Note": key.note,
        "Allowed from": " ".join(map(str, key.allow_from)) or "anywhere",
        "Created": moment(key.created_at),
        "Created by": key.created_by,
        "Expires": moment(key.expires_at) or "never",
        "Last used": moment(key.last_used_at) or "never",
        "Last used from": key.last_used_from or "",
        "Uses": str(key.use_count),
        "Disabled": moment(key.disabled_at),
        "Revoked": moment(key.revoked_at),
        "Rotated": moment(key.rotated_at),
        "Old secret works until": moment(key.previous_secret_valid_until),
        "Old secret last used": moment(key.previous_secret_last_used_at),
    }
    return {name: value for name, value in found.items() if value}


def called(key: ApiKey) -> str:
    """The key in a sentence: its name, its preview."""
    return f'"{clean(key.name)}" ({key.preview})'


def _row(key: ApiKey, now: float, created: str, used: str, expires: str) -> list[str]:
    scopes = " ".join(sorted(key.scopes))
    return [key.id, key.name, key.preview, scopes, key.owner, created, used, expires, key.status(now).value]


def _used(at: float, peer: str | None, now: float) -> str:
    return ago(at, now) + (f" from {peer}" if peer else "")
