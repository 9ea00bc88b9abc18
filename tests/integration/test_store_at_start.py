"""A store that cannot be trusted when the gateway starts: one sentence, exit 1, and the file as it was."""

import hashlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.running_gateway import Home


def execute(store: Path, statement: str) -> None:
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute(statement)


def newer(home: Home) -> None:
    home.make_key("Any")
    execute(home.store, "PRAGMA user_version = 99")


def damaged(home: Home) -> None:
    home.make_key("Any")
    raw = bytearray(home.store.read_bytes())
    raw[4096:8192] = b"\xa5" * 4096
    home.store.write_bytes(raw)


def truncated(home: Home) -> None:
    home.make_key("Any")
    home.store.write_bytes(home.store.read_bytes()[:6000])


def empty(home: Home) -> None:
    home.store.touch()


def of_another_kind(home: Home) -> None:
    home.store.write_text("# not a database\n" * 500)


def of_another_program(home: Home) -> None:
    execute(home.store, "CREATE TABLE songs (title TEXT)")


def log_alone(home: Home) -> None:
    home.store.with_name("keyhatch.db-wal").write_bytes(b"\x37\x7f\x06\x82" + b"\0" * 28)


def a_folder(home: Home) -> None:
    home.store.mkdir()


TROUBLES = [
    pytest.param(newer, "was written by a newer Keyhatch", "install the newer version", id="newer"),
    pytest.param(damaged, "is damaged", "keyhatch restore FILE", id="damaged"),
    pytest.param(truncated, "is damaged", "keyhatch restore FILE", id="truncated"),
    pytest.param(empty, "is empty (0 bytes)", "keyhatch restore FILE", id="empty"),
    pytest.param(of_another_kind, "is not a SQLite file", "name another file", id="another-kind"),
    pytest.param(
        of_another_program, "is another program's database", "name another file", id="another-program"
    ),
    pytest.param(log_alone, "is missing, but its write-ahead log", "put the file back", id="log-alone"),
    pytest.param(a_folder, "is not a regular file", "name a file", id="folder"),
]


@pytest.mark.parametrize(("spoil", "what", "mend"), TROUBLES)
def test_what_cannot_be_trusted_is_refused_with_the_mend_and_left_alone(
    home: Home, spoil: Callable[[Home], None], what: str, mend: str
) -> None:
    home.configure("http://127.0.0.1:9")
    spoil(home)
    before = fingerprints(home)
    ran = home.keyhatch("serve")
    assert ran.code == 1
    assert f"{home.store} {what}" in ran.err
    assert mend in ran.err
    assert "Traceback" not in ran.err
    assert "serving callers" not in ran.err
    assert fingerprints(home) == before


def fingerprints(home: Home) -> dict[str, str]:
    """What every file of the store holds, but for the lock, which is no part of it."""
    files = [path for path in home.folder.glob("keyhatch.db*") if path.is_file() and path.suffix != ".lock"]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_command_refuses_it_in_the_same_words(home: Home) -> None:
    empty(home)
    ran = home.keyhatch("keys", "list", "--store", f"sqlite:///{home.store}")
    assert ran.code == 1
    assert f"{home.store} is empty (0 bytes)" in ran.err
    assert home.store.stat().st_size == 0


def test_a_folder_that_is_a_file_is_said(home: Home) -> None:
    (home.folder / "taken").touch()
    home.configure("http://127.0.0.1:9", store={"url": "sqlite:///taken/keyhatch.db"})
    ran = home.keyhatch("serve")
    assert ran.code == 1
    assert str(home.folder / "taken") in ran.err
    assert "Traceback" not in ran.err
