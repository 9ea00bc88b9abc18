"""Guarantees of docs/presets.md: its tables are what the presets say."""

from tests.docs.preset_tables import MARK, NAMES, PAGE, page, tables


def test_the_tables_are_up_to_date() -> None:
    assert MARK in PAGE.read_text("utf-8")
    assert PAGE.read_text("utf-8") == page(), "renew them: python -m tests.docs.preset_tables"


def test_every_preset_has_its_section() -> None:
    assert [name for name in NAMES if f"\n### {name}\n" not in tables()] == []
