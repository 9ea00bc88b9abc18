"""Guarantees of gateway/cli/config.py: what is in force is shown, whence it came, and no secret among it."""

import json
from pathlib import Path

import pytest
import yaml

from tests.unit.cli.command_line import CommandLine
from tests.unit.cli.config_files import BAD, GOOD


@pytest.fixture
def configured(line: CommandLine) -> CommandLine:
    Path("config.yaml").write_text(GOOD)
    return line


def test_what_is_shown_as_yaml_or_json_is_the_same(configured: CommandLine) -> None:
    as_yaml = yaml.safe_load(configured("config", "show").stdout)
    as_json = json.loads(configured("config", "show", "-o", "json").stdout)
    assert as_yaml == as_json
    assert as_json["server"]["proxy"] == "127.0.0.1:9000"
    assert as_json["keys"]["prefix"] == "kh"


def test_what_is_shown_can_be_loaded_again_and_shows_the_same(configured: CommandLine) -> None:
    shown = configured("config", "show").stdout
    Path("again.yaml").write_text(shown)
    assert configured("config", "show", "--config", "again.yaml").stdout == shown


def test_flags_and_environment_are_in_force_over_the_file(configured: CommandLine) -> None:
    configured.environ["KEYHATCH_SERVER__ADMIN"] = "127.0.0.1:9001"
    shown = json.loads(configured("config", "show", "-o", "json", "--store", "memory:").stdout)
    assert shown["server"]["admin"] == "127.0.0.1:9001"
    assert shown["store"]["url"] == "memory:"


def test_the_origin_of_each_value_is_told(configured: CommandLine) -> None:
    configured.environ["KEYHATCH_SERVER__ADMIN"] = "127.0.0.1:9001"
    result = configured("config", "show", "--origin", "--store", "memory:")
    rows = {
        path: (value, origin)
        for path, value, origin in (row.split("\t") for row in result.stdout.splitlines())
    }
    assert rows["server.proxy"] == ("127.0.0.1:9000", "config.yaml:2:10")
    assert rows["server.admin"] == ("127.0.0.1:9001", "KEYHATCH_SERVER__ADMIN")
    assert rows["store.url"] == ("memory:", "--store")
    assert rows["keys.prefix"] == ("kh", "default")
    assert rows["limits.body"] == ("null", "default")
    assert rows["routes[0].methods"][0] == "[GET]"


def test_origins_as_json_are_keyed_by_path(configured: CommandLine) -> None:
    told = json.loads(configured("config", "show", "--origin", "-o", "json").stdout)
    assert told["server.proxy"] == {"value": "127.0.0.1:9000", "origin": "config.yaml:2:10"}


def test_a_terminal_gets_origins_as_a_table(configured: CommandLine, terminal: None) -> None:
    head, first, *_ = configured("config", "show", "--origin").stdout.splitlines()
    assert head.split() == ["OPTION", "VALUE", "ORIGIN"]
    assert first.split() == ["server.proxy", "127.0.0.1:9000", "config.yaml:2:10"]


@pytest.mark.parametrize("options", [[], ["-o", "json"], ["--origin"], ["--origin", "-o", "json"]])
def test_what_was_expanded_is_shown_as_it_was_written(line: CommandLine, options: list[str]) -> None:
    Path("config.yaml").write_text(GOOD.replace('"http://127.0.0.1:11434"', '"http://${HIDDEN}:11434"'))
    line.environ["HIDDEN"] = "hunter2"
    result = line("config", "show", *options)
    assert result.exit_code == 0, result.stderr
    assert "hunter2" not in result.output
    assert "${HIDDEN}" in result.output


def test_a_broken_configuration_is_told_on_stderr_and_shows_nothing(line: CommandLine) -> None:
    Path("config.yaml").write_text(BAD)
    result = line("config", "show")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Error: config.yaml:2:3: server.prxy" in result.stderr


def test_without_a_file_the_defaults_are_shown(line: CommandLine) -> None:
    assert json.loads(line("config", "show", "-o", "json").stdout)["routes"] == []


def test_what_presets_bring_is_named_below_and_stays_a_configuration(line: CommandLine) -> None:
    Path("config.yaml").write_text("upstreams: {ai: {url: http://a, preset: ollama}}\n")
    told = line("config", "show").stdout
    assert told.endswith("# and, behind these routes, those of the preset: keyhatch presets show ollama\n")
    assert yaml.safe_load(told)["upstreams"]["ai"]["origin"] == "strip"
