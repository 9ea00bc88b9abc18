"""Guarantees of gateway/admin/api as a whole: what is shown of keys and to whom, what ends by its value."""

import pytest

from gateway.core.keys import digest_of
from gateway.keeper.batch import Existing, KeyImport
from gateway.keeper.desk import Rotation
from tests.unit.admin.api.stand import STRANGER, Held, Stand, pieces


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
    assert [(await stand.ask(each, "GET", "/me")).status for each in (key.secret, new.reveal())] == [401, 200]
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


async def test_an_imported_secret_of_somebody_else_is_as_foreign_as_any(stand: Stand) -> None:
    text = "sk-q7ZbR2mX9tLw4VnKc8DsPe"
    existing = Existing(name="theirs", digest=digest_of(text), preview="sk-q…DsPe")
    await stand.keyring.import_keys(KeyImport(existing=(existing,), owner="bob"))
    own = await stand.make("own", "keyhatch:own", owner="ann")
    told, stranger = [
        await stand.ask(own, "POST", "/keys/verify", {"key": each}) for each in (text, text[::-1])
    ]
    assert told.json | {"looks_like": "", "message": ""} == stranger.json | {"looks_like": "", "message": ""}
    assert told.json["reason"] == "credential_foreign"
