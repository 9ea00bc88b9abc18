"""Guarantees of gateway/admin/api/moving.py: keys move in and out, for admins, whole or not at all."""

import json
from typing import Any

import pytest

from gateway.core.keys import digest_of
from gateway.keeper.desk import Rotation
from tests.unit.admin.api.stand import Held, Stand, pieces

STRING = "pJ7-xQ2vL9mZ4tR8wB6nK3cF5hD1gS0aYeUiOo"
LINES = {"text": f"radio,{STRING}\n", "format": "lines"}


async def exported(stand: Stand, by: Held, limit: int = 200) -> list[Any]:
    return await pieces(stand, by, "/keys/export?", limit)


@pytest.mark.parametrize("limit", [1, 2, 3, 200])
async def test_records_go_out_oldest_first_without_a_secret(stand: Stand, admin: Held, limit: int) -> None:
    made = [admin, *[await stand.make("key") for _ in range(2)]]
    _, new = await stand.keyring.rotate(made[1].id, Rotation(overlap_s=60.0))
    told = await exported(stand, admin, limit)
    assert [each["id"] for each in told] == [key.id for key in made]
    assert set(told[1]["secrets"]) == {digest_of(text).hex() for text in (made[1].secret, new.reveal())}
    text = json.dumps(told)
    assert not any(secret in text for secret in (admin.secret, made[1].secret, new.reveal()))


async def test_what_went_out_comes_in_elsewhere_and_opens_there(stand: Stand, admin: Held) -> None:
    key = await stand.make("key", "keyhatch:read", owner="ann")
    records = [each for each in await exported(stand, admin) if each["id"] == key.id]
    await stand.keyring.revoke(key.id)
    await stand.keyring.delete(key.id)
    told = await stand.ask(admin, "POST", "/keys/import", {"records": records})
    assert (told.status, [each["id"] for each in told.json["keys"]]) == (200, [key.id])
    assert (await stand.ask(key, "GET", "/keys")).status == 200
    assert stand.acts(key)[-1] == ("import", admin.id)


async def test_existing_strings_become_keys(stand: Stand, admin: Held) -> None:
    words = {"scopes": ["chat:write"], "owner": "ann", "note": "moved", "expires": "90d"}
    told = await stand.ask(admin, "POST", "/keys/import", {**LINES, **words})
    (named,) = told.json["keys"]
    key = stand.store._keys[named["id"]]
    assert (key.name, key.owner, key.note, key.created_by) == ("radio", "ann", "moved", admin.id)
    assert key.expires_at == stand.clock.now() + 90 * 86_400
    assert STRING.encode() not in told.raw
    found = await stand.ask(admin, "POST", "/keys/verify", {"key": STRING})
    assert (found.json["valid"], found.json["key"]["id"]) == (True, key.id)


async def test_of_an_env_file_only_what_was_named_is_taken(stand: Stand, admin: Held) -> None:
    text = f"RADIO_KEY={STRING}\nHOME=/root\n"
    body = {"text": text, "format": "env", "only": ["*_KEY"]}
    told = await stand.ask(admin, "POST", "/keys/import", body)
    assert [each["name"] for each in told.json["keys"]] == ["RADIO_KEY"]


async def test_what_is_here_already_refuses_all_or_is_passed_over(stand: Stand, admin: Held) -> None:
    assert (await stand.ask(admin, "POST", "/keys/import", LINES)).status == 200
    before = dict(stand.store._keys)
    assert (await stand.ask(admin, "POST", "/keys/import", LINES)).status == 422
    told = await stand.ask(admin, "POST", "/keys/import", {**LINES, "skip_existing": True})
    assert (told.status, told.json) == (200, {"keys": [], "skipped": 1})
    assert stand.store._keys == before


async def test_a_dry_run_changes_nothing(stand: Stand, admin: Held) -> None:
    told = await stand.ask(admin, "POST", "/keys/import", {**LINES, "dry_run": True})
    assert (told.status, len(told.json["keys"])) == (200, 1)
    assert list(stand.store._keys) == [admin.id]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "records"),
        ({"text": "a,b"}, "records"),
        ({"format": "lines"}, "records"),
        ({"records": [], "format": "lines"}, "records"),
        ({"records": [], **LINES}, "records"),
        ({"records": [{}]}, "records.0"),
        ({"records": [{"id": 1}]}, "records.0"),
        ({**LINES, "expires": "soon"}, "expires"),
        ({**LINES, "format": "yaml"}, "format"),
        ({"text": "weak,password\n", "format": "lines"}, "line 1"),
    ],
)
async def test_what_cannot_be_taken_is_named_and_nothing_is_made(
    stand: Stand, admin: Held, body: dict[str, Any], field: str
) -> None:
    told = await stand.ask(admin, "POST", "/keys/import", body)
    assert (told.status, told.fields) == (422, [field])
    assert b"password" not in told.raw
    assert list(stand.store._keys) == [admin.id]


async def test_an_imported_string_never_manages_keys(stand: Stand, admin: Held) -> None:
    body = {**LINES, "scopes": ["keyhatch:read"]}
    assert (await stand.ask(admin, "POST", "/keys/import", body)).status == 422
    made = (await stand.ask(admin, "POST", "/keys/import", LINES)).json["keys"][0]["id"]
    edit = {"scopes": ["keyhatch:read"]}
    assert (await stand.ask(admin, "PATCH", f"/keys/{made}", edit)).status == 422
    assert stand.store._keys[made].scopes == frozenset()


async def test_holding_an_imported_string_is_enough_to_end_it(stand: Stand, admin: Held) -> None:
    made = (await stand.ask(admin, "POST", "/keys/import", LINES)).json["keys"][0]["id"]
    told = await stand.ask(None, "POST", "/keys/revoke-by-value", {"key": STRING})
    assert (told.status, told.json["id"], told.json["status"]) == (200, made, "revoked")
