"""Guarantees of gateway/cli/tls.py: a pair that serves at once, never over another's files."""

import json
import os
import socket
import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509

from gateway.cli.tls import own_names, write
from gateway.tls.files import TlsFiles, read_certificate
from tests.unit.cli.command_line import NOW, CommandLine

FILES = TlsFiles(Path("keyhatch.crt"), Path("keyhatch.key"))


def names(cert: Path) -> list[str]:
    """Whom the certificate is for."""
    found = x509.load_pem_x509_certificate(cert.read_bytes()).extensions
    spoken = found.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(each.value) for each in spoken]


def test_what_it_makes_can_be_served_with(line: CommandLine) -> None:
    result = line("tls", "self-signed")
    assert result.exit_code == 0
    certificate = read_certificate(FILES)
    assert result.stdout == f"{certificate.fingerprint}\n"
    assert certificate.validity.begins_at < NOW < NOW + 396 * 86_400 < certificate.validity.ends_at
    assert "tls: {cert_file: keyhatch.crt, key_file: keyhatch.key}" in result.stderr
    assert stat.S_IMODE(FILES.key.stat().st_mode) == 0o600
    assert {"localhost", "127.0.0.1", "::1"} <= set(names(FILES.cert))
    assert "PRIVATE" not in result.output


def test_further_names_come_first_and_are_written_as_certificates_write_them(line: CommandLine) -> None:
    asked = ["Gate.Home", "bücher.example", "*.home", "192.168.1.7", "[fd00::1]", "gate.home"]
    flags = [part for name in asked for part in ("--name", name)]
    assert line("tls", "self-signed", *flags, "--days", "2").exit_code == 0
    expected = ["gate.home", "xn--bcher-kva.example", "*.home", "192.168.1.7", "fd00::1", "localhost"]
    assert names(FILES.cert)[:6] == expected
    assert read_certificate(FILES).validity.ends_at == NOW + 2 * 86_400


@pytest.mark.parametrize("name", ["", "a b", "http://gate.home", "gate.home:8080", "x" * 300])
def test_what_is_no_name_is_a_usage_error(line: CommandLine, name: str) -> None:
    result = line("tls", "self-signed", "--name", name)
    assert result.exit_code == 2
    assert "neither the name of a host nor an address" in result.stderr
    assert not FILES.cert.exists()


@pytest.mark.parametrize("there", ["keyhatch.crt", "keyhatch.key"])
def test_nothing_is_replaced_unless_it_was_said(line: CommandLine, there: str) -> None:
    Path(there).write_text("precious")
    result = line("tls", "self-signed")
    assert result.exit_code == 1
    assert f"{there} is there already: --force replaces it" in result.stderr
    assert Path(there).read_text() == "precious"
    assert sorted(path.name for path in Path().iterdir()) == [there]
    assert line("tls", "self-signed", "--force").exit_code == 0
    assert line("tls", "self-signed", "--yes").exit_code == 0
    assert "localhost" in names(FILES.cert)


def test_one_file_cannot_hold_both(line: CommandLine) -> None:
    result = line("tls", "self-signed", "--cert", "x", "--key", "./x")
    assert result.exit_code == 2
    assert not Path("x").exists()


def test_programs_are_told_as_json(line: CommandLine) -> None:
    told = json.loads(line("tls", "self-signed", "--cert", "a.crt", "--key", "b.key", "-o", "json").stdout)
    assert (told["cert_file"], told["key_file"], told["expires_at"]) == (
        "a.crt",
        "b.key",
        "2028-02-16T08:00:00Z",
    )
    assert "localhost" in told["names"]
    assert told["sha256"] == read_certificate(TlsFiles(Path("a.crt"), Path("b.key"))).fingerprint


def test_a_client_that_was_given_it_trusts_it(line: CommandLine) -> None:
    assert line("tls", "self-signed", "-o", "json").exit_code == 0
    assert len(ssl.create_default_context(cafile=str(FILES.cert)).get_ca_certs()) == 1


def test_a_machine_without_a_network_knows_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> None:
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", gone)
    monkeypatch.setattr(socket, "socket", gone)
    monkeypatch.setattr(socket, "gethostname", lambda: "Pi")
    monkeypatch.setattr(socket, "getfqdn", lambda: "no name at all")
    assert list(own_names()) == ["localhost", "pi", "pi.local", "127.0.0.1", "::1"]


def test_a_name_with_a_dot_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "pi.example")
    monkeypatch.setattr(socket, "getfqdn", lambda: "pi.example")
    assert list(own_names())[:3] == ["localhost", "pi.example", "pi.example"]


def test_a_file_that_cannot_be_written_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write(tmp_path / "x", b"y", 0o600)
    assert list(tmp_path.iterdir()) == []
