"""Guarantees of gateway/store/credential_rows.py: a row that we would not have written is never believed."""

from dataclasses import astuple

import pytest

from gateway.store.credential_rows import credential_of
from tests.support.vaults import sealed

ROW = astuple(sealed())


def test_a_row_is_read_as_it_was_written() -> None:
    assert credential_of(ROW) == sealed()


@pytest.mark.parametrize("column", range(len(ROW)))
def test_a_value_of_another_kind_is_refused(column: int) -> None:
    with pytest.raises(ValueError, match="wrong kind"):
        credential_of((*ROW[:column], {}, *ROW[column + 1 :]))
