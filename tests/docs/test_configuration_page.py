"""Guarantees of docs/configuration.md: its tables are what the configuration's own fields say."""

from gateway.service.for_life import FOR_LIFE
from tests.docs.option_tables import MARK, PAGE, page, tables


def test_the_tables_are_up_to_date() -> None:
    assert MARK in PAGE.read_text("utf-8")
    assert PAGE.read_text("utf-8") == page(), "renew them: python -m tests.docs.option_tables"


def test_each_option_that_takes_a_restart_is_marked() -> None:
    assert tables().count("*restart*") == len(FOR_LIFE)
