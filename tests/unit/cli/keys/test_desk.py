"""Guarantees of gateway/cli/keys/desk.py: no command takes a key as an argument."""

import pytest

from tests.unit.cli.command_line import CommandLine

WORDS = [
    pytest.param(["keys", act, "{}", "--yes"], id=act)
    for act in ("revoke", "disable", "enable", "delete", "rotate")
] + [
    pytest.param(["keys", "show", "{}"], id="show"),
    pytest.param(["keys", "create", "{}"], id="create"),
    pytest.param(["explain", "GET", "/", "--key-id", "{}"], id="explain"),
    pytest.param(["explain", "GET", "/?api_key={}"], id="explain-path"),
    pytest.param(["keys", "list", "{}"], id="where-nothing-is-expected"),
    pytest.param(["{}"], id="as-a-command"),
]


@pytest.mark.parametrize("words", WORDS)
def test_a_key_in_argv_is_refused_changes_nothing_and_is_not_repeated(
    line: CommandLine, words: list[str]
) -> None:
    secret = line.make("one")
    before = line.record("one")
    result = line(*(word.format(secret) for word in words))
    assert result.exit_code == 2
    assert secret[3:] not in result.output
    assert line.record("one") == before
