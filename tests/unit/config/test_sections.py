"""Each part of a configuration holds to its own rules, and its defaults are those of the manual."""

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.config.fields import Address
from gateway.config.route_sections import AnonymousSettings, RouteSettings
from gateway.config.sections import (
    KeySettings,
    LimitSettings,
    LogSettings,
    Section,
    ServerSettings,
    StoreSettings,
    TlsSettings,
)
from gateway.config.upstream_sections import TimeoutSettings, UpstreamSettings

SECTIONS: list[type[Section]] = [
    AnonymousSettings,
    KeySettings,
    LimitSettings,
    LogSettings,
    RouteSettings,
    ServerSettings,
    StoreSettings,
    TimeoutSettings,
    TlsSettings,
    UpstreamSettings,
]


def refusals(section: type[Section], written: dict[str, Any]) -> list[str]:
    """What is wrong, error by error; a default that was not reached behind one is none."""
    with pytest.raises(ValidationError) as refused:
        section.model_validate(written)
    told = [error for error in refused.value.errors() if error["type"] != "default_factory_not_called"]
    return [str(error.get("ctx", {}).get("error", error["type"])) for error in told]


@pytest.mark.parametrize(
    ("section", "defaults"),
    [
        (
            ServerSettings,
            {
                "proxy": Address("127.0.0.1", 8080),
                "names": (),
                "admin": Address("127.0.0.1", 8081),
                "admin_names": (),
                "plane": "lean",
                "trusted_proxies": (),
                "tls": TlsSettings(),
                "watch_config": False,
            },
        ),
        (
            TlsSettings,
            {
                "cert_file": None,
                "key_file": None,
                "client_ca_file": None,
                "client_cert": "required",
                "min_version": "1.2",
                "admin": False,
            },
        ),
        (StoreSettings, {"url": "sqlite:///keyhatch.db"}),
        (
            KeySettings,
            {
                "prefix": "kh",
                "default_expiry_s": 7_776_000.0,
                "max_active_per_owner": 50,
                "last_used_flush_s": 1.0,
                "signed_url_max_s": 3_600.0,
                "usage_kept_s": 34_560_000.0,
            },
        ),
        (LogSettings, {"level": "info", "format": "auto", "access": True}),
        (
            LimitSettings,
            {
                "head_bytes_max": 32_768,
                "fields_max": 100,
                "target_bytes_max": 8_192,
                "body_bytes_max": None,
                "head_timeout_s": 10.0,
                "idle_timeout_s": 75.0,
                "connections_max": 16_384,
                "connections_per_peer_max": 256,
            },
        ),
        (TimeoutSettings, {"connect_s": 5.0, "first_byte_s": 600.0, "idle_s": 300.0}),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_what_is_left_out_has_the_default_of_the_manual(
    section: type[Section], defaults: dict[str, Any]
) -> None:
    assert dict(section.model_validate({})) == defaults
    assert dict(section.model_validate(None)) == defaults


@pytest.mark.parametrize("section", SECTIONS)
def test_every_field_has_its_entry_in_the_manual(section: type[Section]) -> None:
    assert [name for name, field in section.model_fields.items() if not field.description] == []


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_refuses_unknown_keys_and_never_changes(section: type[Section]) -> None:
    assert section.model_config.get("extra") == "forbid"
    assert section.model_config.get("frozen")


@pytest.mark.parametrize(
    ("written", "trouble"),
    [
        ({"cert_file": "x.pem"}, "needs key_file too: a certificate and its key come together"),
        ({"key_file": "x.pem"}, "needs cert_file too: a certificate and its key come together"),
        ({"admin": "on"}, "needs cert_file and key_file: keyhatch tls self-signed makes a pair"),
        ({"client_ca_file": "x.pem"}, "needs cert_file and key_file: keyhatch tls self-signed makes a pair"),
    ],
)
def test_half_of_tls_is_refused_rather_than_served_in_clear_text(
    written: dict[str, str], trouble: str
) -> None:
    assert refusals(TlsSettings, written) == [trouble]


def test_tls_is_on_with_a_pair() -> None:
    assert not TlsSettings().is_on
    assert TlsSettings.model_validate({"cert_file": "a", "key_file": "b", "admin": "on"}).is_on


def test_two_listeners_need_two_addresses() -> None:
    assert refusals(ServerSettings, {"proxy": "127.0.0.1:8081"}) == [
        "proxy and admin cannot share one address: give one of them another port"
    ]
    both_any = ServerSettings.model_validate({"proxy": "127.0.0.1:0", "admin": "127.0.0.1:0"})
    assert both_any.proxy == both_any.admin


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///keyhatch.db", "keyhatch.db"),
        ("sqlite:////var/keyhatch.db", "/var/keyhatch.db"),
        ("memory:", None),
    ],
)
def test_a_store_tells_its_file(url: str, path: str | None) -> None:
    assert StoreSettings.model_validate({"url": url}).path == path


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ({"head": "1023B"}, "must be 1KiB to 1MiB"),
        ({"head": "1025KiB"}, "must be 1KiB to 1MiB"),
        ({"target": "255B"}, "must be 256B to 1MiB"),
        ({"target": "33KiB"}, "is 33KiB, more than head (32KiB), which holds it"),
        ({"target": "2KiB", "head": "1KiB"}, "is 2KiB, more than head (1KiB), which holds it"),
        ({"fields": "0"}, "greater_than_equal"),
        ({"fields": "10001"}, "less_than_equal"),
    ],
    ids=str,
)
def test_a_limit_leaves_room_for_a_request(written: dict[str, Any], why: str) -> None:
    assert refusals(LimitSettings, written) == [why]


def test_limits_may_be_as_narrow_and_as_wide_as_is_sane() -> None:
    narrow = LimitSettings.model_validate({"head": "1KiB", "target": "1KiB", "fields": 1, "body": 0})
    assert (narrow.head_bytes_max, narrow.target_bytes_max, narrow.body_bytes_max) == (1024, 1024, 0)
    assert LimitSettings.model_validate({"head": "1MiB", "target": "256B"}).head_bytes_max == 1_048_576


@pytest.mark.parametrize(
    ("head", "target"), [("1KiB", 1_024), ("4KiB", 4_096), ("8KiB", 8_192), ("1MiB", 8_192)]
)
def test_a_target_that_is_left_out_never_exceeds_the_head(head: str, target: int) -> None:
    assert LimitSettings.model_validate({"head": head}).target_bytes_max == target


@pytest.mark.parametrize(
    ("text", "on"),
    [("on", True), ("OFF", False), ("yes", True), ("false", False), (True, True), (False, False)],
)
def test_a_switch_reads_every_spelling_of_yaml(text: object, *, on: bool) -> None:
    assert LogSettings.model_validate({"access": text}).access is on


def test_a_level_may_be_shouted() -> None:
    assert LogSettings.model_validate({"level": "DEBUG"}).level == "debug"


def test_a_signed_address_lives_a_day_at_most() -> None:
    assert KeySettings.model_validate({"signed_url_max": "24h"}).signed_url_max_s == 86_400.0
    with pytest.raises(ValidationError, match="must be at most 24h"):
        KeySettings.model_validate({"signed_url_max": "25h"})
