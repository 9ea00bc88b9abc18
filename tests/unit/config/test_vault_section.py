"""Credentials of upstreams and the vault's key, as they are written: read strictly, repeated nowhere."""

import base64

import pytest
from pydantic import ValidationError

from gateway.config.problems import Unfit
from gateway.config.upstream_sections import UpstreamSettings
from gateway.config.vault_section import (
    CREDENTIAL_CHARS_MAX,
    VaultSettings,
    read_credential,
    read_credential_name,
    read_credential_place,
    read_vault_key,
    vault_key_of,
)
from tests.unit.config.conftest import Problems, Read

KEY = base64.b64encode(bytes(range(32))).decode()
ODD = base64.b64encode(bytes([255] * 32)).decode()


@pytest.mark.parametrize("text", ["sk-1", "user:pass word", "vault:openai", "vault:a-b_c", "x"])
def test_a_credential_is_text_or_names_one_of_the_vault(text: str) -> None:
    assert read_credential(text) == text


def test_no_credential_is_none() -> None:
    assert read_credential(None) is None


@pytest.mark.parametrize(
    "value",
    [
        "",
        12,
        " sk-1",
        "sk-1 ",
        "sk-1\nX-Admin: 1",
        "sk-1\0",
        "sk-ä",
        "Bearer sk-1",
        "BASIC dTpw",
        "vault:",
        "vault:Open AI",
        "x" * (CREDENTIAL_CHARS_MAX + 1),
    ],
    ids=repr,
)
def test_a_text_that_no_server_could_be_sent_is_refused_and_not_repeated(value: object) -> None:
    with pytest.raises(Unfit) as refusal:
        read_credential(value)
    assert not str(value) or str(value).strip() not in str(refusal.value)


@pytest.mark.parametrize(("name", "is_good"), [("openai", True), ("a--b", False), ("A", False), (1, False)])
def test_a_name_is_like_that_of_an_upstream(name: object, is_good: bool) -> None:
    if is_good:
        assert read_credential_name(name) == name
        return
    with pytest.raises(Unfit):
        read_credential_name(name)


@pytest.mark.parametrize(
    ("written", "place"), [("bearer", "bearer"), ("Basic", "basic"), ("X-API-Key", "x-api-key")]
)
def test_its_place_is_a_scheme_or_a_header(written: str, place: str) -> None:
    assert read_credential_place(written) == place


@pytest.mark.parametrize(
    "written",
    [
        None,
        "",
        "x_api_key",
        "x api",
        "host",
        "Connection",
        "content-length",
        "cookie",
        "X-Keyhatch-Owner",
        "x-forwarded-for",
        "x-forwarded-anything",
        "forwarded",
        "sec-websocket-key",
        "transfer-encoding",
    ],
    ids=repr,
)
def test_a_header_that_means_something_else_is_none(written: object) -> None:
    with pytest.raises(Unfit):
        read_credential_place(written)


def test_a_vault_key_is_exactly_32_bytes_in_base64() -> None:
    assert read_vault_key(KEY) == KEY
    assert vault_key_of(KEY) == bytes(range(32))
    assert read_vault_key(None) is None


@pytest.mark.parametrize(
    "value",
    [
        "",
        1,
        KEY[:-1],
        KEY + "\n",
        f" {KEY}",
        KEY.replace("=", "") + "A",
        base64.b64encode(b"short").decode(),
        ODD.replace("/", "_"),
        KEY[:-2] + "9=",
        "ä" * 44,
    ],
    ids=repr,
)
def test_whatever_else_is_no_vault_key(value: object) -> None:
    with pytest.raises(Unfit, match="32 random bytes"):
        read_vault_key(value)


def test_only_one_key_can_be_said() -> None:
    with pytest.raises(ValidationError, match="leave one out"):
        VaultSettings.model_validate({"key_file": "vault.key", "key": KEY})


def test_no_repr_holds_a_secret() -> None:
    upstream = UpstreamSettings.model_validate({"url": "http://a", "credential": "sk-real"})
    assert "sk-real" not in repr(upstream)
    assert KEY not in repr(VaultSettings.model_validate({"key": KEY}))


def test_problems_do_not_repeat_what_may_be_a_secret(problems: Problems) -> None:
    text = "vault: {key: hunter2}\nupstreams: {a: {url: http://a, credential: 'Bearer hunter2'}}"
    found = problems(text)
    assert len(found) == 2
    assert "hunter2" not in "".join(found)


def test_the_key_file_lies_beside_the_file_that_names_it(read: Read) -> None:
    assert read("vault: {key_file: keys/vault.key}").vault_key_path == read("").base_dir / "keys/vault.key"
    named = read("", {"KEYHATCH_VAULT__KEY_FILE": "vault.key"}).vault_key_path
    assert str(named) == "vault.key"
    assert read("").vault_key_path is None
