"""There is no invalid `Settings`, and plain Python values make one as YAML would."""

import pytest
from pydantic import ValidationError

from gateway.config.model import RULES_BROKEN, Settings
from gateway.config.sections import KeySettings, LimitSettings, LogSettings, ServerSettings, StoreSettings
from gateway.config.vault_section import VaultSettings
from gateway.demo.settings import demo_settings

ROUTE = {"id": "r", "path": "/", "upstream": "ai", "scopes": []}
AI = {"ai": {"url": "http://a"}}


def test_defaults_serve_nobody() -> None:
    settings = Settings.model_validate({})
    assert {name: getattr(settings, name) for name in Settings.model_fields} == {
        "server": ServerSettings(),
        "store": StoreSettings(),
        "vault": VaultSettings(),
        "keys": KeySettings(),
        "logging": LogSettings(),
        "limits": LimitSettings(),
        "scopes": {},
        "upstreams": {},
        "routes": (),
    }


def test_a_section_with_nothing_under_it_means_its_defaults() -> None:
    empty = dict.fromkeys(Settings.model_fields)
    assert Settings.model_validate(empty) == Settings()


def test_every_section_has_its_entry_in_the_manual() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_plain_values_are_enough() -> None:
    settings = Settings.model_validate({"scopes": {"a:b": None}, "upstreams": AI, "routes": [ROUTE]})
    assert settings.scopes == {"a:b": ""}
    assert settings.upstreams["ai"].url == "http://a"
    assert settings.upstreams["ai"].timeouts.connect_s == 5.0
    assert settings.routes[0].scopes == ()


def test_the_demo_is_a_valid_configuration() -> None:
    settings = Settings.model_validate(demo_settings("http://127.0.0.1:1"))
    assert len(settings.routes) == 6


def test_no_settings_break_a_rule() -> None:
    broken = [{**ROUTE, "upstream": "gone"}, {**ROUTE, "path": "/x"}]
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate({"upstreams": AI, "routes": broken})
    (error,) = refused.value.errors()
    assert error["type"] == RULES_BROKEN
    assert error["msg"] == (
        "routes[0].upstream: there is no upstream 'gone'; routes[1].id: 'r' is already the id of routes[0]"
    )


def test_an_error_shows_no_value() -> None:
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate({"keys": {"prefix": "SECRET"}})
    assert "SECRET" not in str(refused.value)
