"""Guarantees of gateway/admin/api/credentials.py: admins alone get near them, and a value only comes in."""

import pytest

from gateway.keeper.credentials import Trial, TrialResult
from tests.support.vaults import VALUE
from tests.unit.admin.api.stand import Held, Stand

SET = {"value": VALUE}
RECORD = {
    "name": "openai",
    "preview": "sk-r…def",
    "state": "ok",
    "why": "",
    "set_at": "2027-01-15T08:00:00Z",
    "last_used_at": None,
    "refused_at": None,
    "upstreams": ["main", "second"],
}


async def test_what_was_put_is_told_without_its_value(stand: Stand, admin: Held) -> None:
    told = await stand.ask(admin, "PUT", "/credentials/openai", SET)
    assert (told.status, told.json) == (200, {**RECORD, "set_by": admin.id})
    for path in ("/credentials/openai", "/credentials"):
        assert VALUE not in (await stand.ask(admin, "GET", path)).raw.decode()
    listed = (await stand.ask(admin, "GET", "/credentials")).json
    assert listed == {"items": [told.json]}
    assert stand.vaults.vault.reveal("openai") == VALUE


async def test_each_wrong_field_is_named_and_not_repeated(stand: Stand, admin: Held) -> None:
    for value in ("Bearer sk-secret", "sk-secret\n", "", None):
        told = await stand.ask(admin, "PUT", "/credentials/openai", {"value": value})
        assert (told.status, told.fields) == (422, ["value"])
        assert b"sk-secret" not in told.raw


async def test_while_the_vault_is_locked_the_mend_is_told(stand: Stand, admin: Held) -> None:
    stand.vaults.vault.lock("the key is missing: put it back")
    told = await stand.ask(admin, "PUT", "/credentials/openai", SET)
    assert (told.status, told.code) == (409, "state_conflict")
    assert "put it back" in told.json["detail"]


async def test_what_was_removed_is_not_found(stand: Stand, admin: Held) -> None:
    await stand.ask(admin, "PUT", "/credentials/openai", SET)
    assert (await stand.ask(admin, "DELETE", "/credentials/openai")).status == 204
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/test")):
        told = await stand.ask(admin, method, f"/credentials/openai{path}")
        assert (told.status, told.code) == (404, "credential_not_found")


@pytest.mark.parametrize("name", ["Open%20AI", "a--b", "x" * 65])
async def test_a_name_that_none_can_have_is_not_found(stand: Stand, admin: Held, name: str) -> None:
    told = await stand.ask(admin, "PUT", f"/credentials/{name}", SET)
    assert (told.status, told.code) == (404, "credential_not_found")


async def test_what_upstreams_said_to_it_is_told(stand: Stand, admin: Held) -> None:
    await stand.ask(admin, "PUT", "/credentials/openai", SET)
    stand.vaults.trials = [Trial("main", TrialResult.REFUSED, "GET /v1/models", 401)]
    told = await stand.ask(admin, "POST", "/credentials/openai/test")
    assert told.json["items"] == [
        {"upstream": "main", "result": "refused", "asked": "GET /v1/models", "status": 401}
    ]
    assert (await stand.ask(admin, "GET", "/credentials/openai")).json["state"] == "refused"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("GET", "/openai"), ("PUT", "/openai"), ("DELETE", "/openai"), ("POST", "/openai/test")],
)
@pytest.mark.parametrize("scope", ["keyhatch:read", "keyhatch:write", "keyhatch:own", "*"])
async def test_nobody_but_an_admin_gets_near_them(stand: Stand, method: str, path: str, scope: str) -> None:
    body = SET if method == "PUT" else None
    key = await stand.make("key", scope, owner="ann")
    told = await stand.ask(key, method, f"/credentials{path}", body)
    assert (told.status, told.code) == (403, "not_allowed")
    assert (await stand.ask(None, method, f"/credentials{path}", body)).status == 401


async def test_what_was_done_is_recorded_with_who_and_without_the_value(stand: Stand, admin: Held) -> None:
    await stand.ask(admin, "PUT", "/credentials/openai", SET)
    told = await stand.ask(admin, "GET", "/audit?act=set_credential")
    [entry] = told.json["items"]
    assert (entry["actor"], entry["key_id"], entry["after"]["credential"]) == (admin.id, None, "openai")
    assert VALUE not in told.raw.decode()
