"""Guarantees of gateway/cli/credentials/group.py: the verbs stand in the order of a credential's life."""

from gateway.cli.credentials.group import credentials


def test_the_verbs_stand_in_the_order_of_a_credentials_life() -> None:
    assert list(credentials.commands) == ["new-key", "set", "list", "test", "remove", "rekey"]
