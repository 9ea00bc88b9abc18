"""Guarantees of gateway/cli/presets.py: what is shown is what would be served, and the examples work."""

import json
from pathlib import Path
from typing import get_args

import pytest

from gateway.cli.presets import example_of
from gateway.config.load import load
from gateway.config.presets import SCOPES, preset_of
from gateway.config.upstream_sections import Preset
from tests.unit.cli.command_line import CommandLine

NAMES = get_args(Preset)


def test_the_list_holds_every_preset(line: CommandLine) -> None:
    told = json.loads(line("presets", "list", "-o", "json").stdout)
    assert [each["name"] for each in told] == list(NAMES)
    assert {"name", "title", "url", "scopes"} == set(told[0])
    rows = line("presets", "list").stdout.splitlines()
    assert [row.split("\t")[0] for row in rows] == list(NAMES)


def test_the_list_is_a_table_on_a_terminal(line: CommandLine, terminal: None) -> None:
    assert line("presets", "list").stdout.splitlines()[0].startswith("NAME")


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_is_shown_whole(line: CommandLine, name: str) -> None:
    preset = preset_of(name)
    told = json.loads(line("presets", "show", name, "-o", "json").stdout)
    assert [each["id"] for each in told["endpoints"]] == list(preset.endpoints)
    assert [each["dangerous"] for each in told["endpoints"]] == [
        each.is_dangerous for each in preset.endpoints.values()
    ]
    page = line("presets", "show", name).stdout
    assert all(each.path in page for each in preset.endpoints.values())
    assert all(note in page for note in preset.notes)
    assert "{url}" not in page
    assert "{key}" not in page
    assert set(told["scopes"]) <= set(SCOPES)


@pytest.mark.parametrize("name", NAMES)
def test_the_example_is_a_configuration_that_serves(name: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(example_of(name, preset_of(name)))
    environ = {f"{name.upper().replace('-', '_')}_API_KEY": "sk-1"}
    loaded = load(path, environ, {}, need_upstream=True)
    assert loaded.settings.upstreams[name].preset == name


def test_dangerous_endpoints_are_marked_and_any_key_is_said(line: CommandLine) -> None:
    page = line("presets", "show", "ollama").stdout
    assert any("!" in row for row in page.splitlines() if "/api/pull" in row)
    assert not any("!" in row for row in page.splitlines() if "/api/chat" in row)
    assert "any key" in line("presets", "show", "generic").stdout


def test_a_preset_that_is_not_there_is_not_found(line: CommandLine) -> None:
    result = line("presets", "show", "olama")
    assert result.exit_code == 3
    assert "there is no preset 'olama'; did you mean 'ollama'?" in result.stderr.lower()
