"""Guarantees of gateway/admin/api/keys.py: what becomes of keys, and that nobody gains what they lack."""

from typing import Any

import pytest

from gateway.core.keys import digest_of
from gateway.keeper.expiry import MOMENT_MAX
from gateway.keeper.ports import Use
from tests.support.records import NOW
from tests.unit.admin.api.stand import Held, Stand, Told, pieces

DAY = 86_400.0
HOUR = 3_600.0


async def act(stand: Stand, by: Held, key: Held, word: str, body: Any = None) -> Told:
    return await stand.ask(by, "POST", f"/keys/{key.id}/{word}", body)


async def opens(stand: Stand, secret: str) -> bool:
    """Whether a secret is let in."""
    return (await stand.ask(secret, "GET", "/me")).status == 200


async def test_a_key_is_made_and_its_secret_is_told_once(stand: Stand, admin: Held) -> None:
    body = {
        "name": "Inventory",
        "scopes": ["models:read", "chat:*"],
        "owner": "ann",
        "note": "till spring\n",
        "allow_from": ["192.168.1.0/24", "fd00::1"],
        "in_path": True,
        "expires_at": "2027-01-31T00:00:00Z",
    }
    told = await stand.ask(admin, "POST", "/keys", body)
    made = told.json
    assert told.status == 201
    assert told.headers["Location"] == f"/api/v1/keys/{made['id']}"
    assert {**made, **body, "allow_from": ["192.168.1.0/24", "fd00::1/128"]} == {
        **made,
        "scopes": ["models:read", "chat:*"],
    }
    assert sorted(made["scopes"]) == made["scopes"]
    assert (made["created_by"], made["created_at"]) == (admin.id, "2027-01-15T08:00:00Z")
    shown = await stand.ask(admin, "GET", told.headers["Location"])
    assert {**shown.json, "key": made["key"]} == made
    assert shown.headers["ETag"] == told.headers["ETag"]
    assert stand.store._keys[made["id"]].digest == digest_of(made["key"])
    assert stand.changes[-1] == made["id"]


@pytest.mark.parametrize(
    ("words", "expires_at"),
    [
        ({}, None),
        ({"expires": "never"}, None),
        ({"expires_at": None}, None),
        ({"expires": "90m"}, NOW + 5_400),
        ({"expires": "2027-01-31"}, None),
        ({"expires_at": "2027-01-15T10:00:00+01:00"}, NOW + HOUR),
    ],
)
async def test_the_end_of_a_key_can_be_said_in_every_way(
    stand: Stand, admin: Held, words: dict[str, Any], expires_at: float | None
) -> None:
    told = await stand.ask(admin, "POST", "/keys", {"name": "a", **words})
    if words == {"expires": "2027-01-31"}:
        assert told.json["expires_at"].startswith("2027-01-31T")
    else:
        assert stand.store._keys[told.json["id"]].expires_at == expires_at


async def test_left_out_a_key_ends_as_it_is_configured(stand: Stand, admin: Held) -> None:
    object.__setattr__(stand.keyring.rules, "default_expiry_s", DAY)
    for words, ends in (({}, NOW + DAY), ({"expires_at": None}, None)):
        told = await stand.ask(admin, "POST", "/keys", {"name": "a", **words})
        assert stand.store._keys[told.json["id"]].expires_at == ends


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("expires_at", ["2028-01-01T00:00:00Z", None, "soon"])
async def test_two_ways_to_say_the_end_are_one_too_many(
    stand: Stand, admin: Held, method: str, expires_at: str | None
) -> None:
    path = "/keys" if method == "POST" else f"/keys/{admin.id}"
    body = {"name": "a", "owner": " ", "expires": "90d", "expires_at": expires_at}
    told = await stand.ask(admin, method, path, body)
    assert (told.status, told.fields) == (422, ["expires", "owner"])


@pytest.mark.parametrize(
    ("held", "granted"),
    [
        (["keyhatch:write"], ["chat:write"]),
        (["keyhatch:write"], ["keyhatch:admin"]),
        (["keyhatch:write"], ["keyhatch:*"]),
        (["keyhatch:write"], ["keyhatch:read"]),
        (["keyhatch:write", "chat:write"], ["chat:write", "models:read"]),
        (["keyhatch:write", "chat:write"], ["chat:*"]),
        (["keyhatch:write", "chat:*"], ["*"]),
        (["keyhatch:write", "*"], ["keyhatch:own", "chat:write"]),
    ],
)
async def test_nobody_grants_what_they_do_not_hold(stand: Stand, held: list[str], granted: list[str]) -> None:
    writer = await stand.make("writer", *held)
    other = await stand.make("other", owner="bob")
    before = dict(stand.store._keys)
    made = await stand.ask(writer, "POST", "/keys", {"name": "a", "owner": "bob", "scopes": granted})
    for told in (made, await stand.ask(writer, "PATCH", f"/keys/{other.id}", {"scopes": granted})):
        assert (told.status, told.code) == (403, "not_allowed")
    assert (await stand.ask(writer, "PATCH", f"/keys/{writer.id}", {"scopes": granted})).status == 403
    assert stand.store._keys == before


@pytest.mark.parametrize("granted", [["keyhatch:write"], ["chat:write"], ["chat:write", "models:read"]])
async def test_what_they_hold_they_may_grant(stand: Stand, granted: list[str]) -> None:
    writer = await stand.make("writer", "keyhatch:write", "chat:*", "*:read")
    told = await stand.ask(writer, "POST", "/keys", {"name": "a", "scopes": granted})
    assert (told.status, told.json["scopes"]) == (201, sorted(granted))


@pytest.mark.parametrize("granted", [["keyhatch:*"], ["*"], ["chat:write"]])
async def test_an_admin_grants_what_they_do_not_hold(stand: Stand, admin: Held, granted: list[str]) -> None:
    told = await stand.ask(admin, "POST", "/keys", {"name": "a", "scopes": granted})
    assert told.json["scopes"] == granted


async def test_nobody_is_given_a_secret_for_scopes_that_they_lack(stand: Stand) -> None:
    writer = await stand.make("writer", "keyhatch:write")
    other = await stand.make("other", "chat:write")
    before = stand.record(other)
    told = await act(stand, writer, other, "rotate")
    assert (told.status, told.code) == (403, "not_allowed")
    assert stand.record(other) == before


@pytest.mark.parametrize("word", ["disable", "enable", "revoke", "finish-rotation"])
async def test_write_may_end_a_key_whose_scopes_it_lacks(stand: Stand, word: str) -> None:
    writer = await stand.make("writer", "keyhatch:write")
    other = await stand.make("other", "chat:write")
    assert (await act(stand, writer, other, word)).status == 200


@pytest.mark.parametrize("owner", ["", "bob", "Ann"])
async def test_own_makes_no_key_for_another_and_gives_none_away(stand: Stand, owner: str) -> None:
    own = await stand.make("own", "keyhatch:own", owner="ann")
    before = dict(stand.store._keys)
    named = {"owner": owner}
    assert (await stand.ask(own, "POST", "/keys", {"name": "a", **named})).status == 403
    assert (await stand.ask(own, "PATCH", f"/keys/{own.id}", named)).status == 403
    assert stand.store._keys == before


@pytest.mark.parametrize("scopes", [("keyhatch:own",), ("keyhatch:own", "keyhatch:read")])
async def test_own_makes_keys_of_its_owner_where_it_names_none(stand: Stand, scopes: tuple[str, ...]) -> None:
    own = await stand.make("own", *scopes, owner="ann")
    assert (await stand.ask(own, "POST", "/keys", {"name": "a"})).json["owner"] == "ann"


async def test_own_makes_and_edits_keys_of_its_owner(stand: Stand) -> None:
    own = await stand.make("own", "keyhatch:own", "chat:write", owner="ann")
    body = {"name": "a", "owner": "ann", "scopes": ["chat:write", "keyhatch:own"]}
    made = await stand.ask(own, "POST", "/keys", body)
    assert made.status == 201
    told = await stand.ask(own, "PATCH", f"/keys/{made.json['id']}", {"owner": "ann", "name": "b"})
    assert told.json["name"] == "b"


async def test_own_and_read_together_see_all_and_change_their_own(stand: Stand) -> None:
    both = await stand.make("both", "keyhatch:own", "keyhatch:read", owner="ann")
    other = await stand.make("other", owner="bob")
    assert (await stand.ask(both, "GET", f"/keys/{other.id}")).status == 200
    told = await act(stand, both, other, "revoke")
    assert (told.status, told.code) == (403, "not_allowed")
    assert (await act(stand, both, both, "revoke")).status == 200


async def test_an_edit_changes_what_it_names_and_nothing_else(stand: Stand, admin: Held) -> None:
    key = await stand.make("key", "chat:write", owner="ann", note="n", expires_at=NOW + 40 * DAY)
    before = (await stand.ask(admin, "GET", f"/keys/{key.id}")).json
    edits: list[dict[str, Any]] = [
        {"name": "renamed"},
        {"scopes": []},
        {"owner": ""},
        {"note": ""},
        {"allow_from": ["10.0.0.0/8"]},
        {"in_path": True},
        {"expires_at": None},
        {},
    ]
    for edit in edits:
        told = await stand.ask(admin, "PATCH", f"/keys/{key.id}", edit)
        before |= {name: value for name, value in edit.items() if len(edit) == 1}
        assert (told.status, told.json) == (200, before)


@pytest.mark.parametrize("field", ["name", "scopes", "owner", "note", "allow_from", "in_path", "expires"])
async def test_null_is_refused_where_it_could_mean_two_things(stand: Stand, admin: Held, field: str) -> None:
    told = await stand.ask(admin, "PATCH", f"/keys/{admin.id}", {field: None})
    assert (told.status, told.fields) == (422, [field])


async def test_a_refused_edit_changes_no_field_of_it(stand: Stand, admin: Held) -> None:
    before = stand.record(admin)
    told = await stand.ask(admin, "PATCH", f"/keys/{admin.id}", {"name": "b", "note": 1, "expires": "x"})
    assert (told.status, told.fields) == (422, ["expires", "note"])
    assert stand.record(admin) == before


@pytest.mark.parametrize(
    ("body", "ends_after"),
    [
        ({}, DAY),
        ({"overlap": None}, DAY),
        ({"overlap": "1h"}, HOUR),
        ({"overlap": "7d"}, 7 * DAY),
        ({"overlap": "1h", "until_first_use": True}, HOUR),
        ({"until_first_use": True}, MOMENT_MAX - NOW),
    ],
)
async def test_a_rotation_leaves_the_secret_before_its_overlap(
    stand: Stand, admin: Held, body: dict[str, Any], ends_after: float
) -> None:
    key = await stand.make("key")
    told = await act(stand, admin, key, "rotate", body)
    assert await opens(stand, told.json["key"])
    assert await opens(stand, key.secret)
    record = stand.record(key)
    assert record.previous_secret_valid_until == NOW + ends_after
    assert record.previous_until_first_use == body.get("until_first_use", False)


async def test_a_rotation_may_end_the_secret_before_now(stand: Stand, admin: Held) -> None:
    key = await stand.make("key")
    told = await act(stand, admin, key, "rotate", {"overlap": "now"})
    assert await opens(stand, told.json["key"])
    assert not await opens(stand, key.secret)


async def test_within_an_overlap_a_key_is_rotated_only_on_request(stand: Stand, admin: Held) -> None:
    key = await stand.make("key")
    first = await act(stand, admin, key, "rotate")
    told = await act(stand, admin, key, "rotate")
    assert (told.status, told.code) == (409, "state_conflict")
    assert await opens(stand, first.json["key"])
    assert (await act(stand, admin, key, "rotate", {"end_previous": True})).status == 200
    assert not await opens(stand, key.secret)


@pytest.mark.parametrize("overlap", ["soon", "", "1w", "-1h", "1.5h", "9999999999999d", "now ", 3_600])
async def test_an_overlap_that_is_none_rotates_nothing(stand: Stand, admin: Held, overlap: Any) -> None:
    told = await act(stand, admin, admin, "rotate", {"overlap": overlap})
    assert (told.status, told.fields) == (422, ["overlap"])
    assert stand.record(admin).rotated_at is None


async def test_an_overlap_beyond_all_years_is_told_by_its_field(stand: Stand, admin: Held) -> None:
    told = await act(stand, admin, admin, "rotate", {"overlap": "999999999999d"})
    assert (told.status, told.fields) == (422, ["overlap"])


async def test_a_rotation_is_undone_or_finished(stand: Stand, admin: Held) -> None:
    key = await stand.make("key")
    new = (await act(stand, admin, key, "rotate")).json["key"]
    assert (await act(stand, admin, key, "undo-rotation")).status == 200
    assert (await opens(stand, key.secret), await opens(stand, new)) == (True, False)
    assert (await act(stand, admin, key, "undo-rotation")).status == 409
    new = (await act(stand, admin, key, "rotate")).json["key"]
    assert (await act(stand, admin, key, "finish-rotation")).status == 200
    assert (await opens(stand, key.secret), await opens(stand, new)) == (False, True)


async def test_a_key_is_switched_off_on_and_ended(stand: Stand, admin: Held) -> None:
    key = await stand.make("key")
    seen = []
    for word in ("disable", "disable", "enable", "revoke", "revoke"):
        told = await act(stand, admin, key, word)
        seen.append((told.status, told.json["status"]))
    assert seen == [(200, each) for each in ("disabled", "disabled", "active", "revoked", "revoked")]
    for word in ("disable", "enable", "rotate", "undo-rotation"):
        told = await act(stand, admin, key, word)
        assert (told.status, told.code) == (409, "state_conflict")
    assert (await stand.ask(admin, "PATCH", f"/keys/{key.id}", {"name": "b"})).status == 409


async def test_only_a_revoked_key_is_deleted(stand: Stand, admin: Held) -> None:
    key = await stand.make("key")
    told = await stand.ask(admin, "DELETE", f"/keys/{key.id}")
    assert (told.status, told.code) == (409, "state_conflict")
    await stand.keyring.revoke(key.id)
    assert (await stand.ask(admin, "DELETE", f"/keys/{key.id}")).status == 204
    assert (await stand.ask(admin, "DELETE", f"/keys/{key.id}")).status == 404
    assert stand.acts(key)[-1] == ("delete", admin.id)


async def test_an_owner_has_so_many_keys_and_no_more(stand: Stand, admin: Held) -> None:
    object.__setattr__(stand.keyring.rules, "max_active_per_owner", 1)
    body = {"name": "a", "owner": "ann"}
    told = [await stand.ask(admin, "POST", "/keys", body) for _ in range(2)]
    assert [each.status for each in told] == [201, 409]


async def test_keys_are_listed_by_when_they_were_last_used(stand: Stand, admin: Held) -> None:
    made = {name: await stand.make(name, owner=name[:3]) for name in ("ann 1", "ann 2", "bob 1")}
    stand.clock.time += DAY
    await stand.make("new", owner="ann")
    await stand.store.record_uses([Use(made["ann 1"].id, NOW + 10, "::1", 1)])
    await stand.store.record_uses([Use(made["bob 1"].id, NOW + 20, "::1", 1)])
    asked = {
        "used_since=2027-01-15T08:00:00Z": ["bob 1", "ann 1"],
        "used_since=2027-01-15T08:00:10Z": ["bob 1", "ann 1"],
        "used_since=2027-01-15T08:00:10.5Z": ["bob 1"],
        "used_since=2027-01-15T10:00:20%2B02:00": ["bob 1"],
        "used_since=2027-01-15T08:00:00Z&owner=ann": ["ann 1"],
        "used_since=2027-01-15T08:00:00Z&q=bob&status=active": ["bob 1"],
        "unused_since=2027-01-15T08:00:20Z": ["ann 2", "ann 1", "admin"],
        "unused_since=2027-01-15T08:00:20Z&owner=ann": ["ann 2", "ann 1"],
        "unused_since=2027-01-15T08:00:20Z&used_since=2027-01-15T08:00:10Z": ["ann 1"],
        "unused_since=2027-01-15T07:59:59Z": [],
    }
    for query, names in asked.items():
        assert [key["name"] for key in await pieces(stand, admin, f"/keys?{query}&", 1)] == names


async def test_own_lists_by_use_the_keys_of_its_owner_alone(stand: Stand) -> None:
    own = await stand.make("own", "keyhatch:own", owner="ann")
    await stand.make("hidden", owner="bob")
    told = await stand.ask(own, "GET", "/keys?unused_since=2027-01-15T08:00:00Z")
    assert [key["name"] for key in told.json["items"]] == ["own"]


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "now",
        "30d",
        "2027-01-15",
        "2027-01-15T08:00:00",
        "2027-02-30T08:00:00Z",
        "2027-01-15T08:00:00+02:00",
        "9999-12-31T23:59:59-01:00",
    ],
)
async def test_a_moment_that_is_none_is_named_with_its_rule_and_the_other_one_too(
    stand: Stand, admin: Held, wrong: str
) -> None:
    """An offset's `+` is a space in a query."""
    told = await stand.ask(admin, "GET", f"/keys?used_since={wrong}&unused_since={wrong}&limit=0")
    assert (told.status, told.fields) == (422, ["limit", "unused_since", "used_since"])
    rules = {each["message"] for each in told.json["errors"] if each["field"] != "limit"}
    assert rules == {"is no moment: write one like 2027-01-31T12:00:00Z"}


async def test_an_address_is_signed_for_whoever_holds_what_the_key_holds(stand: Stand, admin: Held) -> None:
    key = await stand.make("radio", "chat:write")
    body = {"path": "/v1/audio/a.mp3?voice=anna", "expires_in": "2m"}
    told = await stand.ask(admin, "POST", f"/keys/{key.id}/sign", body)
    assert (told.status, told.json["expires_at"]) == (200, "2027-01-15T08:02:00Z")
    assert told.json["address"].startswith(f"/v1/audio/a.mp3?voice=anna&kh_key={key.id}&kh_expires=")
    assert told.headers["Cache-Control"] == "no-store"
    holder = await stand.make("holder", "keyhatch:write", "chat:*")
    assert (await stand.ask(holder, "POST", f"/keys/{key.id}/sign", body)).status == 200
    other = await stand.make("other", "keyhatch:write", "models:read")
    told = await stand.ask(other, "POST", f"/keys/{key.id}/sign", body)
    assert (told.status, told.code) == (403, "not_allowed")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"path": "a"}, ["path"]),
        ({"path": "/a?kh_key=1"}, ["path"]),
        ({"path": "/a", "expires_in": "2h"}, ["expires_in"]),
        ({"path": "/a", "expires_in": "0s"}, ["expires_in"]),
        ({"path": "/a", "expires_in": "999999999999d"}, ["expires_in"]),
        ({"path": "/a", "expires_in": "soon"}, ["expires_in"]),
        ({}, ["path"]),
    ],
    ids=str,
)
async def test_what_cannot_be_signed_names_its_field(
    stand: Stand, admin: Held, body: dict[str, Any], fields: list[str]
) -> None:
    told = await stand.ask(admin, "POST", f"/keys/{admin.id}/sign", body)
    assert (told.status, told.fields) == (422, fields)


async def test_how_long_an_address_may_open_is_told_in_words(stand: Stand, admin: Held) -> None:
    body = {"path": "/a", "expires_in": "soon"}
    told = await stand.ask(admin, "POST", f"/keys/{admin.id}/sign", body)
    assert told.json["errors"][0]["message"] == "is no duration: write one like 90s, 5m or 1h"


async def test_a_key_that_does_not_work_signs_nothing(stand: Stand, admin: Held) -> None:
    key = await stand.make("radio")
    await stand.keyring.disable(key.id)
    told = await stand.ask(admin, "POST", f"/keys/{key.id}/sign", {"path": "/a"})
    assert told.status == 409
