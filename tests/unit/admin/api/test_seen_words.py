"""Guarantees of gateway/admin/api/seen_words.py: the shapes name what is told as it is told."""

from gateway.core.keys import Status
from tests.unit.admin.api.stand import DOCUMENT

SHAPES = DOCUMENT["components"]["schemas"]


def test_a_call_is_told_in_the_words_of_http() -> None:
    assert list(SHAPES["CallTold"]["properties"]) == [
        *("at", "method", "path", "status", "reason", "from", "route")
    ]
    assert SHAPES["CallTold"]["properties"]["path"]["maxLength"] == 200


def test_every_field_is_always_there() -> None:
    for name in ("CallTold", "LastCall", "KeysCounted", "UpstreamTold", "Overview"):
        assert set(SHAPES[name]["required"]) == set(SHAPES[name]["properties"])


def test_each_status_is_counted() -> None:
    assert list(SHAPES["KeysCounted"]["properties"]) == [status.value for status in Status]


def test_what_is_wrong_with_an_upstream_is_told_in_one_of_few_sentences() -> None:
    assert SHAPES["Unreachable"]["enum"] == [
        "name not found",
        "refuses connections",
        "does not answer within 2 s",
        "cannot be reached",
        "fails its health check",
        "is drained",
    ]
