"""Guarantees of gateway/cli/keys/group.py: the promised verbs, in the order of a key's life."""

import click

from gateway.cli.keys import keys


def test_the_verbs_are_the_promised_ones_in_the_order_of_a_keys_life() -> None:
    verbs = "create list show usage verify edit rotate disable enable revoke delete import export pattern"
    assert keys.list_commands(click.Context(keys)) == verbs.split()
