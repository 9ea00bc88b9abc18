"""Guarantees of gateway/cli/credentials/new_key.py: a key is random, whole and its owner's alone."""

import json
import stat
from pathlib import Path

from gateway.service.vault_key import read_vault_key
from tests.support.vaults import VALUE
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


def test_all_are_sealed_anew_and_the_mend_is_told(house: CommandLine, tmp_path: Path) -> None:
    house("credentials", "set", "openai", stdin=VALUE)
    house("credentials", "new-key", "new.key")
    result = house("credentials", "rekey", "new.key")
    assert (result.exit_code, "Sealed 1 anew. Now put new.key" in result.stderr) == (0, True)
    assert json.loads(house("credentials", "list", "-o", "json").stdout)[0]["state"] == "locked"
    (tmp_path / "new.key").replace(tmp_path / "vault.key")
    assert json.loads(house("credentials", "list", "-o", "json").stdout)[0]["state"] == "ok"
    told = house("audit", "list", "--store", "sqlite:///keyhatch.db", "-o", "json")
    assert told.exit_code == 0


def test_a_file_that_holds_no_key_changes_nothing(house: CommandLine, tmp_path: Path) -> None:
    house("credentials", "set", "openai", stdin=VALUE)
    (tmp_path / "odd.key").write_text("odd")
    result = house("credentials", "rekey", "odd.key")
    assert (result.exit_code, "holds no key" in result.stderr) == (2, True)
    assert json.loads(house("credentials", "list", "-o", "json").stdout)[0]["state"] == "ok"
