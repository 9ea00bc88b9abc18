"""Guarantees of gateway/tls/self_signed.py: a pair that systems accept once they trust it, and no more."""

import datetime as dt
import ssl
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.tls.self_signed import DAYS, self_signed

NOW_S = 1_800_000_000.0


def test_it_is_for_the_names_and_addresses_that_were_said() -> None:
    made = self_signed(["gate.example", "192.168.1.7", "::1", "gate.example"], NOW_S)
    certificate = x509.load_pem_x509_certificate(made.certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["gate.example"]
    assert names.get_values_for_type(x509.IPAddress) == [ip_address("192.168.1.7"), ip_address("::1")]
    assert certificate.subject == certificate.issuer
    assert certificate.public_bytes(serialization.Encoding.DER) == made.der


def test_what_its_key_signs_for_other_names_is_refused() -> None:
    """Whoever trusts it as an authority trusts it with its own names alone."""
    made = self_signed(["gate.example", "*.home.example", "192.168.1.7"], NOW_S)
    bounds = x509.load_pem_x509_certificate(made.certificate).extensions.get_extension_for_class(
        x509.NameConstraints
    )
    assert bounds.critical
    assert [str(each.value) for each in bounds.value.permitted_subtrees or ()] == [
        "gate.example",
        "home.example",
        "192.168.1.7/32",
    ]


def test_it_may_serve_and_no_more() -> None:
    extensions = x509.load_pem_x509_certificate(self_signed(["a"], NOW_S).certificate).extensions
    basic = extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (basic.ca, basic.path_length) == (True, 0)
    usage = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_it_holds_from_a_little_earlier_for_as_long_as_asked() -> None:
    certificate = x509.load_pem_x509_certificate(self_signed(["a"], NOW_S, 30).certificate)
    now = dt.datetime.fromtimestamp(NOW_S, dt.UTC)
    assert certificate.not_valid_before_utc == now - dt.timedelta(hours=1)
    assert certificate.not_valid_after_utc == now + dt.timedelta(days=30)
    assert DAYS <= 398  # what browsers accept


def test_its_key_is_a_fresh_one_on_p_256_and_hidden() -> None:
    one, other = (self_signed(["a"], NOW_S) for _ in range(2))
    key = serialization.load_pem_private_key(one.key, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert isinstance(key.curve, ec.SECP256R1)
    assert one.key != other.key
    assert "PRIVATE" not in repr(one)


def test_a_name_that_no_certificate_can_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="A-label"):
        self_signed(["bücher.example"], NOW_S)


def test_a_client_that_trusts_it_accepts_it() -> None:
    made = self_signed(["gate.example"], NOW_S)
    context = ssl.create_default_context(cadata=made.certificate.decode("ascii"))
    assert len(context.get_ca_certs()) == 1
