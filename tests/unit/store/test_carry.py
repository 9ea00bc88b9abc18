"""Guarantees of gateway/store/carry.py: what ended stays ended, and the record is never cut off."""

from pathlib import Path
from typing import Any

import pytest

from gateway.core.keys import Status
from gateway.keeper.audit import verify_chain
from gateway.keeper.desk import KeyDraft, KeyEdit, Rotation
from gateway.keeper.keyring import Keyring
from gateway.store.backup import back_up
from gateway.store.carry import ending, unexplained
from gateway.store.judge import opened
from gateway.store.restore import Prospect, restoring
from tests.support.records import NOW, record
from tests.unit.store.stores import audit_of, keys_of, make, manage, meddle

LATER = NOW + 10


@pytest.fixture
def file(path: Path) -> Path:
    """A backup; then each key went the way that its name says, and another was made."""
    make(path, "kept", "revoked", "deleted", "disabled", "rotated", "narrowed")
    file = path.with_name("backup.db")
    back_up(path, file)
    manage(path, lambda desk: desk.revoke("revoked"))
    manage(path, lambda desk: desk.revoke("deleted"))
    manage(path, lambda desk: desk.delete("deleted"))
    manage(path, lambda desk: desk.disable("disabled"))
    manage(path, lambda desk: desk.rotate("rotated", Rotation(overlap_s=3600)))
    manage(path, lambda desk: desk.edit("narrowed", KeyEdit(allow_from=("10.0.0.0/8",))))
    make(path, "new")
    return file


def restored(path: Path, file: Path, *, as_it_was: bool = False) -> None:
    with restoring(path, file) as restoration:
        restoration.finish(actor="host", now=LATER, as_it_was=as_it_was)


def test_what_ended_or_changed_since_stays_so(path: Path, file: Path) -> None:
    before = keys_of(path)
    restored(path, file)
    after = keys_of(path)
    assert after == {name: key for name, key in before.items() if name != "new"}
    assert after["revoked"].status(LATER) is Status.REVOKED


def test_as_it_was_takes_all_from_the_backup(path: Path, file: Path) -> None:
    restored(path, file, as_it_was=True)
    assert keys_of(path) == keys_of(file)


@pytest.mark.parametrize("as_it_was", [False, True])
def test_the_record_goes_on_and_tells_what_the_restore_did(
    path: Path, file: Path, *, as_it_was: bool
) -> None:
    before, keys = audit_of(path), keys_of(path)
    restored(path, file, as_it_was=as_it_was)
    after = audit_of(path)
    verify_chain(after)
    assert after[: len(before)] == before
    told = after[len(before) :]
    assert {entry.act for entry in told} == {"restore"}
    assert told[0].key_id is None
    expected = {keys["new"].id: "None"}
    if as_it_was:
        backup = keys_of(file)
        expected |= {
            backup[name].id: name for name in ("revoked", "deleted", "disabled", "rotated", "narrowed")
        }
    changed = {entry.key_id: entry.after for entry in told[1:]}
    assert {key_id: str(after and after["name"]) for key_id, after in changed.items()} == expected


def test_every_digest_that_leads_somewhere_still_does(path: Path, file: Path) -> None:
    """A secret that a rotation replaced is told that it was, and the new one works."""
    key = keys_of(path)["rotated"]
    old = keys_of(file)["rotated"]
    restored(path, file)
    for digest in (key.digest, old.digest):
        found = manage(path, lambda desk, digest=digest: desk._store.find_by_digest(digest))  # type: ignore[misc]
        assert found == key


def test_what_changed_is_told_before_anything_happens(path: Path, file: Path) -> None:
    with restoring(path, file) as restoration:
        found = restoration.prospect.difference
    assert found is not None
    assert {old.name: ending(old, new, NOW) for old, new in found.ended} == {
        "revoked": "revoked",
        "deleted": "deleted",
        "disabled": "disabled",
        "rotated": "rotated",
        "narrowed": "changed",
    }
    assert [key.name for key in found.lost] == ["new"]
    assert found.audit_goes_on


def test_a_backup_of_now_undoes_nothing(path: Path) -> None:
    make(path, "one")
    file = path.with_name("backup.db")
    back_up(path, file)
    meddle(path, "UPDATE keys SET use_count = 5, last_used_at = 1800000000.0, last_used_from = '::1'")
    with restoring(path, file) as restoration:
        found = restoration.prospect.difference
    assert found is not None
    assert (found.ended, found.lost) == ((), ())


def test_a_newer_backup_brings_the_newer_records(path: Path, file: Path) -> None:
    """Going forward again: what was restored too far back is put right by a later backup."""
    newer = path.with_name("newer.db")
    back_up(path, newer)
    before = keys_of(path)
    restored(path, file, as_it_was=True)
    restored(path, newer)
    after = keys_of(path)
    assert after["new"] == before["new"]
    assert after["revoked"].revoked_at is not None


def test_a_key_that_is_revoked_in_the_backup_stays_revoked(path: Path, file: Path) -> None:
    newer = path.with_name("newer.db")
    back_up(path, newer)
    restored(path, file, as_it_was=True)
    for _ in range(3):
        manage(path, lambda desk: desk.disable("revoked"))
        manage(path, lambda desk: desk.enable("revoked"))
    restored(path, newer)
    assert keys_of(path)["revoked"].revoked_at is not None


def test_over_another_store_the_record_is_the_backups(path: Path, file: Path) -> None:
    other = path.with_name("other.db")
    make(other, "stranger")
    with restoring(other, file) as restoration:
        found = restoration.prospect.difference
        assert found is not None
        assert not found.audit_goes_on
        restoration.finish(actor="host", now=LATER, as_it_was=False)
    after = audit_of(other)
    verify_chain(after)
    assert [entry.act for entry in after[-2:]] == ["restore", "restore"]
    assert after[-1].before is not None
    assert after[-1].before["name"] == "stranger"
    assert keys_of(other) == keys_of(file)


@pytest.mark.parametrize("dead", [{"revoked_at": NOW}, {"expires_at": NOW}], ids=["revoked", "expired"])
def test_what_does_not_live_in_the_backup_did_not_end_since(dead: dict[str, Any]) -> None:
    assert ending(record(**dead), None, LATER) is None


def add_admin(file: Path) -> None:
    """What an attacker does who can write to the backup: a key of their own, and no word in the audit."""

    async def act(desk: Keyring) -> None:
        await desk.create(KeyDraft(name="evil", scopes=("keyhatch:admin",)))

    manage(file, act)
    meddle(file, "DELETE FROM audit WHERE number = (SELECT MAX(number) FROM audit)")


def prospect_of(path: Path, file: Path) -> Prospect:
    with restoring(path, file) as restoration:
        return restoration.prospect


def assert_explained(path: Path) -> None:
    verify_chain(audit_of(path))
    with opened(path) as connection:
        assert unexplained(connection) == ()


def test_a_key_that_was_put_into_the_backup_is_told_and_recorded(path: Path, file: Path) -> None:
    add_admin(file)
    told = prospect_of(path, file)
    assert told.difference is not None
    assert [key.name for key in told.difference.gained] == ["evil"]
    assert [key.name for key in told.unexplained] == ["evil"]
    restored(path, file)
    [entry] = [each for each in audit_of(path) if each.after and each.after["name"] == "evil"]
    assert (entry.act, entry.before, entry.after and entry.after["scopes"]) == (
        "restore",
        None,
        ["keyhatch:admin"],
    )
    assert_explained(path)


@pytest.mark.parametrize("revision", [1, 9], ids=["same", "higher"])
def test_a_record_that_was_changed_in_the_backup_is_told_and_recorded(
    path: Path, file: Path, revision: int
) -> None:
    meddle(
        file,
        """UPDATE keys SET scopes = '["keyhatch:admin"]' WHERE name = 'kept'""",
        f"UPDATE keys SET revision = {revision} WHERE name = 'kept'",  # noqa: S608
    )
    told = prospect_of(path, file)
    assert told.difference is not None
    [(old, now)] = told.difference.differing
    assert (old.name, old.scopes, now.scopes) == ("kept", frozenset({"keyhatch:admin"}), frozenset())
    assert [key.name for key in told.unexplained] == ["kept"]
    restored(path, file)
    [entry] = [each for each in audit_of(path) if each.act == "restore" and each.key_id == old.id]
    assert entry.before is not None
    assert entry.after is not None
    assert (entry.before["scopes"], entry.after["scopes"]) == ([], ["keyhatch:admin"])
    assert_explained(path)


@pytest.mark.parametrize("told", ["$.after", "$.after.in_path"], ids=["told", "told-before-there-were-any"])
def test_a_key_that_may_lead_paths_by_no_act_is_noticed(path: Path, file: Path, told: str) -> None:
    if told.endswith("in_path"):  # as an entry was before there was such a thing
        meddle(file, "UPDATE audit SET after = json_remove(after, '$.in_path')")
    meddle(file, "UPDATE keys SET in_path = 1 WHERE name = 'kept'")
    with opened(file) as connection:
        assert [key.name for key in unexplained(connection)] == ["kept"]


def test_another_secret_alone_is_a_difference_too(path: Path, file: Path) -> None:
    """The audit knows no digests, so only the store in place can tell."""
    meddle(
        file,
        "INSERT INTO secrets (digest, key_id) SELECT zeroblob(32), id FROM keys WHERE name = 'kept'",
        "UPDATE keys SET digest = zeroblob(32) WHERE name = 'kept'",
    )
    told = prospect_of(path, file)
    assert told.difference is not None
    assert [old.name for old, _ in told.difference.differing] == ["kept"]
    assert told.unexplained == ()
    restored(path, file)
    kept = keys_of(path)["kept"]
    [lost] = told.difference.lost
    told_of = [each.key_id for each in audit_of(path) if each.act == "restore"]
    assert told_of == [None, kept.id, lost.id]


def test_what_the_backups_audit_does_not_explain_is_recorded_where_there_was_no_store(
    path: Path, file: Path
) -> None:
    add_admin(file)
    other = path.with_name("other.db")
    told = prospect_of(other, file)
    assert told.difference is None
    assert [key.name for key in told.unexplained] == ["evil"]
    restored(other, file)
    assert [each.act for each in audit_of(other)[-2:]] == ["restore", "restore"]
    assert_explained(other)


@pytest.mark.parametrize("as_it_was", [False, True])
@pytest.mark.parametrize("is_cut", [False, True], ids=["audit goes on", "audit cut"])
def test_after_a_restore_the_audit_explains_every_record(
    path: Path, file: Path, *, as_it_was: bool, is_cut: bool
) -> None:
    if is_cut:
        make(file, "only there")
    restored(path, file, as_it_was=as_it_was)
    assert_explained(path)


def test_an_honest_backup_of_the_store_in_place_brings_nothing(path: Path, file: Path) -> None:
    told = prospect_of(path, file)
    assert told.difference is not None
    assert (told.difference.gained, told.difference.differing, told.unexplained) == ((), (), ())


def test_a_key_older_than_the_audit_is_told_once(path: Path) -> None:
    make(path, "old")
    meddle(path, "DELETE FROM audit")
    file = path.with_name("old.db")
    back_up(path, file)
    assert [key.name for key in prospect_of(path, file).unexplained] == ["old"]
    restored(path, file)
    assert_explained(path)
