"""Guarantees of gateway/tls/files.py: files serve only when they work; else it is said why."""

import os
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from gateway.tls.files import TlsFiles, Unusable, fingerprint_of, read_certificate
from gateway.tls.self_signed import self_signed
from gateway.tls.validity import read_validity
from tests.support.tls_caller import NOW_S, pair, write_pair


@pytest.fixture
def files(tmp_path: Path) -> TlsFiles:
    return TlsFiles(*write_pair(tmp_path))


def trouble(files: TlsFiles) -> tuple[str, str]:
    """Which option, and what is said of it."""
    with pytest.raises(Unusable) as unusable:
        read_certificate(files)
    return unusable.value.option, str(unusable.value)


def test_a_pair_is_read_with_its_end_and_its_fingerprint(files: TlsFiles) -> None:
    certificate = read_certificate(files)
    assert certificate.validity == read_validity(pair().der)
    assert certificate.fingerprint == fingerprint_of(pair().der)
    assert len(certificate.fingerprint) == 95
    assert set(certificate.fingerprint) <= set("0123456789ABCDEF:")


def test_old_versions_of_tls_weak_ciphers_and_renegotiation_are_out(files: TlsFiles) -> None:
    context = read_certificate(files).context
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    names = [cipher["name"] for cipher in context.get_ciphers()]
    assert names
    assert [name for name in names if "GCM" not in name and "CHACHA20" not in name] == []
    assert [name for name in names if not name.startswith(("TLS_", "ECDHE-"))] == []
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert context.options & ssl.OP_NO_COMPRESSION


def test_only_tls_1_3_can_be_asked_for(files: TlsFiles) -> None:
    strict = TlsFiles(files.cert, files.key, min_version="1.3")
    assert read_certificate(strict).context.minimum_version is ssl.TLSVersion.TLSv1_3


def test_a_chain_may_begin_with_words(files: TlsFiles) -> None:
    """As `openssl s_client -showcerts` and some authorities write them."""
    files.cert.write_bytes(b"subject=CN=gate\n" + pair().certificate + b"\nissuer\n" + pair().certificate)
    assert read_certificate(files).fingerprint == fingerprint_of(pair().der)


@pytest.mark.parametrize("option", ["cert_file", "key_file", "client_ca_file"])
def test_a_file_that_is_not_there_or_a_folder_is_told(files: TlsFiles, tmp_path: Path, option: str) -> None:
    gone = tmp_path / "gone.pem"

    def asked() -> TlsFiles:
        paths = {"cert_file": files.cert, "key_file": files.key, option: gone}
        return TlsFiles(paths["cert_file"], paths["key_file"], paths.get("client_ca_file"))

    assert trouble(asked()) == (option, f"there is no file '{gone}'")
    gone.mkdir()
    assert trouble(asked()) == (option, f"'{gone}' is a folder: name the file in it")
    gone.rmdir()
    gone.write_bytes(b"x" * 1_048_577)
    assert trouble(asked()) == (option, f"'{gone}' is larger than 1MiB")


def test_a_name_that_no_file_has_is_told(files: TlsFiles) -> None:
    option, text = trouble(TlsFiles(Path("a\0b"), files.key))
    assert option == "cert_file"
    assert "cannot be read: embedded null byte" in text


def test_a_file_that_may_not_be_read_is_told(files: TlsFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() == 0:

        def refuse(*_: object) -> None:
            raise PermissionError

        monkeypatch.setattr(Path, "open", refuse)
    files.cert.chmod(0)
    said = f"'{files.cert}' cannot be read by the user that runs the gateway"
    assert trouble(files) == ("cert_file", said)


@pytest.mark.parametrize("content", [b"", b"-----BEGIN CERTIFICATE-----", pair().key])
def test_a_file_without_a_certificate_is_told(files: TlsFiles, content: bytes) -> None:
    files.cert.write_bytes(content)
    said = f"'{files.cert}' holds no certificate in PEM (-----BEGIN CERTIFICATE-----)"
    assert trouble(files) == ("cert_file", said)


@pytest.mark.parametrize("inner", [b"AAAA", b"!!!", "ä".encode()])
def test_a_certificate_that_is_broken_is_told(files: TlsFiles, inner: bytes) -> None:
    files.cert.write_bytes(b"-----BEGIN CERTIFICATE-----\n" + inner + b"\n-----END CERTIFICATE-----\n")
    assert trouble(files) == ("cert_file", f"the certificate in '{files.cert}' cannot be read")


def test_a_certificate_that_only_looks_like_one_is_told(files: TlsFiles) -> None:
    """Its time can be read; OpenSSL reads on."""
    der = pair().der[:-40] + bytes(40)
    files.cert.write_text(ssl.DER_cert_to_PEM_cert(der[:120] + der[121:] + b"\0"))
    option, text = trouble(files)
    assert option in ("cert_file", "key_file")
    assert str(files.cert) in text


@pytest.mark.parametrize("content", [b"", pair().certificate])
def test_a_file_without_a_key_is_told(files: TlsFiles, content: bytes) -> None:
    files.key.write_bytes(content)
    said = f"'{files.key}' holds no private key in PEM (-----BEGIN PRIVATE KEY-----)"
    assert trouble(files) == ("key_file", said)


@pytest.mark.parametrize(
    "form", [serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL]
)
def test_a_locked_key_is_told_with_how_to_unlock_it(
    files: TlsFiles, form: serialization.PrivateFormat
) -> None:
    key = serialization.load_pem_private_key(pair().key, None)
    locked = serialization.BestAvailableEncryption(b"secret")
    files.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, locked))
    option, text = trouble(files)
    assert option == "key_file"
    assert text.startswith(f"the key in '{files.key}' is locked with a password; openssl pkey -in")


def test_a_key_of_another_certificate_is_told(files: TlsFiles) -> None:
    files.key.write_bytes(self_signed(["other"], NOW_S).key)
    said = f"the key in '{files.key}' does not belong to the certificate in '{files.cert}'"
    assert trouble(files) == ("key_file", said)


def test_a_broken_key_is_told_without_its_content(files: TlsFiles) -> None:
    files.key.write_bytes(b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n")
    option, text = trouble(files)
    assert option == "cert_file"
    assert text.startswith(f"'{files.cert}' and '{files.key}' cannot be used: ")
    assert "c2VjcmV0" not in text


def test_files_that_vanish_in_between_are_told(files: TlsFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", gone)
    assert trouble(files)[1].endswith("cannot be read: No such file or directory")


@pytest.mark.parametrize(
    ("client_cert", "mode"), [("required", ssl.CERT_REQUIRED), ("optional", ssl.CERT_OPTIONAL)]
)
def test_callers_are_asked_for_certificates_of_these_authorities(
    files: TlsFiles, client_cert: str, mode: ssl.VerifyMode
) -> None:
    asked = TlsFiles(files.cert, files.key, files.cert, client_cert)  # type: ignore[arg-type]
    context = read_certificate(asked).context
    assert context.verify_mode is mode
    assert len(context.get_ca_certs()) == 1
    assert asked.paths == (files.cert, files.key, files.cert)
    assert read_certificate(files).context.verify_mode is ssl.CERT_NONE


@pytest.mark.parametrize(
    "content", [b"", pair().key, b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_file_without_authorities_is_told(files: TlsFiles, tmp_path: Path, content: bytes) -> None:
    authorities = tmp_path / "ca.pem"
    authorities.write_bytes(content)
    said = f"'{authorities}' holds no certificate authority in PEM (-----BEGIN CERTIFICATE-----)"
    assert trouble(TlsFiles(files.cert, files.key, authorities)) == ("client_ca_file", said)
