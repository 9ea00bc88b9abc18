"""Guarantees of gateway/cli/credentials/desk.py: the desk is that of the configured store."""

from pathlib import Path

import pytest

from tests.support.vaults import VALUE
from tests.unit.cli.command_line import CommandLine


@pytest.mark.parametrize(
    "args", [("list",), ("test", "openai"), ("remove", "openai", "--yes")], ids=lambda args: str(args[0])
)
def test_who_only_asks_begins_no_store(house: CommandLine, tmp_path: Path, args: tuple[str, ...]) -> None:
    result = house("credentials", *args)
    assert result.exit_code == 3
    assert not (tmp_path / "keyhatch.db").exists()


def test_the_first_credential_begins_one(house: CommandLine, tmp_path: Path) -> None:
    assert house("credentials", "set", "openai", stdin=VALUE).exit_code == 0
    assert (tmp_path / "keyhatch.db").exists()


def test_a_store_in_memory_keeps_none(house: CommandLine) -> None:
    result = house("credentials", "set", "openai", "--store", "memory:", stdin=VALUE)
    assert (result.exit_code, "in memory" in result.stderr) == (2, True)
