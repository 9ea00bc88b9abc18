"""Guarantees of gateway/cli/doctor/configuration.py: what opens more than most people want is named."""

from pathlib import Path
from typing import Any

import pytest

from gateway.cli.doctor import configuration
from gateway.cli.doctor.finding import State
from tests.unit.cli.doctor.patients import holding, patient, states

UPSTREAMS = {"main": {"url": "http://127.0.0.1:9"}}
ROUTE = {"id": "all", "path": "/**", "upstream": "main", "scopes": []}


def told(folder: Path, **sections: Any) -> list[str]:
    given = {"upstreams": UPSTREAMS, "routes": [ROUTE], **sections}
    found = list(configuration.look(patient(folder, **given)))
    assert State.FAIL not in states(found)
    return [str(each) for each in found if each.state is State.WARN]


def test_a_plain_configuration_is_well(tmp_path: Path) -> None:
    assert told(tmp_path) == []
    assert told(tmp_path, server={"proxy": "localhost:1", "admin": "[::1]:2"}) == []


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ({"upstreams": {}, "routes": []}, "nothing would be served"),
        (
            {"routes": [{"id": "all", "path": "/**", "upstream": "main", "public": True}]},
            "route all is public",
        ),
        ({"server": {"proxy": "0.0.0.0:8080"}}, "keys in clear text"),
        ({"server": {"proxy": "here.example:8080"}}, "keys in clear text"),
        ({"server": {"admin": "10.0.0.1:8081"}}, "127.0.0.1:8081 keeps it on this machine"),
        ({"server": {"trusted_proxies": ["0.0.0.0/0"]}}, "believes X-Forwarded-For from everybody"),
    ],
)
def test_what_is_too_open_is_warned_of(tmp_path: Path, sections: dict[str, Any], expected: str) -> None:
    [only] = told(tmp_path, **sections)
    assert expected in only


def test_without_an_upstream_a_gateway_that_runs_has_one_by_its_flags(tmp_path: Path) -> None:
    with holding(tmp_path / "keys.db"):
        assert told(tmp_path, upstreams={}, routes=[]) == []
