"""What every desk guarantees of moving keys in and out, whether it holds the store or asks who does."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.core.keys import ApiKey, Shape, digest_of
from gateway.core.refusal import Reason
from gateway.keeper.audit import verify_chain
from gateway.keeper.batch import DIGESTS_MAX, KEYS_MAX, Existing, Imported, KeyImport, Named
from gateway.keeper.desk import KeyEdit, Rotation, RuleBroken, StateConflict
from gateway.keeper.ports import WholeKey
from tests.contract.desk_stand import Stand, near
from tests.support.records import NOW, record

TEXT = "sk-q7ZbR2mX9tLw4VnKc8DsPe"
DAY_S = 86_400.0


def existing(text: str = TEXT, name: str = "old app", line: int = 1) -> Existing:
    return Existing(name=name, digest=digest_of(text), preview="sk-q…8DsPe"[:9], line=line)


def asked(*keys: Existing, **fields: Any) -> KeyImport:
    return replace(KeyImport(existing=keys or (existing(),)), **fields)


def whole(number: int = 1, **fields: Any) -> WholeKey:
    key = record(f"key_{number:016d}", **fields)
    return WholeKey(key, {key.digest: False})


async def left_nothing(stand: Stand) -> bool:
    return await stand.desk.list_keys("all") == [] and stand.told == []


async def test_a_string_becomes_a_key_that_is_verified_like_any_other(stand: Stand) -> None:
    done = await stand.desk.import_keys(
        asked(scopes=("chat:*",), owner="ann", note="from the old one", created_by="cli:ann")
    )
    (named,) = done.keys
    assert (named.name, named.preview) == ("old app", "sk-q…8DsP")
    key = await stand.desk.resolve(named.id)
    assert (key.name, key.owner, key.note, key.created_by) == (
        "old app",
        "ann",
        "from the old one",
        "cli:ann",
    )
    assert key.scopes == {"chat:*"}
    assert (key.expires_at, key.preview) == (NOW + 90 * DAY_S, "sk-q…8DsP")
    found = await stand.desk.verify(f'Bearer "{TEXT}"')
    assert (found.reason, found.key and found.key.id) == (None, key.id)
    await stand.desk.revoke(key.id)
    assert (await stand.desk.verify(TEXT)).reason is Reason.KEY_REVOKED
    await stand.desk.delete(key.id)
    assert (await stand.desk.verify(TEXT)).reason is Reason.CREDENTIAL_FOREIGN


async def test_the_cache_is_told_of_each_key_and_then_of_the_digests(stand: Stand) -> None:
    (key,) = (await stand.desk.import_keys(asked())).keys
    assert [key_id for key_id, _ in stand.told] == [key.id]
    assert stand.imported == {digest_of(TEXT): key.id}


async def test_every_imported_key_leaves_an_entry(stand: Stand) -> None:
    await stand.desk.import_keys(asked(existing(), existing("x" + TEXT, "other", 2)))
    entries = await stand.desk.audit()
    assert [entry.act for entry in entries] == ["import", "import"]
    verify_chain(entries)
    assert digest_of(TEXT).hex() not in repr([entry.after for entry in entries])


async def test_a_dry_run_says_what_would_be_and_does_nothing(stand: Stand) -> None:
    done = await stand.desk.import_keys(asked(dry_run=True))
    assert [key.name for key in done.keys] == ["old app"]
    assert await left_nothing(stand)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        pytest.param({"scopes": ("keyhatch:admin",)}, "never manages keys", id="reserved"),
        pytest.param({"scopes": ("keyhatch:*",)}, "never manages keys", id="reserved-wildcard"),
        pytest.param({"scopes": ("chat:wirte",)}, "did you mean chat:write", id="unknown-scope"),
        pytest.param({"expires_at": NOW - 1}, "lies in the past", id="past"),
        pytest.param({"existing": (existing(name=""),)}, "line 1: its name breaks a rule", id="no-name"),
        pytest.param({"existing": (existing(name="\x00"),)}, "line 1: its name", id="unprintable-name"),
        pytest.param(
            {"existing": (existing(), replace(existing("y" + TEXT, line=2), preview="a\tb"))},
            "line 2",
            id="unprintable-preview",
        ),
        pytest.param(
            {"existing": tuple(existing(f"{n}{TEXT}") for n in range(KEYS_MAX + 1))},
            "too many|too long|form",
            id="too-many",
        ),
    ],
)
async def test_what_breaks_a_rule_imports_nothing(stand: Stand, fields: dict[str, Any], why: str) -> None:
    with pytest.raises(RuleBroken, match=why):
        await stand.desk.import_keys(asked(**fields))
    assert await left_nothing(stand)


async def test_limits_per_owner_count_imported_keys(stand: Stand) -> None:
    await stand.make(owner="ann")
    three = tuple(existing(f"{n}{TEXT}", line=n) for n in range(1, 4))
    with pytest.raises(StateConflict, match="owner 'ann' would have 4 keys, 3 is the most"):
        await stand.desk.import_keys(asked(*three, owner="ann"))
    assert len((await stand.desk.import_keys(asked(*three[:2], owner="ann"))).keys) == 2


async def test_what_is_here_already_refuses_all_or_is_passed_over(stand: Stand) -> None:
    (key,) = (await stand.desk.import_keys(asked())).keys
    again = asked(existing(line=4), existing("x" + TEXT, line=5))
    with pytest.raises(RuleBroken, match=f"line 4: its secret is {key.id} here: --skip-existing"):
        await stand.desk.import_keys(again)
    assert len(await stand.desk.list_keys()) == 1
    done = await stand.desk.import_keys(replace(again, skip_existing=True))
    assert (len(done.keys), done.skipped) == (1, 1)


async def test_an_export_imported_elsewhere_is_the_same_keys(stand: Stand) -> None:
    made, secret = await stand.make(scopes=("chat:write",), owner="ann", allow_from=("10.0.0.0/8",))
    _, newer = await stand.desk.rotate(made.id, Rotation(overlap_s=3_600))
    await stand.desk.import_keys(asked())
    found = await stand.desk.export_keys()
    assert await stand.desk.export_keys(after=found[0][0]) == found[1:]
    assert await stand.desk.export_keys(limit=1) == found[:1]
    other = near(stand.clock)
    done = await other.desk.import_keys(KeyImport(records=tuple(each for _, each in found)))
    told = [(each.key.id, each.key.name, each.key.preview) for _, each in found]
    assert done == Imported(tuple(Named(*each) for each in told), 0)
    assert await other.desk.export_keys() == found
    for text in (secret.reveal(), newer.reveal(), TEXT):
        assert (await other.desk.verify(text)).reason is None
    assert other.imported.keys() == {digest_of(TEXT)}


async def test_records_that_clash_are_named(stand: Stand) -> None:
    await stand.desk.import_keys(KeyImport(records=(whole(1),)))
    same_secret = replace(
        whole(2), key=replace(whole(2).key, digest=whole(1).key.digest), secrets=whole(1).secrets
    )
    for clashing, why in (
        (whole(1), "key key_0000000000000001: it is here"),
        (same_secret, "its secret is key_0"),
    ):
        with pytest.raises(RuleBroken, match=why):
            await stand.desk.import_keys(KeyImport(records=(whole(3), clashing)))
        done = await stand.desk.import_keys(KeyImport(records=(clashing,), skip_existing=True))
        assert done == Imported((), 1)
    assert [key.id for key in await stand.desk.list_keys("all")] == [whole(1).key.id]


async def test_a_record_that_breaks_a_rule_is_named(stand: Stand) -> None:
    with pytest.raises(
        RuleBroken, match=r"key_0000000000000001 breaks a rule, nothing was imported: .*blank"
    ):
        await stand.desk.import_keys(KeyImport(records=(whole(1, name=" x"),)))
    manages = whole(1, scopes=frozenset({"keyhatch:admin"}))
    await stand.desk.import_keys(KeyImport(records=(manages,)))
    was_imported = whole(2, scopes=frozenset({"keyhatch:admin"}))
    with pytest.raises(RuleBroken, match="never manages keys"):
        await stand.desk.import_keys(
            KeyImport(records=(replace(was_imported, secrets={was_imported.key.digest: True}),))
        )


@pytest.mark.parametrize("scope", ["keyhatch:admin", "keyhatch:*"])
async def test_a_record_that_manages_keys_works_with_no_imported_secret(stand: Stand, scope: str) -> None:
    old, scopes = digest_of("old"), frozenset({scope})
    overlap = {"previous_digest": old, "previous_secret_valid_until": stand.clock.time + 60}
    manages = whole(1, scopes=scopes, **overlap)
    wrongs = (
        replace(manages, secrets={**manages.secrets, old: True}),
        replace(manages, secrets={**manages.secrets, manages.key.digest: True}),
        whole(2, scopes=scopes, preview="acme_AbCd…wXyZ"),
    )
    for wrong in wrongs:
        with pytest.raises(RuleBroken, match="never manages keys"):
            await stand.desk.import_keys(KeyImport(records=(wrong,)))
    assert await left_nothing(stand)
    stand.clock.time += 60
    await stand.desk.import_keys(KeyImport(records=wrongs[:1]))
    assert stand.imported == {old: manages.key.id}
    dead = whole(2, scopes=scopes, preview="acme_AbCd…wXyZ", revoked_at=stand.clock.time)
    await stand.desk.import_keys(KeyImport(records=(dead,)))


async def test_records_of_another_prefix_are_known_by_their_digests(stand: Stand) -> None:
    strange = whole(1, preview="acme_AbCd…wXyZ")
    await stand.desk.import_keys(KeyImport(records=(strange,)))
    assert stand.imported == {strange.key.digest: strange.key.id}


async def test_an_imported_secret_is_never_given_the_management_of_keys(stand: Stand) -> None:
    (key,) = (await stand.desk.import_keys(asked())).keys
    with pytest.raises(RuleBroken, match="rotate it, and let the old"):
        await stand.desk.edit(key.id, KeyEdit(scopes=("keyhatch:read",)))
    await stand.desk.edit(key.id, KeyEdit(scopes=("chat:write",)))
    await stand.desk.rotate(key.id, Rotation(overlap_s=60))
    with pytest.raises(RuleBroken, match="rotate it, and let the old"):
        await stand.desk.edit(key.id, KeyEdit(scopes=("keyhatch:read",)))
    stand.clock.time += 60
    await stand.desk.edit(key.id, KeyEdit(scopes=("keyhatch:read",)))
    assert (await stand.desk.verify(TEXT)).reason is Reason.KEY_ROTATED


async def test_rotating_an_imported_key_gives_it_an_ordinary_secret(stand: Stand) -> None:
    (key,) = (await stand.desk.import_keys(asked())).keys
    rotated, secret = await stand.desk.rotate(key.id, Rotation(overlap_s=60))
    assert secret.reveal().startswith("kh_")
    assert rotated.preview.startswith("kh_")
    assert (await stand.desk.verify(TEXT)).reason is None
    assert (await stand.desk.verify(secret.reveal())).reason is None


async def test_many_digests_are_verified_at_once(stand: Stand) -> None:
    made, secret = await stand.make()
    gone, other = await stand.make("gone")
    await stand.desk.revoke(gone.id)
    _, newer = await stand.desk.rotate(made.id, Rotation(overlap_s=0))
    texts = [secret.reveal(), newer.reveal(), other.reveal(), "kh_nobody's"]
    found = await stand.desk.verify_digests([digest_of(text) for text in texts])
    assert [each.reason for each in found] == [
        Reason.KEY_ROTATED,
        None,
        Reason.KEY_REVOKED,
        Reason.KEY_UNKNOWN,
    ]
    assert [each.key and each.key.name for each in found] == ["laptop", "laptop", "gone", None]
    assert {each.shape for each in found} == {Shape.WELL_FORMED}
    with pytest.raises(RuleBroken, match=r"too many|form is wrong"):
        await stand.desk.verify_digests([bytes(32)] * (DIGESTS_MAX + 1))


def test_nothing_that_is_moved_shows_a_digest() -> None:
    shown = repr((existing(), whole(1), asked()))
    assert repr(digest_of(TEXT))[2:12] not in shown
    assert isinstance(whole(1).key, ApiKey)
