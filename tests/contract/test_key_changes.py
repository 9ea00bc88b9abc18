"""What every desk guarantees when a key is rotated, edited or ended by whoever holds it (KeyDesk)."""

import pytest

from gateway.core.refusal import Reason
from gateway.keeper.audit import AuditQuery
from gateway.keeper.desk import KeyEdit, Rotation, RuleBroken, StateConflict
from gateway.keeper.expiry import MOMENT_MAX
from gateway.keeper.ports import KeyNotFound, Use
from tests.contract.desk_stand import Stand
from tests.support.records import NOW


async def test_rotating_keeps_the_key_and_changes_the_secret(stand: Stand) -> None:
    key, first = await stand.make(scopes=("chat:write",), owner="ann")
    stand.clock.time += 10
    rotated, second = await stand.desk.rotate("laptop", Rotation(overlap_s=60, end_previous=True))
    assert (rotated.id, rotated.name, rotated.scopes) == (key.id, key.name, key.scopes)
    assert (rotated.rotated_at, rotated.previous_secret_valid_until) == (NOW + 10, NOW + 70)
    assert rotated.preview != key.preview
    assert [await stand.reason(secret) for secret in (first, second)] == [None, None]
    stand.clock.time += 60
    assert [await stand.reason(secret) for secret in (first, second)] == [Reason.KEY_ROTATED, None]


async def test_without_overlap_the_secret_before_ends_at_once(stand: Stand) -> None:
    key, first = await stand.make()
    await stand.desk.rotate(key.id, Rotation(overlap_s=0, end_previous=True))
    assert await stand.reason(first) is Reason.KEY_ROTATED


async def test_an_overlap_never_outlives_the_key(stand: Stand) -> None:
    key, _ = await stand.make(expires_at=NOW + 30)
    rotated, _ = await stand.desk.rotate(key.id, Rotation(overlap_s=60, end_previous=True))
    assert rotated.previous_secret_valid_until == NOW + 30
    endless, _ = await stand.make("endless", expires_at=None)
    rotated, _ = await stand.desk.rotate(endless.id, Rotation(overlap_s=60, end_previous=True))
    assert rotated.previous_secret_valid_until == NOW + 60


async def test_secrets_of_earlier_rotations_are_refused_and_still_recognised(stand: Stand) -> None:
    key, first = await stand.make()
    _, second = await stand.desk.rotate(key.id, Rotation(overlap_s=60, end_previous=True))
    _, third = await stand.desk.rotate(key.id, Rotation(overlap_s=60, end_previous=True))
    assert await stand.reason(first) is Reason.KEY_ROTATED
    assert [await stand.reason(second), await stand.reason(third)] == [None, None]


async def test_rotating_asks_anew_whether_the_replaced_secret_is_used(stand: Stand) -> None:
    key, _ = await stand.make()
    await stand.desk.rotate(key.id, Rotation(overlap_s=60, end_previous=True))
    await stand.store.record_uses([Use(key.id, NOW + 1, "10.0.0.1", 1, NOW + 1, "10.0.0.1")])
    assert (await stand.desk.resolve(key.id)).previous_secret_last_used_at == NOW + 1
    rotated, _ = await stand.desk.rotate(key.id, Rotation(overlap_s=60, end_previous=True))
    assert rotated.previous_secret_last_used_at is None
    assert rotated.previous_secret_last_used_from is None
    assert rotated.use_count == 1


async def test_a_rotation_within_an_overlap_has_to_say_that_it_ends_what_is_still_in_use(
    stand: Stand,
) -> None:
    key, first = await stand.make()
    await stand.desk.rotate(key.id, Rotation(overlap_s=60))
    with pytest.raises(StateConflict, match="until 2027-01-15T08:01:00Z: finish or undo that rotation first"):
        await stand.desk.rotate(key.id, Rotation(overlap_s=60))
    assert await stand.reason(first) is None
    stand.clock.time += 60
    await stand.desk.rotate(key.id, Rotation(overlap_s=60))


async def test_without_an_overlap_the_secret_before_lasts_until_the_new_one_is_used_or_the_key_ends(
    stand: Stand,
) -> None:
    lasting, _ = await stand.make(expires_at=None)
    rotated, _ = await stand.desk.rotate(lasting.id, Rotation(overlap_s=None, until_first_use=True))
    assert rotated.previous_until_first_use
    assert rotated.previous_secret_valid_until == MOMENT_MAX
    ending, _ = await stand.make(expires_at=NOW + 30)
    rotated, _ = await stand.desk.rotate(ending.id, Rotation(overlap_s=None, until_first_use=True))
    assert rotated.previous_secret_valid_until == NOW + 30
    with pytest.raises(RuleBroken, match="say how long") as refusal:
        await stand.desk.rotate(lasting.id, Rotation(overlap_s=None))
    assert [problem.field for problem in refusal.value.problems] == ["overlap"]


async def test_a_rotation_can_be_undone_while_its_overlap_runs(stand: Stand) -> None:
    key, first = await stand.make()
    _, second = await stand.desk.rotate(key.id, Rotation(overlap_s=60))
    undone = await stand.desk.undo_rotation("laptop")
    assert undone.preview == key.preview
    assert (undone.previous_secret_valid_until, undone.previous_until_first_use) == (None, False)
    assert [await stand.reason(secret) for secret in (first, second)] == [None, Reason.KEY_ROTATED]
    with pytest.raises(StateConflict, match="has no rotation to undo"):
        await stand.desk.undo_rotation(key.id)
    await stand.desk.rotate(key.id, Rotation(overlap_s=60))
    stand.clock.time += 60
    with pytest.raises(StateConflict, match="until the secret before has ended"):
        await stand.desk.undo_rotation(key.id)


async def test_a_rotation_can_be_finished_before_its_overlap_ends(stand: Stand) -> None:
    key, first = await stand.make()
    _, second = await stand.desk.rotate(key.id, Rotation(overlap_s=60))
    stand.clock.time += 5
    finished = await stand.desk.finish_rotation(key.id)
    assert finished.previous_secret_valid_until == NOW + 5
    assert [await stand.reason(secret) for secret in (first, second)] == [Reason.KEY_ROTATED, None]
    stand.clock.time += 5
    assert await stand.desk.finish_rotation(key.id) == finished


async def test_whoever_holds_a_secret_can_end_it(stand: Stand) -> None:
    key, first = await stand.make()
    _, second = await stand.desk.rotate(key.id, Rotation(overlap_s=60))
    assert (await stand.desk.revoke_by_value(f" Bearer {first.reveal()}")).revoked_at is None
    assert [await stand.reason(secret) for secret in (first, second)] == [Reason.KEY_ROTATED, None]
    with pytest.raises(KeyNotFound, match="no key of this gateway that still works"):
        await stand.desk.revoke_by_value(first.reveal())
    for _ in range(2):
        assert (await stand.desk.revoke_by_value(second.reveal())).revoked_at == NOW
    assert await stand.reason(second) is Reason.KEY_REVOKED
    acts = [(entry.act, entry.actor) for entry in await stand.desk.audit(AuditQuery(after=2))]
    assert acts == [("finish_rotation", key.id), ("revoke", key.id)]


@pytest.mark.parametrize("text", ["", "laptop", "\udcff", "kh_" + "A" * 49, "x" * 100_000])
async def test_what_is_no_secret_ends_nothing(stand: Stand, text: str) -> None:
    await stand.make()
    with pytest.raises(KeyNotFound):
        await stand.desk.revoke_by_value(text)
    assert len(await stand.desk.audit()) == 1


async def test_an_edit_changes_what_it_names_and_nothing_else(stand: Stand) -> None:
    key, secret = await stand.make(owner="ann", note="old", scopes=("chat:*",))
    edited = await stand.desk.edit(
        "laptop", KeyEdit(name="desktop", note="", scopes=("models:read",), allow_from=("10.0.0.0/8",))
    )
    assert (edited.name, edited.owner, edited.note, edited.scopes) == (
        "desktop",
        "ann",
        "",
        frozenset({"models:read"}),
    )
    assert edited.expires_at == key.expires_at
    assert await stand.reason(secret) is None
    lasting = await stand.desk.edit("desktop", KeyEdit(expires_at=None, owner=""))
    assert (lasting.expires_at, lasting.owner, lasting.revision) == (None, "", 3)
    assert await stand.desk.edit(key.id, KeyEdit()) == lasting


async def test_an_edit_is_told_of_everything_that_is_wrong_at_once(stand: Stand) -> None:
    key, _ = await stand.make()
    edit = KeyEdit(name="", owner=" ann", scopes=("chat:wirte",), expires_at=NOW - 1, note="\x00")
    for question in (stand.desk.edit(key.id, edit), stand.make("", owner=" ann", scopes=("chat:wirte",))):
        with pytest.raises(RuleBroken) as refusal:
            await question
        told = {problem.field: problem.message for problem in refusal.value.problems}
        assert list(told)[:3] == ["name", "scopes.0", "owner"]
        assert "did you mean chat:write?" in told["scopes.0"]
    assert (await stand.desk.resolve(key.id)).revision == 1


async def test_a_key_that_ended_is_not_changed_into_a_living_one(stand: Stand) -> None:
    revoked, _ = await stand.make()
    await stand.desk.revoke(revoked.id)
    with pytest.raises(StateConflict, match="revoked, and that is for good"):
        await stand.desk.edit(revoked.id, KeyEdit(note="x"))
    expired, _ = await stand.make(expires_at=NOW + 1)
    stand.clock.time += 1
    with pytest.raises(StateConflict, match="has expired, and that stands"):
        await stand.desk.edit(expired.id, KeyEdit(expires_at=None))
    assert (await stand.desk.edit(expired.id, KeyEdit(note="x"))).note == "x"


async def test_a_key_that_ends_earlier_takes_its_overlap_along(stand: Stand) -> None:
    key, _ = await stand.make()
    await stand.desk.rotate(key.id, Rotation(overlap_s=60))
    edited = await stand.desk.edit(key.id, KeyEdit(expires_at=NOW + 20))
    assert edited.previous_secret_valid_until == NOW + 20


async def test_a_key_given_to_an_owner_counts_among_theirs(stand: Stand) -> None:
    for number in range(3):
        await stand.make(f"key {number}", owner="ann")
    other, _ = await stand.make("other", owner="bob")
    with pytest.raises(StateConflict, match="owner 'ann' has 3 keys, 3 is the most"):
        await stand.desk.edit(other.id, KeyEdit(owner="ann"))
    assert (await stand.desk.edit("key 0", KeyEdit(owner="ann", note="mine"))).note == "mine"


async def test_an_expired_key_is_not_rotated(stand: Stand) -> None:
    key, secret = await stand.make(expires_at=NOW + 1)
    stand.clock.time += 1
    with pytest.raises(RuleBroken, match="has expired, a new secret would not revive it"):
        await stand.desk.rotate(key.id, Rotation(overlap_s=0, end_previous=True))
    assert await stand.reason(secret) is Reason.KEY_EXPIRED


@pytest.mark.parametrize("overlap_s", [-1.0, float("nan"), float("inf"), 1e300])
async def test_an_overlap_that_is_no_duration_is_refused(stand: Stand, overlap_s: float) -> None:
    key, _ = await stand.make()
    with pytest.raises(RuleBroken, match="overlap"):
        await stand.desk.rotate(key.id, Rotation(overlap_s=overlap_s, end_previous=True))
