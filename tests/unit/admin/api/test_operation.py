"""Guarantees of gateway/admin/api/operation.py: what an operation is about stands in its path."""

import pytest

from gateway.admin.api.operations import OPERATIONS, Operation


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
def test_what_it_is_about_stands_in_its_path(operation: Operation) -> None:
    told = {"{id}": operation.has_id, "{name}": operation.has_name, "{target}": operation.has_target}
    assert told == {each: each in operation.path for each in told}
