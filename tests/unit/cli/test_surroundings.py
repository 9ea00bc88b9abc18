"""Guarantees of gateway/cli/surroundings.py: a command knows who asks, where the system can tell."""

import getpass

import pytest

from gateway.cli.surroundings import whoami


def test_who_asks_is_the_systems_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "anna")
    assert whoami() == "cli:anna"


@pytest.mark.parametrize("trouble", [ImportError("pwd"), KeyError("uid"), OSError("no name")])
def test_a_user_without_a_name_is_no_obstacle(trouble: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise trouble

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert whoami() == "cli"
