"""A key's record for eyes: its row in a list, its fields when it is shown, its name in a sentence."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import click

from gateway.cli.moments import ago, ahead
from gateway.cli.table import CELL_WIDTH_MIN, GAP, cells, clean
from gateway.core.keys import ApiKey
from gateway.keeper.expiry import MOMENT_MAX
from gateway.wire.key_json import rfc3339

WHOLE_COLUMNS: Final = frozenset({"NAME", "KEY", "CREATED", "EXPIRES", "STATUS", "ID"})
"""What is of no use when it is cut. Scopes, owners and places of last use make room."""
SPARED: Final = ("CREATED", "ID")
"""What is left out, in this order, where there is no room for the rest."""
_COLOURS: Final = {
    "active": "green",
    "expiring": "yellow",
    "expired": "red",
    "disabled": "bright_black",
    "revoked": "red",
}


def table_for_people(keys: Sequence[ApiKey], now: float, width: int) -> tuple[list[str], list[list[str]]]:
    """Head and rows for a terminal. Owners are a column where there are any, ids where names repeat."""
    columns: dict[str, list[str]] = {
        "NAME": [key.name for key in keys],
        "KEY": [key.preview for key in keys],
        "SCOPES": [" ".join(sorted(key.scopes)) for key in keys],
        "OWNER": [key.owner for key in keys],
        "CREATED": [ago(key.created_at, now) for key in keys],
        "LAST USED": [_last_used(key, now) for key in keys],
        "EXPIRES": ["never" if key.expires_at is None else ahead(key.expires_at, now) for key in keys],
        "STATUS": [key.status(now).value for key in keys],
        "ID": [key.id for key in keys],
    }
    if not any(columns["OWNER"]):
        del columns["OWNER"]
    if len(set(columns["NAME"])) == len(keys):
        del columns["ID"]
    for title in SPARED:
        if title in columns and _width_at_least(columns) > width:
            del columns[title]
    return [*columns], [list(row) for row in zip(*columns.values(), strict=True)]


def _width_at_least(columns: Mapping[str, Sequence[str]]) -> int:
    """How wide a table is whose other columns gave all they can."""
    wide = 0
    for title, found in columns.items():
        natural = max(cells(clean(each)) for each in (title, *found))
        wide += natural if title in WHOLE_COLUMNS else min(natural, CELL_WIDTH_MIN)
    return wide + len(GAP) * (len(columns) - 1)


def row_for_programs(key: ApiKey, now: float) -> list[str]:
    """Id, name, preview, scopes, owner, created, last used, expires, status; moments as RFC 3339."""
    moments = (key.created_at, key.last_used_at, key.expires_at)
    scopes = " ".join(sorted(key.scopes))
    about = [key.id, key.name, key.preview, scopes, key.owner]
    return [*about, *(rfc3339(at) or "" for at in moments), key.status(now).value]


def paint_status(text: str) -> str:
    """Colour the cell of a status."""
    colour = _COLOURS.get(text.strip())
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
        "In paths": "may stand in an address" if key.in_path else "",
        "Created": moment(key.created_at),
        "Created by": key.created_by,
        "Expires": moment(key.expires_at) or "never",
        "Last used": moment(key.last_used_at) or "never",
        "Last used from": key.last_used_from or "",
        "Uses": str(key.use_count),
        "Disabled": moment(key.disabled_at),
        "Revoked": moment(key.revoked_at),
        "Rotated": moment(key.rotated_at),
    }
    found |= _rotation(key, now, moment)
    return {name: value for name, value in found.items() if value}


def _rotation(key: ApiKey, now: float, moment: Callable[[float | None], str]) -> dict[str, str]:
    """How far a rotation is: whether the old secret still works, until when, and who still uses it."""
    until, used_at = key.previous_secret_valid_until, key.previous_secret_last_used_at
    used = {
        "Old secret last used": moment(used_at),
        "Old secret last used from": key.previous_secret_last_used_from or "",
    }
    if not key.overlap_runs(now):
        return {"Old secret ended": moment(until)} | used
    ends = [] if until == MOMENT_MAX else [moment(until)]
    if key.previous_until_first_use:
        ends = ["the first use of the new one", *ends]
    return used | {
        "Rotation": "under way",
        "Old secret": key.previous_preview or "",
        "Old secret works until": ", at the latest ".join(ends),
        "Old secret last used": moment(used_at) or "not since the rotation",
    }


def called(key: ApiKey) -> str:
    """The key in a sentence: its name, its preview."""
    return f'"{clean(key.name)}" ({key.preview})'


def old_use(key: ApiKey, now: float) -> str:
    """When and from where the secret before the last rotation was last used, in a sentence."""
    if key.previous_secret_last_used_at is None:
        return "was not used since"
    place = key.previous_secret_last_used_from
    return f"was last used {ago(key.previous_secret_last_used_at, now)}" + (f" from {place}" if place else "")


def _last_used(key: ApiKey, now: float) -> str:
    if key.last_used_at is None:
        return "never"
    return ago(key.last_used_at, now) + (f" from {key.last_used_from}" if key.last_used_from else "")
