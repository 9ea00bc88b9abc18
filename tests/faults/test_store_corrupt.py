"""A damaged store at the start (F8): refused with one exact sentence, exit 1, and never begun empty.

Wherever the damage lies, the gateway either refuses to start or knows every key it knew; there is nothing in
between. The fast cases open the store in this process, a few go through the real command.
"""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gateway.core.keys import digest_of
from gateway.keeper.ports import StoreUnavailable
from gateway.store.sqlite import open_sqlite
from tests.faults.store_states import NOWHERE, stock
from tests.support.running_gateway import Home

KEYS = 60
PAGE_BYTES = 4096


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A store of many pages, and the secrets in it."""
    path = tmp_path_factory.mktemp("whole") / "keyhatch.db"
    return path, stock(path, KEYS, note="x" * 700)


def content(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


async def known_or_refused(path: Path, secrets: list[str]) -> str:
    """Open it: `refused`, or `known` if every key is there; anything else fails."""
    before, refusal = content(path), ""
    try:
        store = await open_sqlite(path)
    except StoreUnavailable as trouble:
        refusal = str(trouble)
    else:
        for secret in secrets:
            assert await store.find_by_digest(digest_of(secret)) is not None, "a key was silently lost"
        assert len(await store.list_keys()) == len(secrets)
        await store.close()
    if refusal:
        assert str(path) in refusal, "the message names the file"
        assert ": " in refusal, "and the mend"
        assert content(path) == before, "it is left as it was"
    return "refused" if refusal else "known"


def copy(whole: Path, to: Path) -> Path:
    return Path(shutil.copyfile(whole, to / "keyhatch.db"))


async def test_with_any_page_header_flipped_it_is_refused_and_never_opened_with_keys_missing(
    whole: tuple[Path, list[str]], tmp_path: Path
) -> None:
    original, secrets = whole
    raw = original.read_bytes()
    pages = len(raw) // PAGE_BYTES
    assert pages > 15
    path = copy(original, tmp_path)
    found = []
    for page in range(pages):
        at = page * PAGE_BYTES + (100 if page == 0 else 0)
        spoilt = bytearray(raw)
        spoilt[at : at + 8] = bytes(byte ^ 0xFF for byte in raw[at : at + 8])
        path.write_bytes(spoilt)
        found.append(await known_or_refused(path, secrets))
    assert found == ["refused"] * pages


async def test_with_any_page_zeroed_it_is_refused(whole: tuple[Path, list[str]], tmp_path: Path) -> None:
    original, secrets = whole
    raw = original.read_bytes()
    path = copy(original, tmp_path)
    for page in range(len(raw) // PAGE_BYTES):
        spoilt = bytearray(raw)
        spoilt[page * PAGE_BYTES : (page + 1) * PAGE_BYTES] = bytes(PAGE_BYTES)
        path.write_bytes(spoilt)
        assert await known_or_refused(path, secrets) == "refused", page


async def test_cut_short_anywhere_it_is_refused(whole: tuple[Path, list[str]], tmp_path: Path) -> None:
    original, secrets = whole
    raw = original.read_bytes()
    path = copy(original, tmp_path)
    for size in {
        0,
        1,
        15,
        16,
        99,
        100,
        512,
        PAGE_BYTES - 1,
        *range(PAGE_BYTES, len(raw), 2 * PAGE_BYTES - 7),
    }:
        path.write_bytes(raw[:size])
        assert await known_or_refused(path, secrets) == "refused", size


async def test_any_byte_of_the_files_own_header_spoilt_it_is_refused_or_knows_every_key(
    whole: tuple[Path, list[str]], tmp_path: Path
) -> None:
    original, secrets = whole
    raw = original.read_bytes()
    path = copy(original, tmp_path)
    found = []
    for at in range(100):
        path.write_bytes(raw[:at] + bytes([raw[at] ^ 0xFF]) + raw[at + 1 :])
        found.append(await known_or_refused(path, secrets))
        for beside in ("-wal", "-shm"):
            path.with_name(path.name + beside).unlink(missing_ok=True)
    assert found[:18] == ["refused"] * 18, "what it is, and how large its pages are"


def crashed(home: Home) -> None:
    """A store whose last change is in the log alone, as after a kill."""
    with closing(sqlite3.connect(home.store)) as writer:
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        writer.execute("UPDATE keys SET note = 'after'")
        writer.commit()
        for end in ("", "-wal"):
            shutil.copyfile(f"{home.store}{end}", f"{home.folder}/crashed{end}")
    for end in ("", "-wal"):
        shutil.move(f"{home.folder}/crashed{end}", f"{home.store}{end}")


async def test_without_its_log_it_is_what_it_was_before_and_never_half(home: Home) -> None:
    secrets = stock(home.store, 5)
    crashed(home)
    home.store.with_name("keyhatch.db-wal").unlink()
    assert await known_or_refused(home.store, secrets) == "known"


async def test_with_a_spoilt_log_it_is_what_it_was_before_and_never_half(home: Home) -> None:
    secrets = stock(home.store, 5)
    crashed(home)
    log = home.store.with_name("keyhatch.db-wal")
    raw = log.read_bytes()
    log.write_bytes(raw[:60] + bytes(byte ^ 0xFF for byte in raw[60:]))
    assert await known_or_refused(home.store, secrets) == "known"
    with closing(sqlite3.connect(home.store)) as connection:
        assert {note for (note,) in connection.execute("SELECT note FROM keys")} == {""}


def flipped(home: Home) -> None:
    raw = bytearray(home.store.read_bytes())
    raw[PAGE_BYTES : PAGE_BYTES + 8] = b"\xff" * 8
    home.store.write_bytes(raw)


def truncated(home: Home) -> None:
    home.store.write_bytes(home.store.read_bytes()[: 2 * PAGE_BYTES])


def emptied(home: Home) -> None:
    home.store.write_bytes(b"")


def gone_but_for_its_log(home: Home) -> None:
    crashed(home)
    home.store.unlink()


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (flipped, "is damaged"),
        (truncated, "is damaged"),
        (emptied, "is empty (0 bytes), so the keys it held are gone: stop the gateway and put a backup back"),
        (gone_but_for_its_log, "is missing, but its write-ahead log"),
    ],
)
def test_the_command_says_which_file_and_what_to_do_and_exits_with_1(
    home: Home, spoil: Callable[[Home], None], sentence: str
) -> None:
    stock(home.store, 5)
    home.configure(NOWHERE)
    spoil(home)
    ran = home.keyhatch("serve")
    assert ran.code == 1
    assert f"{home.store} {sentence}" in ran.err
    assert "Traceback" not in ran.err
    assert "serving callers" not in ran.err
