"""Guarantees of gateway/admin/api/record.py: lists, the audit, its chain, what would happen."""

import dataclasses
from datetime import date, timedelta
from typing import Any

import pytest

from gateway.admin.api.asked import cursor_of
from gateway.core.refusal import Reason
from gateway.keeper.audit import GENESIS, AuditEntry, verify_chain
from gateway.keeper.days import UsageDay
from gateway.keeper.desk import KeyEdit
from tests.unit.admin.api.stand import ABSENT, Held, Stand, pieces


@pytest.mark.parametrize("limit", [1, 2, 6, 7, 200])
async def test_the_pieces_of_a_list_are_the_list(stand: Stand, admin: Held, limit: int) -> None:
    made = [admin, *[await stand.make(f"key {number}") for number in range(5)]]
    keys = await pieces(stand, admin, "/keys?", limit)
    assert [key["id"] for key in keys] == [key.id for key in made][::-1]
    entries = await pieces(stand, admin, "/audit?", limit)
    assert [entry["number"] for entry in entries] == [1, 2, 3, 4, 5, 6]


async def test_the_scopes_are_the_catalogue_and_those_of_management(stand: Stand, admin: Held) -> None:
    items = (await stand.ask(admin, "GET", "/scopes")).json["items"]
    assert [(each["scope"], each["reserved"]) for each in items] == [
        ("chat:write", False),
        ("models:read", False),
        ("keyhatch:own", True),
        ("keyhatch:read", True),
        ("keyhatch:write", True),
        ("keyhatch:admin", True),
    ]
    assert items[0]["description"] == "Ask for completions"


async def test_me_is_the_key_that_asks(stand: Stand) -> None:
    key = await stand.make("app", "chat:write")
    told = await stand.ask(key, "GET", "/me")
    assert (told.json["id"], told.json["scopes"]) == (key.id, ["chat:write"])
    assert "key" not in told.json


def entry_of(told: dict[str, Any]) -> AuditEntry:
    """The entry as a reader of the API rebuilds it."""
    fields = {name: value for name, value in told.items() if name not in ("at", "at_s")}
    hashes = {name: bytes.fromhex(told[name]) for name in ("previous", "hash")}
    return AuditEntry(**{**fields, **hashes, "at": told["at_s"]})


async def test_the_chain_can_be_verified_by_whoever_reads_it(stand: Stand, admin: Held) -> None:
    key = (await stand.ask(admin, "POST", "/keys", {"name": "a", "allow_from": ["::1"]})).json["id"]
    await stand.ask(admin, "POST", f"/keys/{key}/rotate")
    stand.clock.time += 0.123456
    await stand.ask(admin, "POST", f"/keys/{key}/revoke")
    await stand.ask(admin, "DELETE", f"/keys/{key}")
    told = await pieces(stand, admin, "/audit?", 2)
    number, hash_ = verify_chain(map(entry_of, told))
    chain = (await stand.ask(admin, "GET", "/audit/chain")).json
    assert chain == {"whole": True, "entries": number, "hash": hash_.hex(), "problem": None}
    assert [entry["act"] for entry in told] == ["create", "create", "rotate", "revoke", "delete"]
    assert {entry["actor"] for entry in told[1:]} == {admin.id}


async def test_an_entry_that_was_changed_is_found(stand: Stand, admin: Held) -> None:
    await stand.make("second")
    await stand.make("third")
    entries = stand.store._entries
    entries[1] = dataclasses.replace(entries[1], actor="nobody")
    told = (await stand.ask(admin, "GET", "/audit/chain")).json
    assert told["whole"] is False
    assert told["problem"] == "entry 2 was changed, or one before it was"


async def test_a_long_chain_is_read_to_its_end(stand: Stand, admin: Held) -> None:
    for _ in range(250):
        await stand.keyring.disable(admin.id)
        await stand.keyring.enable(admin.id)
    told = (await stand.ask(admin, "GET", "/audit/chain")).json
    assert (told["whole"], told["entries"]) == (True, 501)


async def test_a_chain_without_entries_is_whole(stand: Stand, admin: Held) -> None:
    stand.store._entries.clear()
    told = (await stand.ask(admin, "GET", "/audit/chain")).json
    assert told == {"whole": True, "entries": 0, "hash": GENESIS.hex(), "problem": None}


async def test_the_acts_on_one_key_are_told_alone(stand: Stand, admin: Held) -> None:
    key = await stand.make("key")
    await stand.keyring.revoke(key.id)
    await stand.keyring.delete(key.id)
    told = await pieces(stand, admin, f"/audit?key_id={key.id}&", 1)
    assert [entry["act"] for entry in told] == ["create", "revoke", "delete"]
    assert await pieces(stand, admin, f"/audit?key_id={ABSENT}&", 1) == []


@pytest.mark.parametrize("limit", [1, 2, 7])
async def test_the_newest_acts_come_first_where_that_is_asked_for(
    stand: Stand, admin: Held, limit: int
) -> None:
    for number in range(5):
        await stand.make(f"key {number}")
    told = await pieces(stand, admin, "/audit?order=desc&", limit)
    assert [entry["number"] for entry in told] == [6, 5, 4, 3, 2, 1]


async def test_acts_are_found_by_what_was_done_and_by_whom(stand: Stand, admin: Held) -> None:
    key = (await stand.ask(admin, "POST", "/keys", {"name": "a"})).json["id"]
    await stand.ask(admin, "POST", f"/keys/{key}/disable")
    await stand.keyring.enable(key)
    asked = [
        (f"actor={admin.id}", ["create", "disable"]),
        (f"actor={admin.id}&order=desc", ["disable", "create"]),
        ("actor=host", ["create", "enable"]),
        ("actor=host&act=create", ["create"]),
        (f"key_id={key}&act=create&actor={admin.id}", ["create"]),
        ("act=delete", []),
        ("actor=nobody", []),
    ]
    for words, acts in asked:
        assert [entry["act"] for entry in await pieces(stand, admin, f"/audit?{words}&", 1)] == acts


@pytest.mark.parametrize("wrong", ["order=newest", "act=key.create", "act=", "actor=", f"actor={'x' * 101}"])
async def test_an_order_an_act_or_an_actor_that_cannot_be_is_named(
    stand: Stand, admin: Held, wrong: str
) -> None:
    told = await stand.ask(admin, "GET", f"/audit?{wrong}")
    assert (told.status, told.fields) == (422, [wrong.partition("=")[0]])


async def test_of_a_key_that_changed_hands_own_reads_its_time_alone_in_either_order(stand: Stand) -> None:
    own = await stand.make("own", "keyhatch:own", owner="ann")
    moved = await stand.make("moved", owner="bob")
    await stand.keyring.edit(moved.id, KeyEdit(owner="ann"))
    await stand.keyring.disable(moved.id)
    await stand.keyring.enable(moved.id)
    told = (await stand.ask(own, "GET", f"/audit?key_id={moved.id}&order=desc")).json["items"]
    assert [entry["act"] for entry in told] == ["enable", "disable"]
    assert (await stand.ask(own, "GET", "/audit?order=desc&actor=host")).status == 403


async def test_own_reads_the_audit_of_its_owners_keys_alone(stand: Stand) -> None:
    own = await stand.make("own", "keyhatch:own", owner="ann")
    hidden = await stand.make("hidden", owner="bob")
    assert len((await stand.ask(own, "GET", f"/audit?key_id={own.id}")).json["items"]) == 1
    for path in ("/audit", "/audit/chain"):
        assert (await stand.ask(own, "GET", path)).status == 403
    told = [await stand.ask(own, "GET", f"/audit?key_id={each}") for each in (hidden.id, ABSENT)]
    assert [each.status for each in told] == [404, 404]
    assert told[0].besides_id == told[1].besides_id


async def test_no_entry_holds_a_secret_or_a_digest(stand: Stand, admin: Held) -> None:
    made = (await stand.ask(admin, "POST", "/keys", {"name": "a"})).json
    await stand.ask(admin, "POST", f"/keys/{made['id']}/rotate")
    told = (await stand.ask(admin, "GET", "/audit")).raw.decode()
    assert made["key"] not in told
    assert stand.store._keys[made["id"]].digest.hex() not in told


TODAY = date(2027, 1, 15)


@pytest.fixture
async def days(stand: Stand, admin: Held) -> list[UsageDay]:
    """What two keys did on three days, of which one is long ago."""
    other = await stand.make("other", owner="ann")
    made = [
        UsageDay(key.id, TODAY - timedelta(days=ago), 1, {Reason.SCOPE_MISSING: 2}, 3, 4, "::1")
        for ago in (0, 1, 40)
        for key in (admin, other)
    ]
    await stand.store.record_uses([], made)
    return made


@pytest.mark.parametrize("limit", [1, 2, 3, 200])
async def test_usage_is_told_by_day_by_key_and_for_all_keys(
    stand: Stand, admin: Held, days: list[UsageDay], limit: int
) -> None:
    told = await pieces(stand, admin, "/usage?", limit)
    assert [(each["day"], each["key_id"]) for each in told] == sorted(
        [(str(each.day), each.key_id) for each in days[:4]], key=lambda place: place[0], reverse=True
    )
    told = await pieces(stand, admin, "/usage?per=key&since=2026-01-01&", limit)
    assert [each["requests"] for each in told] == [3, 3]
    told = await pieces(stand, admin, "/usage?per=total&since=2026-01-01&", limit)
    whole = {"key_id": None, "last_address": None, "requests": 2, "refusals": {"scope_missing": 4}}
    sums = {"bytes_in": 6, "bytes_out": 8}
    assert told == [{**whole, **sums, "day": day} for day in ("2027-01-15", "2027-01-14", "2026-12-06")]
    assert len(await pieces(stand, admin, "/usage?per=total&", limit)) == 2


async def test_the_usage_of_one_key_is_told_alone(stand: Stand, admin: Held, days: list[UsageDay]) -> None:
    told = await pieces(stand, admin, f"/usage?key_id={days[1].key_id}&until=2027-01-14&", 1)
    assert [(each["day"], each["key_id"]) for each in told] == [("2027-01-14", days[1].key_id)]


@pytest.mark.usefixtures("days")
@pytest.mark.parametrize("per", ["day", "key", "total"])
async def test_what_is_no_place_or_no_day_of_usage_is_named(stand: Stand, admin: Held, per: str) -> None:
    id_ = "key_0123456789abcdef"
    for place in ("5", "2027-01-15", "2027-02-30 ", f"2027-02-30 {id_}", f"2027-01-15 {id_} ", f" {id_}"):
        told = await stand.ask(admin, "GET", f"/usage?per={per}&cursor={cursor_of(place)}")
        assert (told.status, told.fields) == (422, ["cursor"]), place
    for day in ("2027-02-30", "yesterday"):
        told = await stand.ask(admin, "GET", f"/usage?per={per}&since={day}")
        assert (told.status, told.fields) == (422, ["since"])


@pytest.mark.usefixtures("days")
async def test_what_all_keys_did_is_for_those_who_see_all(stand: Stand, admin: Held) -> None:
    own = await stand.make("own", "keyhatch:own", owner="ann")
    reader = await stand.make("reader", "keyhatch:read")
    for query in ("per=total", f"per=total&key_id={own.id}"):
        told = await stand.ask(own, "GET", f"/usage?{query}")
        assert (told.status, "keyhatch:read" in told.json["detail"]) == (403, True)
    assert (await stand.ask(reader, "GET", "/usage?per=total")).status == 200
    told = await stand.ask(admin, "GET", f"/usage?per=total&key_id={own.id}")
    assert (told.status, told.fields) == (422, ["key_id"])
    told = await stand.ask(admin, "GET", "/usage?per=week")
    assert (told.status, told.fields) == (422, ["per"])


async def test_what_would_happen_to_a_request_is_explained(stand: Stand, admin: Held) -> None:
    chatter = await stand.make("chatter", "chat:write")
    reader = await stand.make("reader", "models:read", allow_from=("10.0.0.0/8",))
    asked: list[tuple[dict[str, Any], str, str | None]] = [
        ({}, "needs_key", None),
        ({"key_id": chatter.id}, "refused", "scope_missing"),
        ({"key_id": reader.id}, "allowed", None),
        ({"key_id": reader.id, "address": "10.1.1.1"}, "allowed", None),
        ({"key_id": reader.id, "address": "8.8.8.8"}, "refused", "address_not_allowed"),
        ({"path": "/nowhere"}, "refused", "no_route"),
    ]
    for words, outcome, reason in asked:
        body = {"method": "GET", "path": "/v1/models", **words}
        told = (await stand.ask(admin, "POST", "/explain", body)).json
        assert (told["outcome"], told["reason"]) == (outcome, reason)
        assert (told["message"] is None) == (reason is None)
        assert (told["key"] or {}).get("id") == words.get("key_id")
    assert stand.uses == [(admin.id, "127.0.0.1")] * len(asked)


@pytest.mark.parametrize(
    ("words", "fields"),
    [
        ({"address": "home"}, ["address"]),
        ({"address": ""}, ["address"]),
        ({"method": "get"}, ["method"]),
        ({"path": ""}, ["path"]),
        ({"key_id": "laptop"}, ["key_id"]),
    ],
)
async def test_what_cannot_be_explained_is_named(
    stand: Stand, admin: Held, words: dict[str, str], fields: list[str]
) -> None:
    told = await stand.ask(admin, "POST", "/explain", {"method": "GET", "path": "/", **words})
    assert (told.status, told.fields) == (422, fields)


async def test_own_has_no_hidden_key_explained(stand: Stand) -> None:
    own = await stand.make("own", "keyhatch:own", owner="ann")
    hidden = await stand.make("hidden", "models:read")
    body = {"method": "GET", "path": "/v1/models"}
    asked = [{**body, "key_id": key_id} for key_id in (hidden.id, ABSENT)]
    told = [await stand.ask(own, "POST", "/explain", each) for each in asked]
    assert [each.status for each in told] == [404, 404]
    assert told[0].besides_id == told[1].besides_id
    assert (await stand.ask(own, "POST", "/explain", {**body, "key_id": own.id})).status == 200
