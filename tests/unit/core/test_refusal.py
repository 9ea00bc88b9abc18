"""Guarantees of gateway/core/refusal.py: the reason codes are a promise, word for word."""

import pytest

from gateway.core.refusal import Deny, Reason

PROMISED = """
credential_missing credential_foreign credential_malformed credential_ambiguous
key_unknown key_revoked key_expired key_disabled key_rotated
signature_invalid signature_expired
scope_missing address_not_allowed no_route method_not_allowed
target_ambiguous request_malformed header_too_large body_too_large request_timeout
store_unavailable upstream_unreachable upstream_protocol upstream_timeout upstream_credential_invalid
"""


def test_the_set_of_reasons_is_closed_and_spelled_as_published() -> None:
    assert [reason.value for reason in Reason] == PROMISED.split()


def test_a_refusal_without_facts_has_none_and_shares_none() -> None:
    one, other = Deny(Reason.NO_ROUTE), Deny(Reason.NO_ROUTE)
    assert one == other
    assert one.facts == {}
    assert one.facts is not other.facts


@pytest.mark.parametrize(
    ("deny", "detail"),
    [
        (Deny(Reason.NO_ROUTE), None),
        (Deny(Reason.REQUEST_MALFORMED, {"rule": "no Host"}), "no Host"),
        (
            Deny(Reason.HEADER_TOO_LARGE, {"what": "header fields", "limit": "100"}),
            "more than 100 header fields",
        ),
        (Deny(Reason.BODY_TOO_LARGE, {"limit": "9"}), None),
        (Deny(Reason.CREDENTIAL_MALFORMED, {"problem": "wrong_length", "length": "4"}), "wrong_length"),
        (Deny(Reason.CREDENTIAL_MISSING, {"stray": "the query"}), "the query"),
        (Deny(Reason.UPSTREAM_TIMEOUT, {"phase": "connect"}), "connect"),
        (Deny(Reason.UPSTREAM_PROTOCOL, {"what": "closed"}), "closed"),
    ],
)
def test_what_a_reason_leaves_open_is_a_detail_for_the_operator(deny: Deny, detail: str | None) -> None:
    assert deny.detail == detail
