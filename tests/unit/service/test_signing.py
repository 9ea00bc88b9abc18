"""Guarantees of gateway/service/signing.py: addresses are signed with the vault's key, or with nothing."""

import base64
from pathlib import Path

import pytest

from gateway.config.load import Loaded, load
from gateway.core.signed_url import signing_key
from gateway.service.signing import signing_of

RAW = bytes(range(32))
TEXT = base64.b64encode(RAW).decode()


def loaded(folder: Path, written: str, **environ: str) -> Loaded:
    file = folder / "config.yaml"
    file.write_text(written)
    return load(file, environ, {}, need_upstream=False)


def test_the_key_comes_from_its_file_or_from_the_configuration_itself(tmp_path: Path) -> None:
    (tmp_path / "vault.key").write_text(TEXT + "\n")
    assert signing_of(loaded(tmp_path, "vault: {key_file: vault.key}")) == signing_key(RAW)
    assert signing_of(loaded(tmp_path, 'vault: {key: "${V}"}', V=TEXT)) == signing_key(RAW)


@pytest.mark.parametrize("written", [b"", b"short", b"\xff" * 44, base64.b64encode(RAW[1:])], ids=repr)
def test_a_file_that_holds_no_such_key_signs_nothing(tmp_path: Path, written: bytes) -> None:
    (tmp_path / "vault.key").write_bytes(written)
    assert signing_of(loaded(tmp_path, "vault: {key_file: vault.key}")) is None


def test_where_there_is_no_key_nothing_signs(tmp_path: Path) -> None:
    assert signing_of(loaded(tmp_path, "")) is None
    assert signing_of(loaded(tmp_path, "vault: {key_file: gone.key}")) is None
    assert signing_of(loaded(tmp_path, "vault: {key_file: .}")) is None
