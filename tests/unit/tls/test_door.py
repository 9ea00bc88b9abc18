"""Guarantees of gateway/tls/door.py: every failed handshake counts under one cause of a closed set."""

import ssl

import pytest

from gateway.tls.door import FAILURES, TlsDoor, how_failed


def of_reason(reason: str | None) -> ssl.SSLError:
    """An error as OpenSSL would have given it."""
    error = ssl.SSLError(1, "oops")
    if reason is not None:
        error.reason = reason
    return error


@pytest.mark.parametrize(
    ("reason", "how"),
    [
        ("PEER_DID_NOT_RETURN_A_CERTIFICATE", "client_certificate"),
        ("CERTIFICATE_VERIFY_FAILED", "client_certificate"),
        ("TLSV1_ALERT_UNKNOWN_CA", "distrusted"),
        ("SSLV3_ALERT_CERTIFICATE_UNKNOWN", "distrusted"),
        ("SSLV3_ALERT_BAD_CERTIFICATE", "distrusted"),
        ("UNSUPPORTED_PROTOCOL", "refused"),
        ("NO_SHARED_CIPHER", "refused"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", "refused"),
        (None, "refused"),
    ],
)
def test_an_error_has_its_cause(reason: str | None, how: str) -> None:
    assert how_failed(of_reason(reason)) == how


def test_failures_are_counted_from_nothing() -> None:
    door = TlsDoor(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), 1.0)
    assert door.failures == dict.fromkeys(FAILURES, 0)
    door.failed("timeout")
    door.failed("timeout")
    assert door.failures == {**dict.fromkeys(FAILURES, 0), "timeout": 2}
