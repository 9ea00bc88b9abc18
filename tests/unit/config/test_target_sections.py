"""Guarantees of gateway/config/target_sections.py: what targets may be asked, and when they are left out."""

from typing import Any

import pytest

from gateway.config.problems import Unfit
from gateway.config.target_sections import (
    EjectSettings,
    HealthSettings,
    UpstreamTlsSettings,
    read_health_path,
)


@pytest.mark.parametrize("path", ["/", "/health", "/health?deep=1", "/%7e"])
def test_a_health_path_is_what_a_request_may_ask_for(path: str) -> None:
    assert HealthSettings.model_validate({"path": path}).path == path


@pytest.mark.parametrize("path", ["", "health", "http://a/", "/a b", "/é", "/a#b", "/a\r\nX: y", None])
def test_anything_else_is_refused(path: Any) -> None:
    with pytest.raises(Unfit, match="must be a path that begins with '/'"):
        read_health_path(path)


def test_what_is_left_out_has_the_default_of_the_manual() -> None:
    health, eject = HealthSettings(path="/"), EjectSettings()
    assert (health.every_s, health.timeout_s, health.rise, health.fall) == (5, 2, 2, 3)
    assert (eject.failures, eject.for_s) == (3, 10)
    assert not UpstreamTlsSettings().needs_files


@pytest.mark.parametrize("field", ["ca_file", "cert_file"])
def test_whoever_names_a_file_needs_it(field: str) -> None:
    assert UpstreamTlsSettings.model_validate({field: "x.pem"}).needs_files
