"""Keys over the management API: each handler asks the desk one thing, within what the manager may."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, Literal, TypeVar, cast

from gateway.admin.api.ask import Answer, Ask, page_of
from gateway.admin.api.asked import number_of
from gateway.admin.api.signing_words import SignAddress
from gateway.admin.api.words import CreateKey, EditKey, ListKeys, RotateKey, ShowKey
from gateway.core.keys import Shape, Status
from gateway.core.providers import looks_like
from gateway.core.refusal import Deny, Reason
from gateway.keeper.authority import Want, assert_holds
from gateway.keeper.desk import (
    KeyDraft,
    KeyEdit,
    NotAllowed,
    Problem,
    Rotation,
    RuleBroken,
    Verification,
    quoted,
)
from gateway.keeper.expiry import parse_expires, parse_moment
from gateway.keeper.keyring import Keyring
from gateway.keeper.terms import Rules, changes_of, terms_of
from gateway.wire.key_json import as_json, rfc3339
from gateway.wire.reply import say_why

OVERLAP_S: Final = 86_400.0
_STAND_IN: Final = "stand-in"
_EXPIRY_FIELDS: Final = ("expires", "expires_at")

_LeftOut = TypeVar("_LeftOut", Literal["default"], Literal["unchanged"])


async def create(ask: Ask) -> Answer:
    """Make a key, for oneself where one manages only one's own."""
    asked = cast("CreateKey", ask.body)
    draft = draft_of(asked.model_dump(exclude_unset=True), ask.now, created_by=ask.me.id)
    assert_holds(ask.manager, draft.scopes)
    if "owner" not in asked.model_fields_set and not ask.manager.may_everywhere(Want.CHANGE):
        draft = replace(draft, owner=ask.manager.owner)
    _assert_theirs(ask, draft.owner)

    async def do(desk: Keyring) -> Answer:
        key, secret = await desk.create(draft)
        shown = ask.issued(key, secret)
        return Answer(shown.data, {**shown.headers, "Location": f"/api/v1/keys/{key.id}"})

    return await ask.do_once(do, ask.desk(Want.CHANGE))


async def list_keys(ask: Ask) -> Answer:
    """A piece of the list."""
    asked = cast("ListKeys", ask.query)
    only = ask.manager.only_owner
    if only is not None and asked.owner not in (None, only):
        return Answer({"items": [], "next_cursor": None})
    found = await ask.house.keyring.page(
        status=cast("Status | None", asked.status),
        owner=asked.owner if only is None else only,
        text=asked.q,
        used_since=_moment(asked.used_since),
        unused_since=_moment(asked.unused_since),
        limit=asked.limit + 1,
        before=number_of(asked.cursor),
    )
    return page_of(found, asked.limit, lambda each: as_json(each[1], ask.now), lambda each: each[0])


async def show(ask: Ask) -> Answer:
    """One record."""
    return ask.shown(await ask.key())


async def edit(ask: Ask) -> Answer:
    """Change what stands in a record."""
    asked = cast("EditKey", ask.body)
    edit = edit_of(asked.model_dump(exclude_unset=True), ask.now)
    if edit.scopes is not None:
        assert_holds(ask.manager, edit.scopes)
    if edit.owner is not None:
        _assert_theirs(ask, edit.owner)
    return ask.shown(await ask.desk(Want.CHANGE).edit((await ask.key()).id, edit))


async def delete(ask: Ask) -> Answer:
    """Remove the record of a revoked key."""
    key = await ask.key()
    await ask.desk(Want.DELETE).delete(key.id)
    return Answer(None)


async def rotate(ask: Ask) -> Answer:
    """Give a key a new secret: whoever gets it can use it, so they must hold what the key holds."""
    rotation = rotation_of(cast("RotateKey", ask.body), ask.now)
    key_id = (await ask.key()).id

    async def do(desk: Keyring) -> Answer:
        key, secret = await desk.rotate(key_id, rotation)
        return ask.issued(key, secret)

    return await ask.do_once(do, ask.desk(Want.CHANGE, holds=True))


async def sign(ask: Ask) -> Answer:
    """Make an address that opens by itself: who gets it uses the key, so they must hold the same."""
    asked = cast("SignAddress", ask.body)
    life_s = _seconds(asked.expires_in, ask.now, "expires_in")
    told = await ask.desk(Want.CHANGE, holds=True).sign((await ask.key()).id, asked.path, life_s)
    return Answer({"address": told.address, "expires_at": rfc3339(told.expires_at)})


async def undo_rotation(ask: Ask) -> Answer:
    """Make the secret before the key's own again."""
    return ask.shown(await ask.desk(Want.CHANGE).undo_rotation((await ask.key()).id))


async def finish_rotation(ask: Ask) -> Answer:
    """End the secret before at once."""
    return ask.shown(await ask.desk(Want.CHANGE).finish_rotation((await ask.key()).id))


async def revoke(ask: Ask) -> Answer:
    """End a key for good."""
    return ask.shown(await ask.desk(Want.CHANGE).revoke((await ask.key()).id))


async def revoke_by_value(ask: Ask) -> Answer:
    """End the key that asks: its secret stands in the body."""
    desk = ask.house.keyring.acting(ask.me.id, ask.request_id)
    return ask.shown(await desk.revoke_by_value(cast("ShowKey", ask.body).key))


async def disable(ask: Ask) -> Answer:
    """Switch a key off."""
    return ask.shown(await ask.desk(Want.CHANGE).disable((await ask.key()).id))


async def enable(ask: Ask) -> Answer:
    """Switch a key on again."""
    return ask.shown(await ask.desk(Want.CHANGE).enable((await ask.key()).id))


async def verify(ask: Ask) -> Answer:
    """Say what a text is. Of a key that is not theirs to see they learn nothing."""
    found = await ask.house.keyring.verify(cast("ShowKey", ask.body).key)
    only = ask.manager.only_owner
    if only is not None and found.key is not None and found.key.owner != only:
        found = _as_to_a_stranger(found, cast("ShowKey", ask.body).key)
    return _verified(found, ask)


def _as_to_a_stranger(found: Verification, text: str) -> Verification:
    """What would be said of the text if no key had it: an imported one has no form of ours."""
    if found.shape is Shape.WELL_FORMED:
        return Verification(shape=found.shape, reason=Reason.KEY_UNKNOWN)
    likeness = looks_like(text)
    facts = {"place": "the text", "looks_like": likeness}
    return Verification(shape=found.shape, looks_like=likeness, reason=Reason.CREDENTIAL_FOREIGN, facts=facts)


def draft_of(values: Mapping[str, Any], now: float, created_by: str = "") -> KeyDraft:
    """What a body asks to be made; raises `RuleBroken`."""
    return KeyDraft(
        name=values["name"],
        scopes=tuple(values.get("scopes", ())),
        owner=values.get("owner", ""),
        note=values.get("note", ""),
        allow_from=tuple(values.get("allow_from", ())),
        in_path=values.get("in_path", False),
        expires_at=expiry_of(values, now, "default"),
        created_by=created_by,
    )


def edit_of(values: Mapping[str, Any], now: float) -> KeyEdit:
    """What a body asks to be changed; raises `RuleBroken`."""
    texts = {name: values[name] for name in ("name", "owner", "note") if values.get(name) is not None}
    scopes, allow_from = values.get("scopes"), values.get("allow_from")
    return KeyEdit(
        **texts,
        scopes=None if scopes is None else tuple(scopes),
        allow_from=None if allow_from is None else tuple(allow_from),
        in_path=values.get("in_path"),
        expires_at=expiry_of(values, now, "unchanged"),
    )


def rotation_of(asked: RotateKey, now: float) -> Rotation:
    """How a body asks a rotation to end; raises `RuleBroken`."""
    default = None if asked.until_first_use else OVERLAP_S
    words = asked.overlap
    overlap_s = default if words is None else 0.0 if words == "now" else _seconds(words, now)
    return Rotation(
        overlap_s=overlap_s, until_first_use=asked.until_first_use, end_previous=asked.end_previous
    )


def judge_draft(values: Mapping[str, Any], rules: Rules, now: float) -> None:
    """Raise `RuleBroken` with every rule that these fields of a draft break."""
    _judge(values, now, lambda fit: terms_of(draft_of({"name": _STAND_IN, **fit}, now), rules, now))


def judge_edit(values: Mapping[str, Any], rules: Rules, now: float) -> None:
    """Raise `RuleBroken` with every rule that these fields of an edit break."""
    _judge(values, now, lambda fit: changes_of(edit_of(fit, now), rules, now))


def _judge(values: Mapping[str, Any], now: float, judge: Callable[[Mapping[str, Any]], object]) -> None:
    """What cannot be read as a moment is told together with the rest."""
    problems: tuple[Problem, ...] = ()
    try:
        expiry_of(values, now, "default")
    except RuleBroken as broken:
        problems = broken.problems
        values = {name: value for name, value in values.items() if name not in _EXPIRY_FIELDS}
    try:
        judge(values)
    except RuleBroken as broken:
        problems += tuple(_as_asked(each, values) for each in broken.problems)
    if problems:
        raise RuleBroken("; ".join(each.message for each in problems), problems)


def _as_asked(problem: Problem, values: Mapping[str, Any]) -> Problem:
    """The desk knows one field for the expiry, whoever asks has two."""
    said_otherwise = problem.field == "expires_at" and "expires_at" not in values
    return Problem("expires", problem.message) if said_otherwise else problem


def expiry_of(values: Mapping[str, Any], now: float, left_out: _LeftOut) -> float | _LeftOut | None:
    """The moment that `expires` or `expires_at` says, None for never; raises `RuleBroken`."""
    words = values.get("expires")
    if words is not None and "expires_at" in values:
        message = "`expires` and `expires_at` say the same in two ways: choose one"
        raise RuleBroken(message, (Problem("expires", message),))
    if words is None and "expires_at" not in values:
        return left_out
    field = "expires_at" if words is None else "expires"
    text = values[field]
    try:
        return None if text is None else parse_expires(text, now)
    except RuleBroken as broken:
        raise RuleBroken(str(broken), (Problem(field, str(broken)),)) from None


def _seconds(words: str, now: float, field: str = "overlap") -> float:
    try:
        return (parse_expires(words, now) or now) - now
    except RuleBroken as broken:
        raise RuleBroken(str(broken), (Problem(field, str(broken)),)) from None


def _moment(text: str | None) -> float | None:
    return None if text is None else parse_moment(text)


def _assert_theirs(ask: Ask, owner: str) -> None:
    """Whoever manages only their own keys neither makes keys of others nor gives theirs away."""
    if not ask.manager.may_everywhere(Want.CHANGE) and owner != ask.manager.owner:
        raise NotAllowed(
            f"you manage the keys of {quoted(ask.manager.owner)} alone: name that owner, or use a key with "
            "the scope keyhatch:write"
        )


def _verified(found: Verification, ask: Ask) -> Answer:
    message = None
    if found.reason is not None:
        message = say_why(Deny(found.reason, found.facts), ask.house.keyring.rules.prefix).message
    return Answer(
        {
            "valid": found.reason is None,
            "shape": found.shape.value,
            "looks_like": found.looks_like,
            "reason": None if found.reason is None else found.reason.value,
            "message": message,
            "key": None if found.key is None else as_json(found.key, ask.now),
        }
    )
