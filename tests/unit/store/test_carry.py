"""Guarantees of gateway/store/carry.py: what ended stays ended, and the record is never cut off."""

from pathlib import Path
from typing import Any

import pytest

from gateway.core.keys import Status
from gateway.keeper.audit import verify_chain
from gateway.keeper.desk import KeyEdit, Rotation
from gateway.store.backup import back_up
from gateway.store.carry import ending
from gateway.store.restore import restoring
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
