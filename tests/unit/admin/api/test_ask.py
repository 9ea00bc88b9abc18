"""Guarantees of gateway/admin/api/ask.py: nothing changes but what was looked at, and what happens once."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.admin.api.ask import fingerprint
from gateway.admin.api.operations import OPERATIONS, Operation
from gateway.core.keys import ApiKey
from gateway.keeper.audit import Act
from gateway.keeper.desk import KeyEdit, Rotation
from gateway.keeper.ports import OnceDone
from tests.unit.admin.api.stand import BODIES, Held, Stand, Told, perform

GUARDED = [operation for operation in OPERATIONS if operation.guarded]
guarded = pytest.mark.parametrize("operation", GUARDED, ids=lambda each: each.name)
WRITING = [operation for operation in GUARDED if operation.name != "signAddress"]
writing = pytest.mark.parametrize("operation", WRITING, ids=lambda each: each.name)
ONCE = {"Idempotency-Key": "8e03978e"}


async def with_tag(stand: Stand, by: Held, operation: Operation, key: Held, tag: str) -> Told:
    path = operation.path.replace("{id}", key.id)
    body = BODIES.get(operation.name)
    return await stand.ask(by, operation.method, path, body, headers={"If-Match": tag})


async def tag_of(stand: Stand, by: Held, key: Held) -> str:
    return (await stand.ask(by, "GET", f"/keys/{key.id}")).headers["ETag"]


@guarded
@pytest.mark.parametrize("form", ["{}", "999, {}", '"x","y",{}'])
async def test_a_stale_tag_is_412_with_the_state_that_is_and_changes_nothing(
    stand: Stand, admin: Held, operation: Operation, form: str
) -> None:
    key = await stand.make("key")
    stale = await tag_of(stand, admin, key)
    await stand.keyring.edit(key.id, KeyEdit(note="somebody was here"))
    before = stand.record(key)
    told = await with_tag(stand, admin, operation, key, form.format(stale))
    assert (told.status, told.code) == (412, "outdated")
    assert stand.record(key) == before
    assert told.headers["ETag"] == await tag_of(stand, admin, key) != stale


@guarded
@pytest.mark.parametrize("form", ["W/{}", '"x"', "W/{}, W/{}"])
async def test_a_weak_tag_never_matches(stand: Stand, admin: Held, operation: Operation, form: str) -> None:
    key = await stand.make("key")
    before = stand.record(key)
    tag = await tag_of(stand, admin, key)
    assert (await with_tag(stand, admin, operation, key, form.format(tag, tag))).status == 412
    assert stand.record(key) == before


@pytest.mark.parametrize("form", ["{}", '"999", {}', "{},W/{}", "*", " * "])
async def test_the_tag_that_was_told_matches_alone_or_in_a_list(stand: Stand, admin: Held, form: str) -> None:
    key = await stand.make("key")
    tag = await tag_of(stand, admin, key)
    path = f"/keys/{key.id}/disable"
    told = await stand.ask(admin, "POST", path, headers={"If-Match": form.format(tag, tag)})
    assert told.status == 200
    assert told.headers["ETag"] == await tag_of(stand, admin, key)


async def test_quotes_around_a_tag_may_be_forgotten(stand: Stand, admin: Held) -> None:
    key = await stand.make("key")
    tag = (await tag_of(stand, admin, key)).strip('"')
    told = await stand.ask(admin, "POST", f"/keys/{key.id}/disable", headers={"If-Match": tag})
    assert told.status == 200


async def test_a_use_leaves_the_tag_as_it_is_and_any_change_makes_another(stand: Stand, admin: Held) -> None:
    key = await stand.make("key", "keyhatch:read")
    tags = [await tag_of(stand, admin, key)]
    await stand.ask(key, "GET", "/keys")
    assert await tag_of(stand, admin, key) == tags[0]
    for word in ("disable", "enable", "rotate", "undo-rotation", "revoke"):
        told = await stand.ask(admin, "POST", f"/keys/{key.id}/{word}")
        tags.append(told.headers["ETag"])
    assert len(set(tags)) == 6


@pytest.mark.parametrize(  # nothing of a key that can be deleted can change any more
    "operation", [each for each in WRITING if each.name != "deleteKey"], ids=lambda each: each.name
)
async def test_a_change_between_look_and_write_is_caught_in_the_transaction(
    stand: Stand, admin: Held, operation: Operation, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await stand.make("key")
    tag = await tag_of(stand, admin, key)
    update = stand.store.update

    async def overtaken(key_id: str, change: Callable[[ApiKey], ApiKey], act: Any) -> ApiKey:
        monkeypatch.undo()
        await update(key.id, lambda key: replace(key, note="first"), Act("edit"))
        return await update(key_id, change, act)

    monkeypatch.setattr(stand.store, "update", overtaken)
    assert (await with_tag(stand, admin, operation, key, tag)).status == 412
    assert [act for act, _ in stand.acts(key)] == ["create", "edit"]


async def test_who_lost_their_right_between_look_and_write_changes_nothing(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = await stand.make("own", "keyhatch:own", owner="ann")
    key = await stand.make("key", owner="ann")
    update = stand.store.update

    async def overtaken(key_id: str, change: Callable[[ApiKey], ApiKey], act: Any) -> ApiKey:
        monkeypatch.undo()
        await stand.keyring.edit(key.id, KeyEdit(owner="bob"))
        return await update(key_id, change, act)

    monkeypatch.setattr(stand.store, "update", overtaken)
    assert (await stand.ask(own, "POST", f"/keys/{key.id}/revoke")).status == 404
    assert stand.record(key).revoked_at is None


Ask = Callable[[Stand, Held, Held], Awaitable[Told]]


async def create(stand: Stand, by: Held, _key: Held, name: str = "made") -> Told:
    return await stand.ask(by, "POST", "/keys", {"name": name}, headers=ONCE)


async def rotate(stand: Stand, by: Held, key: Held) -> Told:
    return await stand.ask(by, "POST", f"/keys/{key.id}/rotate", headers=ONCE)


each_act = pytest.mark.parametrize("act", [create, rotate], ids=lambda act: act.__name__)


@each_act
async def test_what_is_asked_again_is_told_and_not_done_again(stand: Stand, act: Ask) -> None:
    admin = await stand.make("admin", "keyhatch:admin")
    key = await stand.make("key")
    first = await act(stand, admin, key)
    entries = len(stand.store._entries)
    again = [await act(stand, admin, key) for _ in range(2)]
    assert len(stand.store._entries) == entries
    for told in again:
        assert (told.status, told.headers["Idempotency-Replayed"]) == (200, "true")
        assert told.headers["ETag"] == first.headers["ETag"]
        assert {**told.json, "key": first.json["key"]} == first.json
        assert "key" not in told.json
        assert first.json["key"].encode() not in told.raw
    assert "Idempotency-Replayed" not in first.headers
    found = await stand.ask(admin, "POST", "/keys/verify", {"key": first.json["key"]})
    assert found.json["valid"]


@each_act
async def test_two_that_ask_at_once_make_one(stand: Stand, act: Ask) -> None:
    admin = await stand.make("admin", "keyhatch:admin")
    key = await stand.make("key")
    entries = len(stand.store._entries)
    told = await asyncio.gather(*(act(stand, admin, key) for _ in range(8)))
    assert len(stand.store._entries) == entries + 1
    secrets = [each.json["key"] for each in told if "key" in each.json]
    assert len(secrets) == 1
    assert {each.json["id"] for each in told} == {told[0].json["id"]}


@each_act
async def test_two_that_do_not_see_each_other_make_one(
    stand: Stand, act: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = await stand.make("admin", "keyhatch:admin")
    key = await stand.make("key")
    first = await act(stand, admin, key)
    find_once = stand.store.find_once

    async def blind(_actor: str, _name: str) -> OnceDone | None:
        monkeypatch.setattr(stand.store, "find_once", find_once)
        return None

    monkeypatch.setattr(stand.store, "find_once", blind)
    entries = len(stand.store._entries)
    told = await act(stand, admin, key)
    assert len(stand.store._entries) == entries
    assert (told.status, told.json["id"]) == (200, first.json["id"])
    assert "key" not in told.json


async def test_another_body_under_the_name_is_422_and_makes_nothing(stand: Stand, admin: Held) -> None:
    await create(stand, admin, admin)
    told = await create(stand, admin, admin, name="another")
    assert (told.status, told.code) == (422, "idempotency_key_reused")
    assert len(stand.store._keys) == 2


async def test_another_question_under_the_name_is_422(stand: Stand, admin: Held) -> None:
    key = await stand.make("key")
    await create(stand, admin, key)
    told = await rotate(stand, admin, key)
    assert (told.status, told.code) == (422, "idempotency_key_reused")
    assert stand.record(key).rotated_at is None


async def test_blanks_and_order_make_no_other_question(stand: Stand, admin: Held) -> None:
    bodies = (b'{"name":"a","note":"b"}', b'{ "note": "b",\n "name": "\\u0061" }')
    told = [await stand.ask(admin, "POST", "/keys", raw=raw, headers=ONCE) for raw in bodies]
    assert [each.status for each in told] == [201, 200]


async def test_the_names_of_another_are_another_matter(stand: Stand, admin: Held) -> None:
    other = await stand.make("other", "keyhatch:admin")
    told = [await create(stand, by, admin) for by in (admin, other)]
    assert [each.status for each in told] == [201, 201]
    assert told[0].json["id"] != told[1].json["id"]


async def test_a_name_of_what_was_refused_is_free(stand: Stand, admin: Held) -> None:
    refused = await stand.ask(admin, "POST", "/keys", {"name": "a", "scopes": ["no:such"]}, headers=ONCE)
    assert refused.status == 422
    assert (await create(stand, admin, admin)).status == 201


async def test_what_was_done_once_is_told_as_it_stands_now(stand: Stand, admin: Held) -> None:
    made = await create(stand, admin, admin)
    await stand.keyring.revoke(made.json["id"])
    assert (await create(stand, admin, admin)).json["status"] == "revoked"
    await stand.keyring.delete(made.json["id"])
    assert (await create(stand, admin, admin)).status == 404


async def test_what_was_done_once_stays_hidden_where_the_key_is(stand: Stand) -> None:
    own = await stand.make("own", "keyhatch:own", owner="ann")
    ask = {"name": "made", "owner": "ann"}
    made = await stand.ask(own, "POST", "/keys", ask, headers=ONCE)
    await stand.keyring.edit(made.json["id"], KeyEdit(owner="bob"))
    assert (await stand.ask(own, "POST", "/keys", ask, headers=ONCE)).status == 404


async def test_a_refusal_that_is_no_repetition_stays_one(stand: Stand, admin: Held) -> None:
    key = await stand.make("key")
    await stand.keyring.revoke(key.id)
    assert (await rotate(stand, admin, key)).status == 409
    told = await stand.ask(admin, "POST", f"/keys/{key.id}/rotate", headers={**ONCE, "If-Match": '"999"'})
    assert told.status == 412


async def test_a_stale_tag_does_not_keep_what_was_done_from_being_told(stand: Stand, admin: Held) -> None:
    key = await stand.make("key")
    headers = {**ONCE, "If-Match": await tag_of(stand, admin, key)}
    told = [await stand.ask(admin, "POST", f"/keys/{key.id}/rotate", headers=headers) for _ in range(2)]
    assert [each.status for each in told] == [200, 200]
    assert "key" not in told[1].json


@writing
async def test_who_did_it_and_in_which_request_is_recorded(
    stand: Stand, admin: Held, operation: Operation
) -> None:
    key = await stand.make("key")
    if operation.name == "deleteKey":
        await stand.keyring.revoke(key.id)
    if operation.name in ("enableKey", "undoRotation", "finishRotation"):
        await stand.keyring.rotate(key.id, Rotation(overlap_s=60.0))
        await stand.keyring.disable(key.id)
    told = await perform(stand, admin, operation, key.id)
    entry = stand.store._entries[-1]
    assert (entry.key_id, entry.actor) == (key.id, admin.id)
    assert entry.request_id == told.headers["X-Request-Id"]


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_two_questions_have_one_fingerprint_only_if_they_are_one(one: list[str], other: list[str]) -> None:
    assert (fingerprint(one) == fingerprint(other)) == (one == other)
    assert len(fingerprint(one)) == 32


def test_half_a_surrogate_has_a_fingerprint() -> None:
    assert len(fingerprint(["\ud800"])) == 32
