"""Guarantees of gateway/config/named_files.py: a value may come from a file, and only its name is told."""

from pathlib import Path

import pytest

from gateway.config.load import effective, load
from gateway.config.problems import ConfigError
from tests.unit.config.conftest import WHOLE, Problems, Read, at

SECRET = "s3cret-sk-0123456789"


def file(text: str | bytes, name: str = "given") -> str:
    """A file that holds this, by its whole name."""
    path = Path(name).absolute()
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


@pytest.mark.parametrize(
    ("name", "text", "path"),
    [
        ("KEYHATCH_SERVER__PROXY_FILE", "0.0.0.0:80", "server.proxy"),
        ("KEYHATCH_STORE_FILE", "memory:", "store.url"),
        ("KEYHATCH_STORE__URL_FILE", "memory:\r\n", "store.url"),
        ("KEYHATCH_LOGGING__LEVEL_FILE", "debug\n", "logging.level"),
        ("KEYHATCH_UPSTREAMS__AI__CREDENTIAL_FILE", SECRET, "upstreams.ai.credential"),
        ("KEYHATCH_UPSTREAMS__AI__TLS__CA_FILE_FILE", "ca.pem", "upstreams.ai.tls.ca_file"),
        ("KEYHATCH_UPSTREAM_FILE", "http://b\n", "upstreams.ai.url"),
        ("KEYHATCH_PRESET_FILE", "ollama", "upstreams.ai.preset"),
    ],
)
def test_a_value_comes_from_the_file_that_its_variable_names(
    read: Read, name: str, text: str, path: str
) -> None:
    given = file(text)
    plain = read(WHOLE, {name.removesuffix("_FILE"): text.rstrip()}).settings
    loaded = read(WHOLE, {name: given})
    assert loaded.settings == plain
    assert loaded.origins[path] == f"{name} ({given})"
    assert at(loaded, path) == f"${{file:{given}}}"
    assert SECRET not in repr(loaded)
    assert Path(given) in loaded.files


def test_what_is_shown_loads_to_the_same_settings(read: Read) -> None:
    named = {"KEYHATCH_UPSTREAMS__AI__CREDENTIAL_FILE": file(SECRET, "given")}
    loaded = read(WHOLE, named)
    shown = effective(loaded)
    assert shown["upstreams"]["ai"]["credential"].startswith("${file:/")
    again = read(
        f"{WHOLE}".replace("{url:", f"{{credential: '{shown['upstreams']['ai']['credential']}', url:")
    )
    assert again.settings == loaded.settings


def test_a_new_upstream_may_have_its_credential_in_a_file(read: Read) -> None:
    given = {"KEYHATCH_UPSTREAM": "http://b", "KEYHATCH_UPSTREAMS__DEFAULT__CREDENTIAL_FILE": file(SECRET)}
    loaded = load(None, given, {})
    assert loaded.settings.upstreams["default"].credential == SECRET


def test_only_the_end_of_the_last_line_is_dropped(read: Read) -> None:
    given = {"KEYHATCH_UPSTREAMS__AI__CREDENTIAL_FILE": file(f"{SECRET}\n\n")}
    with pytest.raises(ConfigError, match="must be one line") as refused:
        read(WHOLE, given)
    assert SECRET not in str(refused.value)


def test_an_empty_file_is_no_null(problems: Problems) -> None:
    variable, given = "KEYHATCH_UPSTREAMS__AI__CREDENTIAL_FILE", file("")
    (found,) = problems(WHOLE, {variable: given})
    assert found.startswith(f"{variable} ({given}): is empty: it has to be the credential")


@pytest.mark.parametrize("secret", [SECRET, SECRET * 20])
def test_a_secret_that_was_put_where_its_files_name_belongs_is_not_repeated(read: Read, secret: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(WHOLE, {"KEYHATCH_UPSTREAMS__AI__CREDENTIAL_FILE": secret})
    (told,) = map(str, refused.value.problems)
    assert told.startswith("KEYHATCH_UPSTREAMS__AI__CREDENTIAL_FILE: names no file that is there; ")
    assert SECRET not in repr(refused.value.__dict__)


def test_a_relative_name_counts_from_where_the_gateway_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/config.yaml").write_text(WHOLE)
    file("debug", "level")
    loaded = load(Path("etc/config.yaml"), {"KEYHATCH_LOGGING__LEVEL_FILE": "level"}, {})
    assert loaded.settings.logging.level == "debug"
    assert loaded.files == (Path("etc/config.yaml"), tmp_path / "level")


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        ({"KEYHATCH_STORE_FILE": "/gone"}, "KEYHATCH_STORE_FILE: there is no file '/gone'"),
        ({"KEYHATCH_UPSTREAM_FILE": "./gone"}, "KEYHATCH_UPSTREAM_FILE: there is no file './gone'"),
        ({"KEYHATCH_STORE_FILE": "large"}, "KEYHATCH_STORE_FILE: the file 'large' is larger than 64KiB"),
        ({"KEYHATCH_STORE_FILE": "binary"}, "KEYHATCH_STORE_FILE: the file 'binary' is not UTF-8 text"),
        ({"KEYHATCH_STORE_FILE": ""}, "KEYHATCH_STORE_FILE: names no file: leave it out, or give it one"),
        ({"KEYHATCH_STORE_FILE": "\udcff"}, "KEYHATCH_STORE_FILE: is not UTF-8 text"),
        (
            {"KEYHATCH_STORE_FILE": "memory", "KEYHATCH_STORE": "memory:"},
            "KEYHATCH_STORE_FILE: KEYHATCH_STORE is set too: leave one of them out",
        ),
        (
            {"KEYHATCH_LIMITS__BODY_FILE": "memory", "KEYHATCH_LIMITS__BODY": ""},
            "KEYHATCH_LIMITS__BODY_FILE: KEYHATCH_LIMITS__BODY is set too: leave one of them out",
        ),
        (
            {"KEYHATCH_UPSTREAM_FILE": "memory", "KEYHATCH_UPSTREAM": "http://b"},
            "KEYHATCH_UPSTREAM_FILE: KEYHATCH_UPSTREAM is set too: leave one of them out",
        ),
        (
            {"KEYHATCH_SERVER__TRUSTED_PROXIES_FILE": "memory"},
            "KEYHATCH_SERVER__TRUSTED_PROXIES_FILE: cannot be: a list stands in the variable itself",
        ),
        (
            {"KEYHATCH_CONFIG_FILE": "memory"},
            "KEYHATCH_CONFIG_FILE: unknown variable; did you mean 'KEYHATCH_CONFIG'?",
        ),
        (
            {"KEYHATCH_STOER_FILE": "memory"},
            "KEYHATCH_STOER_FILE: unknown variable; did you mean 'KEYHATCH_STORE'?",
        ),
        (
            {"KEYHATCH_SERVER__PROXY_FILE": "memory"},
            "KEYHATCH_SERVER__PROXY_FILE (memory): must be HOST:PORT, like 127.0.0.1:8080 or '[::1]:8080'",
        ),
        (
            {"KEYHATCH_LOGGING__LEVEL_FILE": "secret"},
            "KEYHATCH_LOGGING__LEVEL_FILE (secret): must be 'debug', 'info', 'warning' or 'error'",
        ),
    ],
)
def test_what_is_wrong_names_the_variable_and_the_file_and_nothing_in_it(
    problems: Problems, environ: dict[str, str], problem: str
) -> None:
    file("memory:", "memory")
    file("debgu", "secret")
    file("x" * 70_000, "large")
    file(b"\xff\xfe", "binary")
    assert problems(WHOLE, environ) == [problem]


def test_the_short_variable_that_an_image_sets_may_be_emptied_for_a_file(read: Read) -> None:
    loaded = read(WHOLE, {"KEYHATCH_STORE": "", "KEYHATCH_STORE_FILE": file("memory:")})
    assert loaded.store_path is None


def test_the_vaults_key_file_is_an_option_of_its_own(read: Read) -> None:
    loaded = read(WHOLE, {"KEYHATCH_VAULT__KEY_FILE": "vault.key"})
    assert (loaded.settings.vault.key_file, loaded.settings.vault.key) == ("vault.key", None)
    assert loaded.vault_key_path == Path("vault.key")


def test_a_flag_is_louder_than_a_file(read: Read) -> None:
    loaded = read(WHOLE, {"KEYHATCH_UPSTREAM_FILE": "gone"}, {"upstream": "http://c"})
    assert str(loaded.settings.upstreams["ai"].url) == "http://c"
