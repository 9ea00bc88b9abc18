"""Guarantees of gateway/cli/credentials/new_key.py: a key is random, whole and its owner's alone."""

import stat
from pathlib import Path

from gateway.service.vault_key import read_vault_key
from tests.unit.cli.command_line import CommandLine


def test_a_new_key_is_one_that_the_vault_takes_and_its_owners_alone(
    line: CommandLine, tmp_path: Path
) -> None:
    result = line("credentials", "new-key", "vault.key")
    path = tmp_path / "vault.key"
    found = read_vault_key(path)
    assert (result.exit_code, found.problem, found.others) == (0, "", False)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().strip() not in result.output
    assert "vault: {key_file: vault.key}" in result.stderr


def test_no_key_is_ever_overwritten(line: CommandLine, tmp_path: Path) -> None:
    line("credentials", "new-key", "vault.key")
    before = (tmp_path / "vault.key").read_bytes()
    assert line("credentials", "new-key", "vault.key").exit_code == 1
    assert (tmp_path / "vault.key").read_bytes() == before
