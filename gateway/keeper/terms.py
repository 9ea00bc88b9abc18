"""The rules a key is held to when it is made or changed: name, scopes, owner, note, addresses, expiry.

A draft (or an edit) holds texts as a person wrote them; `terms_of` (`changes_of`) returns values, or raises
`RuleBroken` with the mend of all that is wrong.
Everything here is pure. The rules:

1. A name is 1 to 100 printable characters, not an id and not a secret; owner and note may be empty.
2. Scopes are grants (`gateway.core.scopes`) that reach something in the catalogue. Without a catalogue any
   grant will do, except that the reserved resource knows only its own actions.
3. Addresses are networks in CIDR, IPv4 as IPv4: an IPv4 network written in IPv6 would match nobody.
4. A key that manages its owner's keys has an owner.
5. A key ends in the future, before the year 10000, or never.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv6Network, ip_interface, ip_network
from typing import Any, Final, Literal

from gateway.core.keys import ApiKey, Network, Status
from gateway.core.scopes import RESERVED_SCOPES, is_grant, is_reserved, unknown_grants
from gateway.keeper.desk import KeyDraft, KeyEdit, Problem, RuleBroken, StateConflict, holds_secret, quoted
from gateway.keeper.expiry import MOMENT_MAX
from gateway.keeper.rotation import refuse_revoked

NAME_CHARS_MAX: Final = 100
NOTE_CHARS_MAX: Final = 1000
SCOPES_MAX: Final = 64  # they travel to the upstream in one header
NETWORKS_MAX: Final = 100

_ID: Final = re.compile(r"key_[0-9A-Za-z]{16}")


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration says about new keys. `catalogue`: scope → what it is for."""

    prefix: str
    default_expiry_s: float | None
    max_active_per_owner: int
    catalogue: Mapping[str, str]
    signed_url_max_s: float = 3_600.0


@dataclass(frozen=True, slots=True)
class Terms:
    """A draft that keeps the rules, as values."""

    name: str
    scopes: frozenset[str]
    owner: str
    note: str
    created_by: str
    allow_from: tuple[Network, ...]
    expires_at: float | None
    in_path: bool


def is_id(text: str) -> bool:
    """Whether the text has the form of a key's id."""
    return _ID.fullmatch(text) is not None


def terms_of(draft: KeyDraft, rules: Rules, now: float) -> Terms:
    """The draft as values; raises `RuleBroken` with every rule it breaks."""
    terms = Terms(
        **_all_of(
            {
                "name": lambda: _name(draft.name),
                "scopes": lambda: _scopes(draft.scopes, rules.catalogue),
                "owner": lambda: _line("owner", draft.owner),
                "note": lambda: _note(draft.note),
                "created_by": lambda: _line("created_by", draft.created_by),
                "allow_from": lambda: _networks(draft.allow_from),
                "expires_at": lambda: _expiry(draft.expires_at, rules, now),
                "in_path": lambda: draft.in_path,
            }
        )
    )
    _assert_owns(terms.scopes, terms.owner)
    return terms


def changes_of(edit: KeyEdit, rules: Rules, now: float) -> dict[str, Any]:
    """The fields that an edit changes, as values; raises `RuleBroken` with every rule it breaks."""
    name, scopes, owner, note, allow_from = edit.name, edit.scopes, edit.owner, edit.note, edit.allow_from
    expires_at = edit.expires_at
    readings: dict[str, Callable[[], Any]] = {}
    if name is not None:
        readings["name"] = lambda: _name(name)
    if scopes is not None:
        readings["scopes"] = lambda: _scopes(scopes, rules.catalogue)
    if owner is not None:
        readings["owner"] = lambda: _line("owner", owner)
    if note is not None:
        readings["note"] = lambda: _note(note)
    if allow_from is not None:
        readings["allow_from"] = lambda: _networks(allow_from)
    if edit.in_path is not None:
        readings["in_path"] = lambda: edit.in_path
    if expires_at != "unchanged":
        readings["expires_at"] = lambda: _expiry(expires_at, rules, now)
    return _all_of(readings)


def edited(key: ApiKey, values: Mapping[str, Any], now: float) -> ApiKey:
    """The record with what an edit changes; raises `StateConflict` where nothing may change any more.

    An expired key stays expired. A secret before that is in its overlap never outlives the key.
    """
    refuse_revoked(key)
    if "expires_at" in values and key.status(now) is Status.EXPIRED:
        raise StateConflict(f"key {key.id} has expired, and that stands: create a new key")
    key = replace(key, **values)
    if not values.keys().isdisjoint({"scopes", "owner"}):
        _assert_owns(key.scopes, key.owner)
    until = key.previous_secret_valid_until
    if until is not None and key.expires_at is not None and until > key.expires_at:
        key = replace(key, previous_secret_valid_until=key.expires_at)
    return key


def _assert_owns(scopes: frozenset[str], owner: str) -> None:
    if not owner and "keyhatch:own" in scopes:
        _refuse([Problem("owner", "a key with keyhatch:own manages the keys of its owner: say whose it is")])


def _all_of(readings: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """What was read of each field; all that is wrong is told at once."""
    read: dict[str, Any] = {}
    problems: list[Problem] = []
    for field, reading in readings.items():
        try:
            read[field] = reading()
        except RuleBroken as broken:
            problems += broken.problems or [Problem(field, str(broken))]
    _refuse(problems)
    return read


def _refuse(problems: Sequence[Problem]) -> None:
    if problems:
        raise RuleBroken("; ".join(each.message for each in problems), tuple(problems))


def _name(text: str) -> str:
    if not text:
        raise RuleBroken("a key needs a name: say whose or what it is for, such as laptop or home-assistant")
    if is_id(text):
        raise RuleBroken(f"the name {quoted(text)} has the form of an id: choose another name")
    return _line("name", text)


def _line(what: str, text: str) -> str:
    """One printable line without blanks around it."""
    if holds_secret(text):
        raise RuleBroken(f"the {what} holds a key's secret: never write a secret where it is kept or shown")
    if len(text) > NAME_CHARS_MAX:
        raise RuleBroken(f"the {what} has {len(text)} characters: {NAME_CHARS_MAX} is the most")
    if not text.isprintable():
        raise RuleBroken(f"the {what} {quoted(text)} holds characters that cannot be printed: leave them out")
    if text != text.strip():
        raise RuleBroken(f"the {what} {quoted(text)} begins or ends with a blank: leave it out")
    return text


def _note(text: str) -> str:
    if holds_secret(text):
        raise RuleBroken("the note holds a key's secret: never write a secret where it is kept or shown")
    if len(text) > NOTE_CHARS_MAX:
        raise RuleBroken(f"the note has {len(text)} characters: {NOTE_CHARS_MAX} is the most")
    if not text.replace("\n", "").replace("\t", "").isprintable():
        raise RuleBroken("the note holds characters that cannot be printed: leave them out")
    return text


def _scopes(texts: tuple[str, ...], catalogue: Mapping[str, str]) -> frozenset[str]:
    if len(texts) > SCOPES_MAX:
        raise RuleBroken(
            f"{len(texts)} scopes are too many: {SCOPES_MAX} is the most, use wildcards (chat:*)"
        )
    wrong = {text: _why_no_scope(text, catalogue) for text in texts}
    _refuse([Problem(f"scopes.{number}", why) for number, text in enumerate(texts) if (why := wrong[text])])
    return frozenset(texts)


def _why_no_scope(text: str, catalogue: Mapping[str, str]) -> str:
    if not is_grant(text):
        return (
            f"{quoted(text)} is not a scope{_suggest(text, catalogue)}: write resource:action, "
            "resource:*, *:action, one word or *"
        )
    if (catalogue or is_reserved(text)) and unknown_grants([text], catalogue):
        return (
            f"there is no scope {quoted(text)}{_suggest(text, catalogue)}. There are "
            f"{', '.join([*sorted(catalogue), *RESERVED_SCOPES])}, and wildcards over them"
        )
    return ""


def _suggest(text: str, catalogue: Iterable[str]) -> str:
    import difflib  # noqa: PLC0415 - only whoever mistyped needs it

    close = difflib.get_close_matches(text, [*catalogue, *RESERVED_SCOPES], n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    if len(texts) > NETWORKS_MAX:
        raise RuleBroken(f"{len(texts)} networks are too many: {NETWORKS_MAX} is the most")
    read: dict[Network, None] = {}
    problems = []
    for number, text in enumerate(texts):
        try:
            read[_network(text)] = None
        except RuleBroken as broken:
            problems.append(Problem(f"allow_from.{number}", str(broken)))
    _refuse(problems)
    return tuple(read)


def _network(text: str) -> Network:
    if "%" in text:
        raise RuleBroken(f"the network {quoted(text)} has a zone: leave out everything from the % on")
    try:
        network = ip_network(text)
    except ValueError as error:
        raise RuleBroken(_mend(text)) from error
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    if mapped is not None:
        raise RuleBroken(f"{quoted(text)} is IPv4 written as IPv6: write {mapped}/{network.prefixlen - 96}")
    return network


def _mend(text: str) -> str:
    try:
        meant = ip_interface(text).network
    except ValueError:
        return f"{quoted(text)} is not a network: write an address or CIDR such as 192.168.1.0/24 or fd00::/8"
    return f"{quoted(text)} is an address within a network: write {meant}, or the address alone"


def _expiry(expires_at: float | Literal["default"] | None, rules: Rules, now: float) -> float | None:
    if expires_at == "default":
        return None if rules.default_expiry_s is None else min(now + rules.default_expiry_s, MOMENT_MAX)
    if expires_at is None:
        return None
    if not (math.isfinite(expires_at) and expires_at <= MOMENT_MAX):
        raise RuleBroken("the expiry lies beyond the year 9999: write never")
    if expires_at <= now:
        raise RuleBroken("the expiry lies in the past: choose a moment that is still to come, or never")
    return expires_at
