"""Guarantees of gateway/cli/credentials/read.py: how each stands is told, and never what it says."""

import json
from pathlib import Path

import pytest

from tests.support.vaults import VALUE
from tests.unit.cli.command_line import CommandLine


def test_an_empty_vault_says_how_to_fill_it(house: CommandLine) -> None:
    house.make("one")
    house("credentials", "set", "openai", stdin=VALUE)
    house("credentials", "remove", "openai", "--yes")
    assert "keyhatch credentials set NAME" in house("credentials", "list").stderr


def test_programs_get_rows_or_json(house: CommandLine) -> None:
    house("credentials", "set", "openai", stdin=VALUE)
    row = house("credentials", "list").stdout.rstrip("\n").split("\t")
    assert row[:4] == ["openai", "sk-r…def", "ok", "main"]
    assert row[4] == "2027-01-15T08:00:00Z"
    [told] = json.loads(house("credentials", "list", "-o", "json").stdout)
    assert (told["name"], told["upstreams"], told["last_used_at"]) == ("openai", ["main"], None)


@pytest.mark.usefixtures("terminal")
def test_people_get_a_table(house: CommandLine) -> None:
    house("credentials", "set", "openai", "--config", "config.yaml", stdin=VALUE)
    told = house("credentials", "list").stdout
    assert "NAME" in told
    assert "never" in told


@pytest.mark.parametrize("is_locked", [True, False])
def test_what_is_wrong_is_told_with_the_mend(house: CommandLine, tmp_path: Path, *, is_locked: bool) -> None:
    house("credentials", "set", "openai", stdin=VALUE)
    if is_locked:
        (tmp_path / "vault.key").unlink()
    result = house("credentials", "list")
    assert ("openai is locked" in result.stderr) is is_locked
    assert VALUE not in result.output
