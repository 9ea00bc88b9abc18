"""Guarantees of gateway/cli/keys/pattern.py: scanners that are given these find our keys, and little else."""

import json
import re
import tomllib

import pytest
import yaml

from gateway.cli.keys.pattern import PATTERNS
from gateway.core.keys import compose_secret
from tests.unit.cli.command_line import CommandLine

SECRET = compose_secret("kh", bytes(range(32))).reveal()


def of(line: CommandLine, scanner: str) -> str:
    result = line("keys", "pattern", "--for", scanner)
    assert result.exit_code == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize(
    "around", ["{}", "key={}", '"{}"', "Bearer {},", "https://x:{}@host/", "?api_key={}&a=b"]
)
def test_a_key_is_found_wherever_it_stands(line: CommandLine, around: str) -> None:
    assert re.findall(of(line, "regex").strip(), around.format(SECRET)) == [SECRET]


@pytest.mark.parametrize(
    "text", [SECRET[:-1], f"{SECRET}x", f"x{SECRET}", SECRET.replace("kh_", "kh-"), "kh_"]
)
def test_what_is_no_whole_key_is_not(line: CommandLine, text: str) -> None:
    assert re.findall(of(line, "regex").strip(), text) == []


def test_gitleaks_is_given_a_rule(line: CommandLine) -> None:
    [rule] = tomllib.loads(of(line, "gitleaks"))["rules"]
    assert re.search(rule["regex"], SECRET)
    assert rule["keywords"] == ["kh_"]
    assert {"id", "description"} < rule.keys()


def test_trufflehog_is_given_a_detector(line: CommandLine) -> None:
    [detector] = yaml.safe_load(of(line, "trufflehog"))["detectors"]
    assert re.search(detector["regex"]["key"], SECRET)
    assert detector["keywords"] == ["kh_"]


def test_github_is_given_the_fields_of_a_custom_pattern(line: CommandLine) -> None:
    fields = dict(row.split(": ", 1) for row in of(line, "github").splitlines())
    before, secret, after = fields["Before secret"], fields["Secret format"], fields["After secret"]
    whole = re.compile(f"(?:{before})({secret})(?:{after})".replace(r"\z", r"\Z"))
    for text in (SECRET, f"key={SECRET}\n"):
        found = whole.search(text)
        assert found is not None
        assert found[1] == SECRET
    assert whole.search(f"x{SECRET}") is None


def test_the_prefix_is_the_configured_one(line: CommandLine) -> None:
    line.environ["KEYHATCH_KEYS__PREFIX"] = "acme"
    assert of(line, "regex").startswith(r"\bacme_")


def test_programs_are_given_all_of_them(line: CommandLine) -> None:
    told = json.loads(line("keys", "pattern", "-o", "json").stdout)
    assert told == {name: words("kh") for name, words in PATTERNS.items()}
