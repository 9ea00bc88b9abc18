"""Guarantees of gateway/admin/api/keys.py: what becomes of keys, and that nobody gains what they lack."""

from typing import Any

import pytest

from gateway.core.keys import digest_of
from gateway.keeper.desk import Rotation
from gateway.keeper.expiry import MOMENT_MAX
from tests.support.records import NOW
from tests.unit.admin.api.stand import STRANGER, Held, Stand, Told, pieces

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
    assert (made["created_by"], made["created_at"]) == ("admin", "2027-01-15T08:00:00Z")
    shown = await stand.ask(admin, "GET", told.headers["Location"])
    assert {**shown.json, "key": made["key"]} == made
    assert shown.headers["ETag"] == told.headers["ETag"]
    assert stand.store._keys[made["id"]].digest == digest_of(made["key"])
    assert stand.changes[-1] == made["id"]


@pytest.mark.parametrize(
    ("words", "expires_at"),
    [
        ({}, None),
        ({"expires": None}, None),
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
    for words, ends in (({}, NOW + DAY), ({"expires": None}, NOW + DAY), ({"expires_at": None}, None)):
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
        (["keyhatch:write", "*"], ["keyhatch:own"]),
    ],
)
async def test_nobody_grants_what_they_do_not_hold(stand: Stand, held: list[str], granted: list[str]) -> None:
    writer = await stand.make("writer", *held)
    other = await stand.make("other")
    before = dict(stand.store._keys)
    made = await stand.ask(writer, "POST", "/keys", {"name": "a", "scopes": granted})
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
        {"expires_at": None},
        {},
        {"name": None, "scopes": None, "owner": None, "note": None, "allow_from": None, "expires": None},
    ]
    for edit in edits:
        told = await stand.ask(admin, "PATCH", f"/keys/{key.id}", edit)
        before |= {name: value for name, value in edit.items() if len(edit) == 1}
        assert (told.status, told.json) == (200, before)


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


async def test_a_holder_ends_the_key_by_its_value(stand: Stand) -> None:
    key = await stand.make("key")
    for _ in range(2):
        told = await stand.ask(None, "POST", "/keys/revoke-by-value", {"key": f" '{key.secret}' "})
        assert (told.status, told.json["id"], told.json["status"]) == (200, key.id, "revoked")
        assert key.secret.encode() not in told.raw
    assert stand.acts(key) == [("create", "host"), ("revoke", key.id)]


async def test_by_value_the_secret_before_ends_and_the_key_lives(stand: Stand) -> None:
    key = await stand.make("key")
    _, new = await stand.keyring.rotate(key.id, Rotation(overlap_s=60.0))
    told = await stand.ask(None, "POST", "/keys/revoke-by-value", {"key": key.secret})
    assert (told.status, told.json["status"]) == (200, "active")
    assert (await opens(stand, key.secret), await opens(stand, new.reveal())) == (False, True)
    assert (await stand.ask(None, "POST", "/keys/revoke-by-value", {"key": key.secret})).status == 401


@pytest.mark.parametrize("by", ["nobody", "stranger"])
async def test_by_value_no_other_credential_counts(stand: Stand, by: str) -> None:
    key = await stand.make("key")
    shown = None if by == "nobody" else STRANGER
    assert (await stand.ask(shown, "POST", "/keys/revoke-by-value", {"key": key.secret})).status == 200


async def test_a_key_made_meanwhile_shifts_nothing(stand: Stand, admin: Held) -> None:
    made = [admin, *[await stand.make("key") for _ in range(3)]]
    first = (await stand.ask(admin, "GET", "/keys?limit=2")).json
    await stand.make("late")
    second = (await stand.ask(admin, "GET", f"/keys?limit=2&cursor={first['next_cursor']}")).json
    ids = [key["id"] for key in first["items"] + second["items"]]
    assert ids == [key.id for key in made][::-1]


async def test_a_list_is_narrowed_by_status_owner_and_text(stand: Stand, admin: Held) -> None:
    ann = await stand.make("Kitchen Radio", owner="ann")
    bob = await stand.make("laptop", owner="bob", note="lent to KITCHEN")
    await stand.keyring.revoke(bob.id)

    async def found(query: str) -> list[str]:
        return [key["id"] for key in (await stand.ask(admin, "GET", f"/keys?{query}")).json["items"]]

    assert await found("") == [ann.id, admin.id]
    assert await found("status=all") == [bob.id, ann.id, admin.id]
    assert await found("status=revoked") == [bob.id]
    assert await found("status=active") == [ann.id, admin.id]
    assert await found("owner=ann") == [ann.id]
    assert await found("owner=") == [admin.id]
    assert await found("q=kitchen") == [ann.id]
    assert await found("q=kitchen&status=all") == [bob.id, ann.id]
    assert await found("q=%25&status=all") == []


async def test_own_is_shown_its_owners_keys_alone(stand: Stand) -> None:
    own = await stand.make("own", "keyhatch:own", owner="ann")
    await stand.make("hidden", owner="bob")
    await stand.make("hidden")
    for query, ids in (
        ("", [own.id]),
        ("status=all", [own.id]),
        ("owner=ann", [own.id]),
        ("owner=bob", []),
        ("owner=", []),
        ("q=hidden", []),
    ):
        told = (await stand.ask(own, "GET", f"/keys?{query}")).json
        assert ([key["id"] for key in told["items"]], told["next_cursor"]) == (ids, None)
    assert len(await pieces(stand, own, "/keys?", 1)) == 1


async def test_verify_says_what_a_text_is(stand: Stand, admin: Held) -> None:
    dead = await stand.make("dead")
    await stand.keyring.revoke(dead.id)
    for text, valid, reason, key_id in (
        (admin.secret, True, None, admin.id),
        (f'  "{admin.secret}" ', True, None, admin.id),
        (dead.secret, False, "key_revoked", dead.id),
        (STRANGER, False, "key_unknown", None),
        (STRANGER[:-1], False, "credential_malformed", None),
        ("sk-ant-" + "a" * 40, False, "credential_foreign", None),
    ):
        answer = await stand.ask(admin, "POST", "/keys/verify", {"key": text})
        told = answer.json
        assert (told["valid"], told["reason"], (told["key"] or {}).get("id")) == (valid, reason, key_id)
        assert (told["message"] is None) == valid
        assert text.encode() not in answer.raw
        assert told["looks_like"] == ("an Anthropic key" if reason == "credential_foreign" else None)


async def test_verify_never_shows_a_hidden_key_to_an_owner(stand: Stand) -> None:
    own = await stand.make("own", "keyhatch:own", owner="ann")
    hidden = await stand.make("hidden", owner="bob")
    revoked = await stand.make("hidden")
    await stand.keyring.revoke(revoked.id)
    unknown = await stand.ask(own, "POST", "/keys/verify", {"key": STRANGER})
    for key in (hidden, revoked):
        told = await stand.ask(own, "POST", "/keys/verify", {"key": key.secret})
        assert (told.status, told.raw) == (200, unknown.raw)
    assert (await stand.ask(own, "POST", "/keys/verify", {"key": own.secret})).json["key"]["id"] == own.id


async def test_verify_is_no_use_of_the_key_in_question(stand: Stand, admin: Held) -> None:
    key = await stand.make("key")
    await stand.ask(admin, "POST", "/keys/verify", {"key": key.secret})
    assert {used for used, _ in stand.uses} == {admin.id}
