"""Guarantees of gateway/admin/api/operations.py: one table, and what each scope opens of it."""

from dataclasses import replace
from http import HTTPStatus

import pytest

from gateway.admin.api.operations import OPERATIONS, REVOKE_BY_VALUE, Operation
from gateway.admin.api.words import Nothing
from gateway.keeper.authority import Want
from gateway.keeper.desk import Rotation
from tests.unit.admin.api.stand import ABSENT, BODIES, Held, Stand, Told, path_of, perform

LOOKS = {
    "listKeys",
    "listUsage",
    "getKey",
    "lastCall",
    "verifyKey",
    "listScopes",
    "listAudit",
    "verifyAudit",
    "getOverview",
    "listTargets",
    "explainRequest",
}
CREDENTIALS = {each.name for each in OPERATIONS if each.path.startswith("/credentials")}
TARGETS = {"drainTarget", "resumeTarget"}
FOR_ADMINS = {"deleteKey", "exportKeys", "importKeys", "reloadConfiguration", *TARGETS, *CREDENTIALS}
ONESELF = {"getMe", "revokeByValue"}
CHANGES = [each for each in OPERATIONS if each.name not in LOOKS | ONESELF]
ABOUT_A_KEY = [each for each in OPERATIONS if each.has_id]
changing = pytest.mark.parametrize("operation", CHANGES, ids=lambda each: each.name)
looking = pytest.mark.parametrize(
    "operation", [each for each in OPERATIONS if each.name in LOOKS], ids=lambda each: each.name
)
about_a_key = pytest.mark.parametrize("operation", ABOUT_A_KEY, ids=lambda each: each.name)


async def ready(stand: Stand, operation: Operation, *scopes: str, owner: str = "") -> Held:
    """A key on which the operation would succeed."""
    held = await stand.make("target", *scopes, owner=owner)
    if operation.name == "undoRotation":
        await stand.keyring.rotate(held.id, Rotation(overlap_s=60.0))
    if operation.name == "deleteKey":
        await stand.keyring.revoke(held.id)
    if operation.name in CREDENTIALS:
        await stand.vaults.vault.put_credential("openai", "sk-1")
    return held


def state(stand: Stand) -> tuple[object, ...]:
    """All that could have been changed."""
    return dict(stand.store._keys), len(stand.store._entries), len(stand.changes)


def heads(told: Told) -> dict[str, str]:
    """The header fields that say something about what was asked."""
    of_each = ("x-request-id", "date")
    return {name.lower(): value for name, value in told.headers.items() if name.lower() not in of_each}


def denied(told: Told) -> bool:
    return (told.status, told.code) == (403, "not_allowed")


def test_names_and_places_are_given_once() -> None:
    names = [operation.name for operation in OPERATIONS]
    places = [(operation.method, operation.path) for operation in OPERATIONS]
    assert len(set(names)) == len(names)
    assert len(set(places)) == len(places)


def test_only_posts_happen_once_and_whatever_changes_one_key_takes_if_match() -> None:
    for operation in OPERATIONS:
        assert not operation.once or operation.method == "POST"
        assert operation.guarded == (operation.has_id and operation.method != "GET")
        assert (operation.tells is None) == (operation.status is HTTPStatus.NO_CONTENT)


def test_a_key_in_a_body_is_the_credential_in_one_place_alone() -> None:
    assert [operation for operation in OPERATIONS if operation.shows_key] == [REVOKE_BY_VALUE]


def test_nothing_that_is_merely_read_takes_a_body() -> None:
    assert {each.body for each in OPERATIONS if each.method in ("GET", "DELETE")} == {Nothing}


def test_each_body_on_the_stand_has_its_operation() -> None:
    assert set(BODIES) <= {operation.name for operation in OPERATIONS}


@changing
async def test_read_neither_makes_nor_changes_anything(stand: Stand, operation: Operation) -> None:
    reader = await stand.make("reader", "keyhatch:read")
    target = await ready(stand, operation)
    before = state(stand)
    assert denied(await perform(stand, reader, operation, target.id))
    assert state(stand) == before


@changing
async def test_read_does_not_change_itself_either(stand: Stand, operation: Operation) -> None:
    reader = await stand.make("reader", "keyhatch:read", owner="ann")
    before = state(stand)
    assert denied(await perform(stand, reader, operation, reader.id))
    assert state(stand) == before


@looking
@pytest.mark.parametrize("scope", ["keyhatch:read", "keyhatch:write", "keyhatch:admin", "keyhatch:*"])
async def test_read_and_whatever_includes_it_sees_all(stand: Stand, operation: Operation, scope: str) -> None:
    target = await stand.make("target", owner="bob")
    manager = await stand.make("manager", scope)
    before = dict(stand.store._keys)
    assert (await perform(stand, manager, operation, target.id)).status == 200
    assert stand.store._keys == before


@changing
@pytest.mark.parametrize("scope", ["keyhatch:admin", "keyhatch:*"])
async def test_admin_may_all_with_any_key(stand: Stand, operation: Operation, scope: str) -> None:
    manager = await stand.make("manager", scope)
    target = await ready(stand, operation, "keyhatch:*", "models:read", owner="bob")
    told = await perform(stand, manager, operation, target.id)
    assert told.status == operation.status


@changing
async def test_write_may_all_but_delete_and_move_house(stand: Stand, operation: Operation) -> None:
    writer = await stand.make("writer", "keyhatch:write")
    target = await ready(stand, operation, owner="bob")
    before = state(stand)
    told = await perform(stand, writer, operation, target.id)
    if operation.name in FOR_ADMINS:
        assert denied(told)
        assert state(stand) == before
    else:
        assert told.status == operation.status


@pytest.mark.parametrize("operation", [each for each in CHANGES if each.has_id], ids=lambda each: each.name)
@pytest.mark.parametrize("beyond", ["keyhatch:admin", "keyhatch:*", "keyhatch:own"])
async def test_write_does_not_touch_a_key_that_manages_more(
    stand: Stand, operation: Operation, beyond: str
) -> None:
    writer = await stand.make("writer", "keyhatch:write")
    target = await ready(stand, operation, beyond, owner="bob")
    before = state(stand)
    assert denied(await perform(stand, writer, operation, target.id))
    assert state(stand) == before


@about_a_key
async def test_own_manages_the_keys_of_its_owner(stand: Stand, operation: Operation) -> None:
    own = await stand.make("own", "keyhatch:own", owner="ann")
    target = await ready(stand, operation, owner="ann")
    told = await perform(stand, own, operation, target.id)
    if operation.name == "deleteKey":
        assert denied(told)
    else:
        assert told.status == operation.status


@about_a_key
@pytest.mark.parametrize("owner", ["", "bob", "Ann", "anne"])
async def test_a_hidden_key_is_one_that_is_not_there(stand: Stand, operation: Operation, owner: str) -> None:
    own = await stand.make("own", "keyhatch:own", "chat:write", owner="ann")
    hidden = await ready(stand, operation, owner=owner)
    before = state(stand)
    for headers in ({}, {"If-Match": '"1"'}, {"If-Match": '"999"'}, {"Idempotency-Key": "a"}):
        told, absent = [
            await stand.ask(
                own,
                operation.method,
                operation.path.replace("{id}", key_id),
                BODIES.get(operation.name),
                headers=headers,
            )
            for key_id in (hidden.id, ABSENT)
        ]
        is_for_admins = operation.want is Want.DELETE
        assert (told.status, told.code) == ((403, "not_allowed") if is_for_admins else (404, "key_not_found"))
        assert told.besides_id == absent.besides_id
        assert heads(told) == heads(absent)
    assert state(stand) == before


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
async def test_own_without_an_owner_manages_nothing(stand: Stand, operation: Operation) -> None:
    own = await stand.make("own", "keyhatch:own", owner="ann")
    stand.store._keys[own.id] = replace(stand.record(own), owner="")  # as one that an older version made
    target = await ready(stand, operation)
    before = state(stand)
    told = await perform(stand, own, operation, target.id)
    if operation.name in ONESELF:
        assert told.status in (200, 401)
    else:
        assert denied(told)
    assert state(stand) == before


@about_a_key
@pytest.mark.parametrize("key_id", ["key_", "laptop", "key_0123456789abcde", "key_0123456789abcde%2F", "%00"])
async def test_what_is_no_id_is_no_key(stand: Stand, admin: Held, operation: Operation, key_id: str) -> None:
    await stand.make("laptop")
    before = state(stand)
    told = await perform(stand, admin, operation, key_id)
    assert (told.status, told.code) == (404, "key_not_found")
    assert state(stand) == before


@pytest.mark.parametrize(
    "operation", [each for each in OPERATIONS if each.want is not None], ids=lambda each: each.name
)
async def test_who_may_not_ask_is_refused_before_a_byte_of_the_body_is_read(
    stand: Stand, operation: Operation
) -> None:
    nobody = await stand.make("nobody", "chat:write")
    path = path_of(operation)
    for raw in (b"{", b'{"scopes": ["no:such"]}', b" " * 70_000):
        if operation.method != "GET":
            told = await stand.ask(nobody, operation.method, path, raw=raw)
            assert denied(told)


async def test_what_was_refused_is_no_use_of_a_key(stand: Stand) -> None:
    reader = await stand.make("reader", "keyhatch:read")
    await stand.ask(reader, "POST", "/keys", {"name": "a"})
    await stand.ask(reader, "GET", "/keys?limit=0")
    await stand.ask(reader, "GET", f"/keys/{ABSENT}")
    assert stand.uses == []
    await stand.ask(reader, "GET", "/keys")
    assert [key_id for key_id, _ in stand.uses] == [reader.id]
