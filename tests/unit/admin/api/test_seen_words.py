"""Guarantees of gateway/admin/api/seen_words.py: the shapes name what is told as it is told."""

from tests.unit.admin.api.stand import DOCUMENT

SHAPES = DOCUMENT["components"]["schemas"]


def test_a_call_is_told_in_the_words_of_http() -> None:
    assert list(SHAPES["CallTold"]["properties"]) == [
        *("at", "method", "path", "status", "reason", "from", "route")
    ]
    assert SHAPES["CallTold"]["properties"]["path"]["maxLength"] == 200


def test_every_field_is_always_there() -> None:
    for name in ("CallTold", "LastCall"):
        assert set(SHAPES[name]["required"]) == set(SHAPES[name]["properties"])
