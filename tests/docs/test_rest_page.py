"""docs/rest.md is what the management API says of itself."""

from gateway.admin.api.operations import OPERATIONS
from tests.docs.rest_tables import MARK, PAGE, page


def test_the_page_is_up_to_date() -> None:
    assert MARK in PAGE.read_text("utf-8")
    assert PAGE.read_text("utf-8") == page(), "renew it: python -m tests.docs.rest_tables"


def test_every_operation_has_its_section() -> None:
    text = page()
    assert [each.path for each in OPERATIONS if f"\n### {each.method} {each.path}\n" not in text] == []
