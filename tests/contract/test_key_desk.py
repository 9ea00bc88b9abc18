"""What every desk guarantees, whether it holds the store or asks the process that does (KeyDesk)."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.core.keys import ApiKey, Shape, Status, compose_secret
from gateway.core.refusal import Reason
from gateway.keeper.desk import NameAmbiguous, Rotation, RuleBroken, StateConflict
from gateway.keeper.ports import KeyNotFound, StoreUnavailable
from tests.contract.desk_stand import DAY_S, Stand
from tests.support.records import NOW


def seen(key: ApiKey) -> ApiKey:
    """A record as every desk may show it: without digests."""
    return replace(key, digest=b"", previous_digest=None)


async def test_a_key_is_made_as_drafted_and_its_secret_works(stand: Stand) -> None:
    key, secret = await stand.make(
        scopes=("chat:*",), owner="ann", note="two\nlines", allow_from=("10.0.0.0/8",), created_by="cli"
    )
    assert (key.name, key.owner, key.note, key.created_by) == ("laptop", "ann", "two\nlines", "cli")
    assert key.scopes == {"chat:*"}
    assert key.created_at == NOW
    assert key.expires_at == NOW + 90 * DAY_S
    assert [str(network) for network in key.allow_from] == ["10.0.0.0/8"]
    assert key.preview == f"{secret.reveal()[:7]}…{secret.reveal()[-4:]}"
    found = await stand.desk.verify(secret.reveal())
    assert (found.shape, found.reason, found.looks_like) == (Shape.WELL_FORMED, None, None)
    assert found.key is not None
    assert seen(found.key) == seen(key)


async def test_ids_and_secrets_never_repeat(stand: Stand) -> None:
    made = [await stand.make() for _ in range(20)]
    assert len({key.id for key, _ in made}) == 20
    assert len({secret.reveal() for _, secret in made}) == 20


async def test_a_draft_that_breaks_a_rule_makes_nothing(stand: Stand) -> None:
    broken: list[dict[str, Any]] = [
        {"scopes": ("chat:wirte",)},
        {"expires_at": NOW - 1},
        {"allow_from": ("10.0.0.1/8",)},
    ]
    for fields in broken:
        with pytest.raises(RuleBroken):
            await stand.make(**fields)
    with pytest.raises(RuleBroken, match="cannot be printed"):
        await stand.make(name="\udcff")
    assert await stand.desk.list_keys("all") == []
    assert stand.told == []


async def test_an_owner_has_so_many_living_keys_and_no_more(stand: Stand) -> None:
    first, _ = await stand.make("one", owner="ann")
    second, _ = await stand.make("two", owner="ann")
    await stand.desk.disable(second.id)
    await stand.make("three", owner="ann", expires_at=NOW + 60)
    with pytest.raises(RuleBroken, match="owner 'ann' has 3 keys, 3 is the most: revoke one"):
        await stand.make("four", owner="ann")
    await stand.make("four", owner="bob")
    await stand.make("nobody's")
    await stand.desk.revoke(first.id)
    await stand.make("four", owner="ann")
    stand.clock.time += 60
    await stand.make("five, in place of the expired one", owner="ann")


async def test_keys_are_listed_by_status_and_owner_newest_first(stand: Stand) -> None:
    drafts: dict[str, dict[str, Any]] = {
        "active": {"owner": "ann"},
        "expiring": {"expires_at": NOW + 3 * DAY_S},
        "expired": {"expires_at": NOW + 1},
        "disabled": {},
        "revoked": {"owner": "ann"},
    }
    for name, fields in drafts.items():
        await stand.make(name, **fields)
    await stand.desk.disable("disabled")
    await stand.desk.revoke("revoked")
    stand.clock.time += 1

    async def names(status: Any = None, owner: str | None = None) -> list[str]:
        return [key.name for key in await stand.desk.list_keys(status, owner)]

    assert await names("all") == ["revoked", "disabled", "expired", "expiring", "active"]
    assert await names() == ["disabled", "expired", "expiring", "active"]
    for status in Status:
        assert await names(status) == [status.value]
    assert await names("all", "ann") == ["revoked", "active"]
    assert await names(None, "nobody") == []


async def test_a_key_is_found_by_id_and_by_name(stand: Stand) -> None:
    key, _ = await stand.make("laptop")
    assert await stand.desk.resolve(key.id) == await stand.desk.resolve("laptop")
    assert seen(await stand.desk.resolve("laptop")) == seen(key)


@pytest.mark.parametrize("text", ["", "Laptop", "lap", "key_0123456789abcdef", "'; --", "né ☃", "a\x00b"])
async def test_what_names_no_key_is_not_found(stand: Stand, text: str) -> None:
    await stand.make("laptop")
    for act in (stand.desk.resolve, stand.desk.revoke, stand.desk.delete, stand.desk.enable):
        with pytest.raises(KeyNotFound, match="keyhatch keys list"):
            await act(text)


async def test_a_name_of_several_keys_names_none_of_them(stand: Stand) -> None:
    first, _ = await stand.make("laptop")
    second, _ = await stand.make("laptop")
    await stand.desk.revoke(first.id)
    with pytest.raises(NameAmbiguous) as refusal:
        await stand.desk.revoke("laptop")
    assert str(refusal.value) == (
        f"2 keys are named 'laptop', say which by its id: {second.id} (active), {first.id} (revoked)"
    )
    assert (await stand.desk.resolve(second.id)).id == second.id


async def test_of_very_many_namesakes_only_some_are_listed(stand: Stand) -> None:
    for _ in range(13):
        await stand.make("laptop")
    with pytest.raises(NameAmbiguous, match=r"^more than 10 keys .*, and more$"):
        await stand.desk.resolve("laptop")


async def test_a_secret_given_for_a_name_is_not_repeated(stand: Stand) -> None:
    _, secret = await stand.make()
    with pytest.raises(RuleBroken, match="this is a key's secret") as refusal:
        await stand.desk.resolve(secret.reveal())
    assert secret.reveal()[3:20] not in str(refusal.value)


async def test_revoking_is_for_good_and_keeps_the_record(stand: Stand) -> None:
    key, secret = await stand.make()
    revoked = await stand.desk.revoke(key.id)
    assert revoked.revoked_at == NOW
    stand.clock.time += 5
    assert (await stand.desk.revoke(key.id)).revoked_at == NOW
    for act in (stand.desk.enable, stand.desk.disable):
        with pytest.raises(RuleBroken, match="is revoked, and that is for good: create a new key"):
            await act(key.id)
    with pytest.raises(RuleBroken, match="for good"):
        await stand.desk.rotate(key.id, Rotation(overlap_s=0, end_previous=True))
    assert await stand.reason(secret) is Reason.KEY_REVOKED


async def test_a_switched_off_key_can_be_switched_on_again(stand: Stand) -> None:
    key, secret = await stand.make()
    assert (await stand.desk.disable(key.id)).disabled_at == NOW
    assert await stand.reason(secret) is Reason.KEY_DISABLED
    stand.clock.time += 5
    assert (await stand.desk.disable(key.id)).disabled_at == NOW
    assert (await stand.desk.enable(key.id)).disabled_at is None
    assert (await stand.desk.enable(key.id)).disabled_at is None
    assert await stand.reason(secret) is None


async def test_only_a_revoked_key_can_be_deleted(stand: Stand) -> None:
    key, secret = await stand.make()
    with pytest.raises(RuleBroken, match="is not revoked: revoke it first"):
        await stand.desk.delete(key.id)
    await stand.desk.revoke(key.id)
    assert (await stand.desk.delete("laptop")).id == key.id
    assert await stand.reason(secret) is Reason.KEY_UNKNOWN
    with pytest.raises(KeyNotFound):
        await stand.desk.resolve(key.id)


KEY = compose_secret("kh", b"\x07" * 32).reveal()


@pytest.mark.parametrize(
    ("text", "shape", "reason", "looks_like"),
    [
        ("", Shape.NOT_OURS, Reason.CREDENTIAL_MISSING, None),
        ("  \n", Shape.NOT_OURS, Reason.CREDENTIAL_MISSING, None),
        (KEY, Shape.WELL_FORMED, Reason.KEY_UNKNOWN, None),
        (f'Bearer "{KEY}"\n', Shape.WELL_FORMED, Reason.KEY_UNKNOWN, None),
        (KEY[:-1], Shape.WRONG_LENGTH, Reason.CREDENTIAL_MALFORMED, None),
        (KEY[:-1] + "!", Shape.WRONG_CHARACTERS, Reason.CREDENTIAL_MALFORMED, None),
        (KEY[:10] + "x" + KEY[11:], Shape.WRONG_CHECKSUM, Reason.CREDENTIAL_MALFORMED, None),
        ("sk-ant-api03-x", Shape.NOT_OURS, Reason.CREDENTIAL_FOREIGN, "an Anthropic key"),
        ("hello", Shape.NOT_OURS, Reason.CREDENTIAL_FOREIGN, "a credential of another kind"),
        ("\udcff\ud800", Shape.NOT_OURS, Reason.CREDENTIAL_FOREIGN, "a credential of another kind"),
        ("kh_\udcff", Shape.WRONG_CHARACTERS, Reason.CREDENTIAL_MALFORMED, None),
        ("kh_" + "x" * 100_000, Shape.WRONG_LENGTH, Reason.CREDENTIAL_MALFORMED, None),
        ("\x00☃" * 50_000, Shape.NOT_OURS, Reason.CREDENTIAL_FOREIGN, "a credential of another kind"),
    ],
)
async def test_any_text_is_told_what_it_is_and_how_it_would_fare(
    stand: Stand, text: str, shape: Shape, reason: Reason, looks_like: str | None
) -> None:
    found = await stand.desk.verify(text)
    assert (found.shape, found.reason, found.looks_like, found.key) == (shape, reason, looks_like, None)


async def test_verifying_a_dead_key_says_since_when(stand: Stand) -> None:
    key, secret = await stand.make()
    await stand.desk.revoke(key.id)
    found = await stand.desk.verify(secret.reveal())
    assert found.reason is Reason.KEY_REVOKED
    assert found.facts == {"since": "2027-01-15T08:00:00Z"}
    assert found.key is not None
    assert found.key.id == key.id


async def test_every_change_is_told_once_and_at_once(stand: Stand) -> None:
    key, _ = await stand.make()
    await stand.desk.disable(key.id)
    await stand.desk.enable(key.id)
    await stand.desk.rotate(key.id, Rotation(overlap_s=1, end_previous=True))
    await stand.desk.revoke(key.id)
    last = await stand.store.get(key.id)
    await stand.desk.delete(key.id)
    assert [(key_id, None if one is None else one.status(NOW)) for key_id, one in stand.told] == [
        (key.id, Status.ACTIVE),
        (key.id, Status.DISABLED),
        (key.id, Status.ACTIVE),
        (key.id, Status.ACTIVE),
        (key.id, Status.REVOKED),
        (key.id, None),
    ]
    assert stand.told[-2] == (key.id, last)


async def test_a_store_that_does_not_answer_is_an_outage(stand: Stand) -> None:
    await stand.store.close()
    for act in (
        lambda: stand.make(owner="ann"),
        stand.desk.list_keys,
        lambda: stand.desk.revoke("laptop"),
        lambda: stand.desk.verify(KEY),
    ):
        with pytest.raises(StoreUnavailable, match="closed"):
            await act()


async def test_an_address_is_signed_by_the_right_of_a_key(stand: Stand) -> None:
    key, _ = await stand.make("radio")
    told = await stand.desk.sign("radio", "/audio/a.mp3?voice=anna", 300)
    assert (told.key_id, told.expires_at) == (key.id, NOW + 300)
    assert told.address.startswith(f"/audio/a.mp3?voice=anna&kh_key={key.id}&kh_expires={int(NOW) + 300}&")
    with pytest.raises(RuleBroken, match="from 1 to 3600 seconds"):
        await stand.desk.sign("radio", "/a", 3_601)
    with pytest.raises(KeyNotFound):
        await stand.desk.sign("nobody", "/a", 300)
    await stand.desk.revoke("radio")
    with pytest.raises(StateConflict, match="does not work"):
        await stand.desk.sign("radio", "/a", 300)
