"""Guarantees of gateway/wire/refusal_body.py: every dialect has a body, and its type is said."""

import json

import pytest

from gateway.core.dialect import Dialect
from gateway.wire.refusal_body import body_of, content_type, type_of


def test_the_combined_body_holds_what_three_sdks_read() -> None:
    told = json.loads(body_of(Dialect.COMBINED, 403, "scope_missing", "Why – so", "rid"))
    assert told == {
        "type": "error",
        "error": {"type": "permission_error", "code": "scope_missing", "message": "Why – so", "param": None},
        "detail": {"status": "scope_missing", "message": "Why – so"},
        "request_id": "rid",
    }


@pytest.mark.parametrize("dialect", Dialect)
def test_every_dialect_has_a_body_that_ends_a_line_and_says_its_type(dialect: Dialect) -> None:
    body = body_of(dialect, 401, "key_unknown", "Why", "rid")
    assert body.endswith(b"\n")
    assert b"Why" in body
    is_text = dialect is Dialect.TEXT
    assert content_type(dialect) == (b"text/plain; charset=utf-8" if is_text else b"application/json")
    assert is_text or isinstance(json.loads(body), dict)


@pytest.mark.parametrize(
    ("status", "kind"), [(400, "invalid_request_error"), (431, "invalid_request_error"), (502, "api_error")]
)
def test_a_status_that_has_no_word_of_its_own_is_the_callers_fault_or_not(status: int, kind: str) -> None:
    assert type_of(status) == kind
