"""Guarantees of gateway/service/vault_key.py: exactly one key, or why there is none, and never its bytes."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from gateway.config.load import Loaded, load
from gateway.service.vault_key import NOT_NAMED, Found, find_vault_key, read_vault_key
from tests.support.vaults import RAW

TEXT = b64encode(RAW)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "vault.key"


def loaded(**vault: Any) -> Loaded:
    return load(None, {}, {}, given={"vault": vault}, need_upstream=False)


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_file_holds_the_key_and_a_lines_end(path: Path, end: bytes) -> None:
    path.write_bytes(TEXT + end)
    path.chmod(0o600)
    assert read_vault_key(path) == Found(RAW)


@pytest.mark.parametrize("raw", [b"", b"\n" + TEXT, TEXT + b"\n\n", TEXT * 2, b"\xff" * 44, RAW], ids=repr)
def test_whatever_else_stands_there_is_no_key_and_is_not_repeated(path: Path, raw: bytes) -> None:
    path.write_bytes(raw)
    found = read_vault_key(path)
    assert found.raw is None
    assert "holds no vault key" in found.problem
    assert TEXT.decode() not in found.problem


def test_a_file_that_is_missing_or_unreadable_says_the_mend(path: Path) -> None:
    assert "missing: put it back" in read_vault_key(path).problem
    path.mkdir()
    assert "cannot be read" in read_vault_key(path).problem
    assert str(path) not in read_vault_key(path).problem


def test_it_is_noticed_that_others_can_read_it(path: Path) -> None:
    path.write_bytes(TEXT)
    path.chmod(0o640)
    assert read_vault_key(path) == Found(RAW, others=True)


def test_a_configuration_names_a_file_or_says_the_key_or_neither(path: Path) -> None:
    path.write_bytes(TEXT)
    path.chmod(0o600)
    assert find_vault_key(loaded(key_file=str(path))) == Found(RAW)
    assert find_vault_key(loaded(key=TEXT.decode())) == Found(RAW)
    assert find_vault_key(loaded()) == Found(None, NOT_NAMED)


def test_no_repr_holds_it() -> None:
    assert repr(RAW) not in repr(Found(RAW))
