"""Guarantees of gateway/service/lending.py: what is written of a credential is what its upstream is lent."""

from typing import Any

import pytest

from gateway.config.upstream_sections import UpstreamSettings
from gateway.service.lending import PROVIDERS, injection_of, nothing, vault_name
from gateway.wire.injection import Injection, injected


def written(**options: Any) -> UpstreamSettings:
    return UpstreamSettings.model_validate({"url": "http://a", **options})


def test_an_upstream_that_asks_for_nothing_is_lent_nothing() -> None:
    assert injection_of(written(), nothing) is None
    assert vault_name(written()) is None


def test_a_text_is_lent_as_it_is() -> None:
    upstream = written(credential="sk-1", credential_in="X-API-Key", pass_caller_credential="on")
    assert injection_of(upstream, nothing) == Injection(injected("sk-1", "x-api-key"), passes_callers=True)
    assert vault_name(upstream) is None


def test_a_name_is_looked_up_in_the_vault() -> None:
    upstream = written(credential="vault:openai")
    assert vault_name(upstream) == "openai"
    assert injection_of(upstream, {"openai": "sk-1"}.get) == Injection(injected("sk-1", "bearer"))


@pytest.mark.parametrize("told", [None, "", "sk-1\r\nX-Admin: 1", "sk-ä"], ids=repr)
def test_what_cannot_be_told_or_sent_locks_the_upstream(told: str | None) -> None:
    assert injection_of(written(credential="vault:openai"), lambda _: told) == Injection(())


@pytest.mark.parametrize("preset", sorted(PROVIDERS))
def test_a_provider_is_sent_no_cookies(preset: str) -> None:
    injection = injection_of(written(credential="sk-1", preset=preset), nothing)
    assert injection is not None
    assert not injection.keeps_cookies
