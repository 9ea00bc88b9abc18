"""Guarantees of gateway/cli/check.py: every problem at once, in a form that editors read."""

import json
import re
from pathlib import Path

from tests.unit.cli.command_line import CommandLine
from tests.unit.cli.config_files import BAD, GOOD


def test_a_good_file_is_ok_on_stderr_and_prints_no_data(line: CommandLine) -> None:
    Path("config.yaml").write_text(GOOD)
    result = line("check")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "config.yaml: ok. Routes: 7, upstreams: 1.\n"


def test_every_problem_is_one_line_on_stdout_and_the_exit_code_is_2(line: CommandLine) -> None:
    Path("config.yaml").write_text(BAD)
    result = line("check")
    assert result.exit_code == 2
    lines = result.stdout.splitlines()
    assert len(lines) > 2
    assert all(re.match(r"config\.yaml:\d+:\d+: |no upstream", problem) for problem in lines[:-1])
    assert lines[0] == "config.yaml:2:3: server.prxy: unknown key; did you mean 'proxy'?"
    assert result.stderr == f"{len(lines)} problems: nothing would be served until mended.\n"


def test_json_holds_the_same_problems_with_their_places(line: CommandLine) -> None:
    Path("config.yaml").write_text(BAD)
    text = line("check").stdout
    result = line("check", "-o", "json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["ok"], len(told["problems"])) == (2, False, len(text.splitlines()))
    first = told["problems"][0]
    assert (first["file"], first["line"], first["column"], first["path"]) == (
        "config.yaml",
        2,
        3,
        "server.prxy",
    )


def test_a_single_problem_is_counted_in_the_singular(line: CommandLine) -> None:
    result = line("check")
    assert (result.exit_code, len(result.stdout.splitlines())) == (2, 1)
    assert result.stderr.startswith("1 problem: ")


def test_warnings_are_shown_and_stop_nothing(line: CommandLine) -> None:
    Path("config.yaml").write_text(GOOD.replace('11434"}', '11434"}\n  spare: {url: "http://spare"}'))
    result = line("check")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith("Warning: config.yaml:8:")
    told = json.loads(line("check", "-o", "json").stdout)
    assert told["ok"]
    assert told["warnings"][0]["line"] == 8


def test_warnings_are_shown_beside_problems(line: CommandLine) -> None:
    Path("config.yaml").write_text(BAD + "upstreams: {nowhere: {url: http://a}, spare: {url: http://b}}\n")
    result = line("check")
    assert result.exit_code == 2
    assert "Warning: config.yaml:6:46: upstreams.spare: " in result.stderr
    assert "Warning" not in result.stdout
    told = json.loads(line("check", "-o", "json").stdout)
    assert (told["ok"], [each["line"] for each in told["warnings"]]) == (False, [6])


def test_it_advises_no_flag_that_it_does_not_take(line: CommandLine) -> None:
    assert line("check").stdout == "no upstream: write config.yaml, or say keyhatch serve --upstream URL\n"


def test_what_the_environment_configures_is_checked_too(line: CommandLine) -> None:
    line.environ["KEYHATCH_UPSTREAM"] = "http://127.0.0.1:11434"
    assert line("check").stderr == "No file: ok. Routes: 1, upstreams: 1.\n"
    line.environ["KEYHATCH_SERVER__PRXY"] = "127.0.0.1:1"
    assert line("check").stdout.startswith("KEYHATCH_SERVER__PRXY: ")


def test_the_routes_of_presets_are_counted_apart(line: CommandLine) -> None:
    Path("config.yaml").write_text("upstreams: {ai: {url: http://a, preset: generic}}\n")
    assert "Routes: 0 and 1 of presets, upstreams: 1." in line("check").stderr
