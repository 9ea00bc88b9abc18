"""Guarantees of gateway/service/targets.py: targets are where they were written, and survive a reload."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway.config.upstream_sections import UpstreamSettings
from gateway.metrics.sources import TargetCounted
from gateway.service.targets import check_of, eject_of, hand_on, targets_of, targets_told
from gateway.wire.targets import Check, Eject, State, UpstreamTarget
from gateway.wire.upstream import Upstream
from tests.support.authority import Authority


def written(**section: Any) -> UpstreamSettings:
    return UpstreamSettings.model_validate(section)


def test_a_single_url_is_one_target_with_the_upstreams_name() -> None:
    assert targets_of("ai", written(url="http://[::1]:1"), Path()) == (
        UpstreamTarget("ai", "http", "::1", 1),
    )


def test_a_unix_socket_is_called_localhost() -> None:
    (only,) = targets_of("ai", written(url="unix:///run/app.sock"), Path())
    assert (only.path, only.authority, only.scheme) == ("/run/app.sock", "localhost", "http")


def test_all_https_targets_are_secured_alike_and_no_other(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls = {"ca_file": authority.ca_file.name, "server_name": "ai.test"}
    places = {"a": "https://10.0.0.1", "b": "https://10.0.0.2:8443", "c": "http://10.0.0.3"}
    a, b, c = targets_of("ai", written(targets=places, tls=tls), tmp_path)
    assert a.tls is not None
    assert a.tls is b.tls
    assert a.tls.server_name == "ai.test"
    assert a.tls.context is not None
    assert c.tls is None
    assert [each.port for each in (a, b, c)] == [443, 8443, 80]


def test_a_name_alone_needs_no_context_of_its_own() -> None:
    (only,) = targets_of("ai", written(url="https://10.0.0.1", tls={"server_name": "ai.test"}), Path())
    assert only.tls is not None
    assert (only.tls.context, only.tls.server_name) == (None, "ai.test")


def test_health_and_ejection_are_as_written() -> None:
    settings = written(
        url="http://a",
        health={"path": "/up", "every": "1s", "timeout": "2s", "rise": 3, "fall": 4},
        eject={"failures": 5, "for": "6s"},
    )
    assert check_of(settings.health) == Check("/up", 1.0, 2.0, 3, 4)
    assert eject_of(settings) == Eject(5, 6.0)
    assert check_of(None) is None


def test_what_is_known_is_handed_on_and_what_checks_found_is_forgotten_with_them() -> None:
    check = Check("/", fall=1)
    before = Upstream("ai", "http", "a", 1, check=check)
    hand_on({"ai": before}, {}, 1.0)
    standing = before.crew.standings[0]
    standing.checked(2.0, check, "503")
    standing.drain(2.0, drained=True)
    same = Upstream("ai", "http", "a", 1, check=check)
    hand_on({"ai": same, "new": Upstream("new", "http", "b", 1)}, {"ai": before}, 3.0)
    assert same.crew.standings[0] is standing
    assert standing.is_down
    after = replace(same, check=None)
    hand_on({"ai": after}, {"ai": same}, 4.0)
    assert (standing.is_down, standing.state) == (False, State.DRAINED)


def test_the_metrics_are_told_who_is_asked_as_usual() -> None:
    targets = tuple(UpstreamTarget(name, "http", name, 80) for name in "abc")
    upstream = Upstream("ai", "http", "a", 80, targets=targets)
    a, b, _ = upstream.crew.standings
    a.drain(0.0, drained=True)
    for _ in range(3):
        b.failed(0.0, Eject(), "refused")
    assert targets_told({"ai": upstream}) == [
        TargetCounted("ai", "a", is_up=False, ejections=0),
        TargetCounted("ai", "b", is_up=False, ejections=1),
        TargetCounted("ai", "c", is_up=True, ejections=0),
    ]
