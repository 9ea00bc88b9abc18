"""Guarantees of gateway/cli/loading.py: configuration and store are found where they were said."""

import sqlite3
from pathlib import Path

import click
import pytest

from gateway.cli.loading import door, store_file
from gateway.cli.surroundings import Surroundings
from gateway.config.fields import Address
from tests.unit.cli.command_line import CommandLine
from tests.unit.cli.config_files import GOOD


def on_disk() -> Surroundings:
    return Surroundings(environ={})


def test_keys_are_kept_in_the_default_store_beside_the_configuration(line: CommandLine) -> None:
    Path("etc").mkdir()
    Path("etc/config.yaml").write_text(GOOD)
    assert (
        line("keys", "create", "one", "-q", "--config", "etc/config.yaml", surroundings=on_disk()).exit_code
        == 0
    )
    assert "one" in line("--config", "etc/config.yaml", "keys", "list", surroundings=on_disk()).stdout
    assert Path("etc/keyhatch.db").exists()


def test_the_flag_names_another_store(line: CommandLine) -> None:
    line("keys", "create", "one", "-q", "--store", "sqlite:///other.db", surroundings=on_disk())
    assert "one" in line("keys", "--store", "sqlite:///other.db", "list", surroundings=on_disk()).stdout
    assert not Path("keyhatch.db").exists()


def test_the_rules_of_the_configuration_hold_for_keys_made_here(line: CommandLine) -> None:
    Path("config.yaml").write_text(GOOD + "keys: {prefix: corp, default_expiry: never}\n")
    made = line("keys", "create", "one", "--scope", "chat:write", surroundings=on_disk())
    assert made.stdout.startswith("corp_")
    assert "It never expires." in made.stderr
    assert "http://127.0.0.1:9000/" in made.stderr
    assert line("keys", "create", "two", "--scope", "chat:wrote", surroundings=on_disk()).exit_code == 2


def test_a_store_in_memory_is_a_usage_error_that_says_what_to_do(line: CommandLine) -> None:
    result = line("keys", "list", "--store", "memory:", surroundings=on_disk())
    assert result.exit_code == 2
    assert "--store sqlite:///FILE" in result.stderr


def test_a_file_that_is_no_store_is_exit_code_1_and_one_sentence(line: CommandLine) -> None:
    Path("keyhatch.db").write_bytes(b"not a database, but long enough to be looked at" * 100)
    result = line("keys", "list", surroundings=on_disk())
    assert (result.exit_code, result.stdout) == (1, "")
    assert "keyhatch.db" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_store_of_another_program_is_refused(line: CommandLine) -> None:
    with sqlite3.connect("keyhatch.db") as other:
        other.execute("CREATE TABLE theirs (id)")
    other.close()
    assert line("keys", "list", surroundings=on_disk()).exit_code == 1


@pytest.mark.parametrize(
    ("option", "value"),
    [("--config", "nowhere.yaml"), ("--store", "postgres://x"), ("--store", "keyhatch.db")],
)
def test_what_cannot_be_found_or_read_is_exit_code_2_and_names_the_option(
    line: CommandLine, option: str, value: str
) -> None:
    result = line("keys", "list", option, value, surroundings=on_disk())
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"Error: {option}: ")


@pytest.mark.parametrize(
    ("address", "url"),
    [
        (Address("127.0.0.1", 8080), "http://127.0.0.1:8080"),
        (Address("0.0.0.0", 80), "http://127.0.0.1:80"),
        (Address("::", 8080), "http://[::1]:8080"),
        (Address("gate.local", 8080), "http://gate.local:8080"),
    ],
)
def test_a_listener_is_called_where_this_machine_reaches_it(address: Address, url: str) -> None:
    assert door(address) == url


def test_the_stores_file_is_named_whether_or_not_it_is_there(line: CommandLine) -> None:
    assert store_file(Surroundings(environ={})) == Path("keyhatch.db")
    with pytest.raises(click.UsageError, match="in memory"):
        store_file(Surroundings(environ={}, store="memory:"))
    assert not Path("keyhatch.db").exists()
