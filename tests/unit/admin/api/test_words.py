"""Guarantees of gateway/admin/api/words.py: shapes convert nothing, and know what is told."""

import pytest
from pydantic import ValidationError

from gateway.admin.api.words import Asked, CreateKey, EditKey, IssuedKey, KeyRecord, ListKeys, Paged, ShowKey
from gateway.keeper.desk import KeyEdit
from gateway.wire.key_json import as_json
from tests.support.records import NOW, record
from tests.unit.admin.api.stand import STRANGER


def test_a_record_is_described_field_by_field_in_its_order() -> None:
    assert list(KeyRecord.model_fields) == list(as_json(record(), NOW))
    assert [name for name in IssuedKey.model_fields if name not in KeyRecord.model_fields] == ["key"]


def test_whatever_the_desk_can_edit_can_be_asked_for() -> None:
    assert set(EditKey.model_fields) == {*KeyEdit.__dataclass_fields__, "expires"}
    assert set(CreateKey.model_fields) == set(EditKey.model_fields)


@pytest.mark.parametrize(
    ("shape", "values"),
    [
        (CreateKey, {"name": b"a"}),
        (CreateKey, {"name": "a", "scopes": ("chat:write",)}),
        (CreateKey, {"name": "a", "scopes": {"chat:write"}}),
        (CreateKey, {"name": "a", "more": 1}),
        (Paged, {"limit": "50"}),
        (Paged, {"limit": 50.0}),
        (Paged, {"limit": True}),
        (ListKeys, {"status": "Active"}),
    ],
)
def test_nothing_is_converted_and_nothing_extra_is_taken(
    shape: type[Asked], values: dict[str, object]
) -> None:
    with pytest.raises(ValidationError):
        shape.model_validate(values)


def test_a_shown_key_stays_out_of_whatever_is_printed() -> None:
    assert STRANGER not in repr(ShowKey(key=STRANGER))
    with pytest.raises(ValidationError) as wrong:
        ShowKey(key=STRANGER * 100)
    assert STRANGER not in str(wrong.value)


def test_what_was_asked_cannot_be_changed() -> None:
    asked = ShowKey(key="a")
    with pytest.raises(ValidationError):
        asked.key = "b"
