"""Guarantees of gateway/store/audit_rows.py: an entry comes back as it was written, or not at all."""

import pytest

from gateway.keeper.audit import GENESIS, Act, chained
from gateway.store.audit_rows import entry_of, row_of
from tests.support.records import NOW, record

ENTRY = chained(1, GENESIS, Act("create", "key_admin", "req-1", NOW), "key_1", None, record(note="grüß 🗝"))


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(ENTRY, id="made"),
        pytest.param(chained(2, ENTRY.hash, Act("delete", at=NOW), "key_1", record(), None), id="deleted"),
    ],
)
def test_an_entry_comes_back_as_it_was(entry: object) -> None:
    assert isinstance(entry, type(ENTRY))
    assert entry_of(row_of(entry)) == entry


@pytest.mark.parametrize(
    ("column", "value"),
    [(0, "1"), (1, 1), (2, None), (3, b"create"), (7, "[]"), (7, "{"), (8, "x"), (9, None)],
)
def test_what_we_would_not_have_written_is_an_error(column: int, value: object) -> None:
    row = [*row_of(ENTRY)]
    row[column] = value
    with pytest.raises(ValueError, match=r"wrong kind|Expecting"):
        entry_of(row)
