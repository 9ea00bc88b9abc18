"""Guarantees of gateway/config/certificates.py: a certificate that does not work is told at its line."""

from pathlib import Path

import pytest

from gateway.tls.files import TlsFiles
from tests.support.tls_caller import write_pair
from tests.unit.config.conftest import WHOLE, Problems, Read

TLS = "server: {tls: {cert_file: gate.crt, key_file: gate.key}}\n"


def test_without_tls_there_are_no_files(read: Read) -> None:
    assert read(WHOLE, need_upstream=True).tls_files is None


def test_files_are_relative_to_the_configuration(read: Read, tmp_path: Path) -> None:
    write_pair(tmp_path)
    assert read(WHOLE + TLS, need_upstream=True).tls_files == TlsFiles(Path("gate.crt"), Path("gate.key"))


def test_what_a_variable_says_is_relative_to_where_one_is(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_pair(tmp_path)
    text = WHOLE + "server: {tls: {cert_file: /nowhere/x, key_file: gate.key, client_ca_file: gate.crt}}\n"
    loaded = read(text, {"KEYHATCH_SERVER__TLS__CERT_FILE": "gate.crt"}, need_upstream=True)
    assert loaded.tls_files == TlsFiles(Path("gate.crt"), Path("gate.key"), Path("gate.crt"))


def test_a_file_that_is_not_there_is_a_problem_at_its_line(problems: Problems) -> None:
    assert problems(WHOLE + TLS, need_upstream=True) == [
        "config.yaml:6:27: server.tls.cert_file: there is no file 'gate.crt'"
    ]


def test_a_path_from_a_variable_is_not_repeated(problems: Problems) -> None:
    text = WHOLE + 'server: {tls: {cert_file: "${WHERE}", key_file: gate.key}}\n'
    (told,) = problems(text, {"WHERE": "/hidden/place.pem"}, need_upstream=True)
    assert told == "config.yaml:6:27: server.tls.cert_file: there is no file '${WHERE}'"


def test_who_only_uses_the_store_is_not_asked_for_the_certificate(read: Read) -> None:
    assert read(WHOLE + TLS).tls_files is not None
