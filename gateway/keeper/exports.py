"""Records on their way to another gateway: JSON lines, a head that says what they are, an end that proves it.

The first line names format, version and count, the last one has the SHA-256 of every byte before it; so a
file that was cut short, mixed up or altered by accident is noticed before anything is written. It holds no
secret. It holds digests: whoever can change it can make keys, so it is as confidential as the store. Pure.
"""

import hashlib
import json
from collections.abc import Mapping
from ipaddress import ip_network
from types import NoneType
from typing import Any, Final

from gateway.core.keys import ApiKey
from gateway.keeper.batch import KEYS_MAX
from gateway.keeper.bounds import are_moments, can_be_shown, can_go_on
from gateway.keeper.desk import RuleBroken
from gateway.keeper.ports import WholeKey
from gateway.keeper.terms import is_id

FORMAT: Final = "keyhatch-keys"
VERSION: Final = 1

_TEXT: Final = (str,)
_MAYBE_TEXT: Final = (str, NoneType)
_MOMENT: Final = (float, int, NoneType)
_FIELDS: Final[Mapping[str, tuple[type, ...]]] = {
    **dict.fromkeys(("id", "name", "preview", "digest", "created_by", "owner", "note"), _TEXT),
    **dict.fromkeys(("previous_digest", "previous_preview"), _MAYBE_TEXT),
    **dict.fromkeys(("last_used_from", "previous_secret_last_used_from"), _MAYBE_TEXT),
    **dict.fromkeys(("expires_at", "disabled_at", "revoked_at", "rotated_at", "last_used_at"), _MOMENT),
    **dict.fromkeys(("previous_secret_valid_until", "previous_secret_last_used_at"), _MOMENT),
    **dict.fromkeys(("scopes", "allow_from"), (list,)),
    **dict.fromkeys(("use_count", "revision"), (int,)),
    "created_at": (float, int),
    **dict.fromkeys(("previous_until_first_use", "in_path"), (bool,)),
}
"""Every field of a record, and what JSON says in it."""
_LATER_FIELDS: Final = {"in_path": False}
"""What the first exports did not tell of."""
_SHOWN: Final = ("preview", "previous_preview", "last_used_from", "previous_secret_last_used_from")
"""The texts that no rule for a new key holds to its bounds (`gateway.keeper.terms`)."""


class NotAnExport(RuleBroken):
    """The file is something else."""


def as_data(whole: WholeKey) -> dict[str, Any]:
    """A record as JSON has it: moments in seconds, digests in hexadecimal."""
    key = whole.key
    told = {name: getattr(key, name) for name in _FIELDS}
    told["scopes"] = sorted(key.scopes)
    told["allow_from"] = [str(network) for network in key.allow_from]
    told["digest"] = key.digest.hex()
    told["previous_digest"] = None if key.previous_digest is None else key.previous_digest.hex()
    told["secrets"] = {digest.hex(): imported for digest, imported in sorted(whole.secrets.items())}
    return told


def whole_of(told: object) -> WholeKey:
    """The record that JSON tells of; raises `ValueError` for whatever we would not have written."""
    if isinstance(told, dict):
        told = {**_LATER_FIELDS, **told}
    if not isinstance(told, dict) or set(told) != {*_FIELDS, "secrets"}:
        raise ValueError("a record has other fields than it should")
    for name, kinds in _FIELDS.items():
        value = told[name]
        if type(value) not in kinds or (float in kinds and not are_moments((value,))):
            raise ValueError(f"{name} is not of its kind")
    if not all(can_be_shown(told[name]) for name in _SHOWN):
        raise ValueError("a preview or an address is too long, or holds what may not be shown")
    if not is_id(told["id"]) or told["use_count"] < 0 or told["revision"] < 1:
        raise ValueError("id, use_count or revision is impossible")
    values = {name: told[name] for name in _FIELDS}
    for name, kinds in _FIELDS.items():
        if float in kinds and values[name] is not None:
            values[name] = float(values[name])
    values["scopes"] = frozenset(_texts(told["scopes"]))
    values["allow_from"] = tuple(ip_network(text) for text in _texts(told["allow_from"]))
    values["digest"] = _digest(told["digest"])
    values["previous_digest"] = None if told["previous_digest"] is None else _digest(told["previous_digest"])
    key = ApiKey(**values)
    if not can_go_on(key):
        raise ValueError("use_count or revision is too large to go on")
    return WholeKey(key, _secrets(told["secrets"], values))


def head(count: int) -> bytes:
    """The first line."""
    return _line({"format": FORMAT, "version": VERSION, "count": count})


def line_of(whole: WholeKey) -> bytes:
    """One record's line."""
    return _line(as_data(whole))


def end(sha256: str) -> bytes:
    """The last line, given the SHA-256 of all lines before it."""
    return _line({"sha256": sha256})


def read_export(raw: bytes) -> tuple[WholeKey, ...]:
    """The records of an export; raises `RuleBroken`, and `NotAnExport` where it is something else."""
    first, _, rest = raw.partition(b"\n")
    said = _read(first)
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise NotAnExport("this is no export of keyhatch keys export: of a list of strings say its --format")
    if said.get("version") != VERSION:
        raise RuleBroken(f"the export has another version than {VERSION}: it is of a newer Keyhatch")
    body, _, last = rest.rstrip(b"\n").rpartition(b"\n")
    written = first + b"\n" + (body + b"\n" if body else b"")
    if _read(last) != {"sha256": hashlib.sha256(written).hexdigest()}:
        raise RuleBroken("the export was cut short or changed: its last line does not fit the others")
    lines = body.split(b"\n") if body else []
    if len(lines) != said.get("count"):
        raise RuleBroken("the export has another number of records than its first line says")
    if len(lines) > KEYS_MAX:
        raise RuleBroken(
            f"{len(lines)} keys are too many: {KEYS_MAX} is the most. Move the store's file instead"
        )
    records = []
    for number, line in enumerate(lines, 2):
        try:
            records.append(whole_of(_read(line)))
        except (ValueError, TypeError) as error:
            raise RuleBroken(f"line {number} of the export is no record that was exported") from error
    return tuple(records)


def _line(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, separators=(",", ":")).encode("ascii") + b"\n"


def _read(line: bytes) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _texts(told: list[Any]) -> list[str]:
    if not all(isinstance(text, str) for text in told):
        raise ValueError("a list holds something other than text")
    return told


def _digest(text: object) -> bytes:
    if not isinstance(text, str) or len(text) != 64:
        raise ValueError("a digest is not one")
    return bytes.fromhex(text)


def _secrets(told: object, values: Mapping[str, Any]) -> dict[bytes, bool]:
    if not isinstance(told, dict) or not all(isinstance(imported, bool) for imported in told.values()):
        raise ValueError("secrets is not of its kind")
    own = dict.fromkeys((values["digest"], values["previous_digest"] or values["digest"]), False)
    return {**own, **{_digest(text): imported for text, imported in told.items()}}
