"""Guarantees of gateway/tls/validity.py: what a certificate says is read; what is none is refused."""

import datetime as dt
import ssl

import pytest
from cryptography import x509

from gateway.tls.self_signed import self_signed
from gateway.tls.validity import Validity, read_validity

NOW_S = 1_800_000_000.0


@pytest.mark.parametrize("days", [1, 397, 40_000], ids=["a-day", "a-year", "past-2049"])
def test_it_says_what_the_library_for_certificates_says(days: int) -> None:
    der = self_signed(["a.example"], NOW_S, days).der
    known = x509.load_der_x509_certificate(der)
    assert read_validity(der) == Validity(
        known.not_valid_before_utc.timestamp(), known.not_valid_after_utc.timestamp()
    )
    assert dt.datetime.fromtimestamp(read_validity(der).ends_at, dt.UTC) == known.not_valid_after_utc


def test_a_certificate_of_the_first_version_is_read_too() -> None:
    """Without the element that names a version, and with a year of the last century."""
    times = b"\x17\x0d990102030405Z\x17\x0d000102030405Z"
    validity = b"\x30" + bytes([len(times)]) + times
    inner = b"\x02\x01\x01\x30\x00\x30\x00" + validity
    body = b"\x30" + bytes([len(inner)]) + inner
    der = b"\x30\x81" + bytes([len(body)]) + body
    assert read_validity(der) == Validity(915_246_245.0, 946_782_245.0)


def test_whatever_is_cut_or_changed_is_refused_or_read_and_never_breaks() -> None:
    der = self_signed(["a.example"], NOW_S).der
    for end in range(0, len(der), 7):
        with pytest.raises(ValueError, match="certificate"):
            read_validity(der[:end])
    for at in range(200):
        changed = der[:at] + bytes([der[at] ^ 0x55]) + der[at + 1 :]
        try:
            read_validity(changed)
        except ValueError:
            continue


@pytest.mark.parametrize("der", [b"", b"\x30", b"\x02\x01\x00", ssl.OPENSSL_VERSION.encode()])
def test_what_is_no_certificate_is_refused(der: bytes) -> None:
    with pytest.raises(ValueError, match="certificate"):
        read_validity(der)
