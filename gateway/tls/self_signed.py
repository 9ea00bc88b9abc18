"""A certificate that vouches for itself: for a home network, where no authority knows the machine.

An EC key on P-256, and a certificate for the names and addresses by which it is called. It is its own
authority, because phones trust nothing that is none. Who trusts it must not have to trust its key with the
rest of the world, so it is bound to these names (RFC 5280 §4.2.1.10): what else it signed would be refused.
`cryptography` is loaded here and nowhere else in this room.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

DAYS: Final = 397
"""Apple's systems trust nothing that holds for longer than 825 days, and browsers ask for 398 at most."""

_EARLY: Final = dt.timedelta(hours=1)  # for a clock that is slow


@dataclass(frozen=True, slots=True)
class SelfSigned:
    """Both in PEM, and the certificate in DER."""

    certificate: bytes
    key: bytes = field(repr=False)
    der: bytes = field(repr=False)


def self_signed(names: Iterable[str], now: float, days: int = DAYS) -> SelfSigned:
    """Make a pair for these names and addresses, the first of which is its subject; raises `ValueError`."""
    found = tuple(dict.fromkeys(names))
    key = ec.generate_private_key(ec.SECP256R1())
    spoken = [general_name(name) for name in found]
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, found[0][:64])])
    since = dt.datetime.fromtimestamp(now, dt.UTC).replace(microsecond=0)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since - _EARLY)
        .not_valid_after(since + dt.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(spoken), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.NameConstraints([*map(_subtree, spoken)], None), critical=True)
        .add_extension(_usage(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(identifier, critical=False)
    )
    certificate = builder.sign(key, hashes.SHA256())
    return SelfSigned(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        certificate.public_bytes(serialization.Encoding.DER),
    )


def general_name(name: str) -> x509.GeneralName:
    """A name or an address as certificates write it; raises `ValueError` for what is neither."""
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _subtree(name: x509.GeneralName) -> x509.GeneralName:
    """The name as a bound: below a wildcard, or one address alone."""
    if isinstance(name, x509.IPAddress):
        return x509.IPAddress(ip_network(name.value))
    assert isinstance(name, x509.DNSName)  # noqa: S101 - there is no third kind
    return x509.DNSName(name.value.removeprefix("*."))


def _usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
