"""Guarantees of gateway/cli/admin_key.py: the first key is shown once, or lies where one alone reads it."""

import asyncio
import os
import stat
from pathlib import Path

import pytest

from gateway.cli.admin_key import find_admin_key, key_file, make_first_key, write_secret
from gateway.config.load import Loaded, load
from gateway.core.keys import ApiKey, Secret
from gateway.core.scopes import RESERVED_SCOPES
from gateway.keeper.desk import KeyDraft, Rotation
from tests.unit.cli.command_line import NOW, CommandLine

SECRET = Secret("kh_8okNIhSXfRxxKZxv7Fa0tk7SThxjCN2owYNrPBtto2U4TdOZU")


def loaded_for(store: str) -> Loaded:
    return load(None, {}, {"upstream": "http://127.0.0.1:5", "store.url": store})


@pytest.fixture
def loaded(line: CommandLine) -> Loaded:
    return loaded_for("sqlite:///keyhatch.db")


@pytest.fixture
def file(loaded: Loaded) -> Path:
    assert loaded.store_path is not None
    return key_file(loaded.store_path)


def the_key(line: CommandLine) -> ApiKey:
    (key,) = asyncio.run(line.desk.list_keys("all"))
    return key


def test_on_a_terminal_it_is_shown_once_and_written_nowhere(
    line: CommandLine,
    loaded: Loaded,
    file: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    asyncio.run(make_first_key(line.desk, loaded, for_people=True))
    out, said = capsys.readouterr()
    key = the_key(line)
    (secret,) = [word.strip('"') for word in said.split() if word.startswith("kh_")]
    assert asyncio.run(line.desk.verify(secret)).key == key
    assert "http://127.0.0.1:8081/api/v1" in said
    assert "keyhatch admin reset" in said
    assert (out, caplog.text, list(file.parent.iterdir())) == ("", "", [])


def test_off_a_terminal_it_lies_in_a_file_and_the_log_says_where(
    line: CommandLine,
    loaded: Loaded,
    file: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    asyncio.run(make_first_key(line.desk, loaded, for_people=False))
    secret = file.read_text()
    assert asyncio.run(line.desk.verify(secret)).key == the_key(line)
    assert secret.endswith("\n")
    assert file == Path.cwd() / "admin.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]
    assert f"is in {file}" in caplog.text
    assert secret.strip() not in caplog.text
    assert capsys.readouterr() == ("", "")


def test_it_is_the_key_that_is_promised(line: CommandLine, loaded: Loaded) -> None:
    asyncio.run(make_first_key(line.desk, loaded, for_people=False))
    key = the_key(line)
    assert (key.name, key.created_by, key.owner, key.expires_at) == ("admin", "keyhatch", "", None)
    assert key.scopes == frozenset({"keyhatch:admin"}) <= set(RESERVED_SCOPES)
    assert key.allow_from == ()


def test_in_memory_nobody_could_use_what_nobody_sees(line: CommandLine) -> None:
    asyncio.run(make_first_key(line.desk, loaded_for("memory:"), for_people=False))
    assert asyncio.run(line.desk.list_keys("all")) == []


def test_in_memory_it_is_shown_where_somebody_looks(
    line: CommandLine, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(make_first_key(line.desk, loaded_for("memory:"), for_people=True))
    assert "kh_" in capsys.readouterr().err
    assert list(Path.cwd().iterdir()) == []


def test_what_cannot_be_written_leaves_no_key_in_the_store(
    line: CommandLine, loaded: Loaded, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    asyncio.run(make_first_key(line.desk, loaded, for_people=False))
    assert asyncio.run(line.desk.list_keys("all")) == []
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert "admin.key cannot be written: Permission denied" in record.getMessage()
    assert "keyhatch admin reset" in record.getMessage()


def test_a_folder_that_is_not_there_leaves_no_key_either(line: CommandLine) -> None:
    asyncio.run(make_first_key(line.desk, loaded_for("sqlite:///gone/keyhatch.db"), for_people=False))
    assert asyncio.run(line.desk.list_keys("all")) == []
    assert list(Path.cwd().iterdir()) == []


def test_a_file_is_for_its_owner_alone_from_its_first_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    real = os.fdopen

    def watch(descriptor: int, *args: str, **words: str) -> object:
        seen.append((stat.S_IMODE(os.fstat(descriptor).st_mode), os.fstat(descriptor).st_size))
        return real(descriptor, *args, **words)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "fdopen", watch)
    mask = os.umask(0)
    try:
        write_secret(tmp_path / "admin.key", SECRET)
    finally:
        os.umask(mask)
    assert seen == [(0o600, 0)]
    assert stat.S_IMODE((tmp_path / "admin.key").stat().st_mode) == 0o600


def test_a_file_that_lies_there_is_replaced_with_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "admin.key"
    file.write_text("of an older store")
    file.chmod(0o644)
    write_secret(file, SECRET)
    assert file.read_text() == f"{SECRET.reveal()}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_symlink_is_replaced_and_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("untouched")
    file = tmp_path / "admin.key"
    file.symlink_to(elsewhere)
    write_secret(file, SECRET)
    assert elsewhere.read_text() == "untouched"
    assert not file.is_symlink()
    assert file.read_text() == f"{SECRET.reveal()}\n"


@pytest.mark.parametrize("dangling", [True, False])
def test_a_symlink_in_the_place_of_the_draft_is_not_followed(tmp_path: Path, *, dangling: bool) -> None:
    elsewhere = tmp_path / "elsewhere"
    if not dangling:
        elsewhere.write_text("untouched")
    (tmp_path / f".admin.key.{os.getpid()}").symlink_to(elsewhere)
    with pytest.raises(FileExistsError):
        write_secret(tmp_path / "admin.key", SECRET)
    assert not (tmp_path / "admin.key").exists()
    assert elsewhere.exists() is not dangling
    assert dangling or elsewhere.read_text() == "untouched"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_what_was_begun_and_failed_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(_descriptor: int) -> None:
        raise error

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(type(error)):
        write_secret(tmp_path / "admin.key", SECRET)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_its_place_is_told_and_leaves_nothing(
    line: CommandLine, loaded: Loaded, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file.mkdir()
    asyncio.run(make_first_key(line.desk, loaded, for_people=False))
    assert asyncio.run(line.desk.list_keys("all")) == []
    assert list(file.parent.iterdir()) == [file]
    assert "cannot be written: Is a directory" in caplog.text


def test_the_first_key_is_known_again_whatever_became_of_it(line: CommandLine, loaded: Loaded) -> None:
    assert asyncio.run(find_admin_key(line.desk, NOW)) is None
    asyncio.run(line.desk.create(KeyDraft(name="admin", created_by="ann", scopes=("keyhatch:admin",))))
    asyncio.run(line.desk.create(KeyDraft(name="Demo key", created_by="keyhatch")))
    assert asyncio.run(find_admin_key(line.desk, NOW)) is None
    asyncio.run(make_first_key(line.desk, loaded, for_people=True))
    found = asyncio.run(find_admin_key(line.desk, NOW))
    assert found is not None
    asyncio.run(line.desk.rotate(found.id, Rotation(overlap_s=60.0)))
    asyncio.run(line.desk.disable(found.id))
    again = asyncio.run(find_admin_key(line.desk, NOW))
    assert again is not None
    assert again.id == found.id
    asyncio.run(line.desk.revoke(found.id))
    assert asyncio.run(find_admin_key(line.desk, NOW)) is None
