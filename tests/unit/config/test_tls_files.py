"""Guarantees of gateway/config/tls_files.py: what is broken is told before it is put in force."""

import ssl
from pathlib import Path
from typing import Any

import pytest

from gateway.config.load import load
from gateway.config.problems import ConfigError
from gateway.config.target_sections import UpstreamTlsSettings
from gateway.config.tls_files import UnusableError, client_context
from tests.support.authority import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def context(folder: Path, **written: Any) -> ssl.SSLContext | None:
    return client_context(UpstreamTlsSettings.model_validate(written), folder)


def test_without_files_there_is_nothing_to_make(tmp_path: Path) -> None:
    assert context(tmp_path) is None
    assert context(tmp_path, server_name="ai.test") is None


def test_an_authority_of_ones_own_takes_the_place_of_the_systems(
    tmp_path: Path, authority: Authority
) -> None:
    made = context(tmp_path, ca_file=authority.ca_file.name)
    assert made is not None
    assert [each["subject"] for each in made.get_ca_certs()] == [((("commonName", "test authority"),),)]
    assert (made.verify_mode, made.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_a_certificate_may_hold_its_key(tmp_path: Path, authority: Authority) -> None:
    pair = authority.sign("gate")
    both = tmp_path / "both.pem"
    both.write_bytes(pair.cert_file.read_bytes() + pair.key_file.read_bytes())
    assert context(tmp_path, cert_file="both.pem") is not None
    assert context(tmp_path, cert_file="gate.pem", key_file="gate.key") is not None


NONE = "holds no certificate and key in PEM form"


@pytest.mark.parametrize(
    ("written", "field", "message"),
    [
        pytest.param({"ca_file": "gone"}, "ca_file", "cannot be read: No such file or directory", id="gone"),
        pytest.param({"ca_file": "a\0b"}, "ca_file", "cannot be read: embedded null byte", id="nul"),
        pytest.param({"ca_file": "text"}, "ca_file", "holds no certificate in PEM form", id="no-authority"),
        pytest.param({"ca_file": "empty"}, "ca_file", "holds no certificate in PEM form", id="empty"),
        pytest.param(
            {"cert_file": "gone"}, "cert_file", "cannot be read: No such file or directory", id="cert"
        ),
        pytest.param({"cert_file": "text"}, "cert_file", NONE, id="no-cert"),
        pytest.param({"cert_file": "gate.pem"}, "cert_file", NONE, id="no-key-in-it"),
        pytest.param(
            {"cert_file": "gate.pem", "key_file": "gone"},
            "key_file",
            "cannot be read: No such file or directory",
            id="key",
        ),
        pytest.param(
            {"cert_file": "gate.pem", "key_file": "text"},
            "key_file",
            "is no key in PEM form, or cert_file holds no certificate",
            id="no-key",
        ),
        pytest.param(
            {"cert_file": "gate.pem", "key_file": "other.key"},
            "key_file",
            "is not the key of the certificate in cert_file",
            id="other-key",
        ),
        pytest.param(
            {"cert_file": "locked.pem", "key_file": "locked.key"},
            "key_file",
            "is encrypted: write the key without a passphrase, readable by its user alone",
            id="encrypted",
        ),
    ],
)
def test_what_is_broken_is_told_in_words_with_its_field(
    tmp_path: Path, authority: Authority, written: dict[str, str], field: str, message: str
) -> None:
    authority.sign("gate")
    authority.sign("other")
    authority.sign("locked", passphrase=b"s3cret")
    (tmp_path / "text").write_text("hello")
    (tmp_path / "empty").write_text("")
    with pytest.raises(UnusableError) as refused:
        context(tmp_path, **written)
    assert (refused.value.field, str(refused.value)) == (field, message)


def test_a_broken_file_is_a_problem_of_the_configuration_for_whoever_serves_by_it(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        "upstreams:\n  ai:\n    url: https://ai.test\n    tls: {ca_file: gone.pem}\n"
        "routes: [{id: a, path: /**, upstream: ai, scopes: []}]\n"
    )
    assert load(path, {}, {}, need_upstream=False).settings.upstreams["ai"].tls.ca_file == "gone.pem"
    with pytest.raises(ConfigError) as refused:
        load(path, {}, {})
    (problem,) = refused.value.problems
    assert str(problem) == (
        f"{path}:4:20: upstreams.ai.tls.ca_file: cannot be read: No such file or directory"
    )


def test_whole_files_are_no_problem(tmp_path: Path, authority: Authority) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        f"upstreams: {{ai: {{url: https://ai.test, tls: {{ca_file: {authority.ca_file.name}}}}}}}\n"
        "routes: [{id: a, path: /**, upstream: ai, scopes: []}]\n"
    )
    assert load(path, {}, {}, need_upstream=True).settings.upstreams["ai"].tls.needs_files
