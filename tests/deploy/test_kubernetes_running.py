"""Guarantees of deploy/kubernetes that take a running gateway: its probes, and a ConfigMap that changes.

The configuration lies as the kubelet lays it: `config.yaml` is a link through `..data`, which is turned to
another folder when the ConfigMap changes.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.admin.health import CHECK_DEADLINE_S
from tests.support.kustomize import SOURCE
from tests.support.running_gateway import Home, RunningGateway, eventually

CONTAINER: dict[str, Any] = yaml.safe_load((SOURCE / "base/gateway.yaml").read_text())["spec"]["template"][
    "spec"
]["containers"][0]
CONFIG = (SOURCE / "base/config.yaml").read_text()


def lay(folder: Path, version: str, config: str) -> None:
    """Write the ConfigMap's files as the kubelet does: whole, by turning one link."""
    (folder / version).mkdir()
    (folder / version / "config.yaml").write_text(config)
    (folder / "..next").symlink_to(version)
    (folder / "..next").rename(folder / "..data")
    if not (folder / "config.yaml").is_symlink():
        (folder / "config.yaml").symlink_to("..data/config.yaml")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("config")


@pytest.fixture(scope="module")
def running(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    lay(folder, "..1", CONFIG)
    store = tmp_path_factory.mktemp("data") / "keyhatch.db"
    ports = ("--proxy", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--store", f"sqlite:///{store}")
    with Home(folder).serve(*ports) as gateway:
        yield gateway


@pytest.mark.parametrize("name", ["startupProbe", "livenessProbe", "readinessProbe"])
def test_a_probe_is_answered_on_its_port(running: RunningGateway, name: str) -> None:
    asked = CONTAINER[name]["httpGet"]
    ports = {"proxy": running.port, "admin": running.admin_port}
    assert running.ask_admin("/healthz").status == 200
    answer = running.ask_admin(
        asked["path"], headers={"Host": "10.244.1.7:8081", "User-Agent": "kube-probe/1.37"}
    )
    assert (answer.status, ports[asked["port"]]) == (200, running.admin_port)


def test_the_readiness_probe_waits_longer_than_a_check_may_take() -> None:
    assert CONTAINER["readinessProbe"]["timeoutSeconds"] > CHECK_DEADLINE_S


def test_a_changed_config_map_is_read_anew_and_nothing_is_restarted(
    running: RunningGateway, folder: Path
) -> None:
    assert running.ask("/hello").reason == "credential_missing"
    lay(folder, "..2", CONFIG.replace("path: /**", "path: /v2/**"))
    eventually(lambda: running.ask("/hello").reason == "no_route", "the new routes are in force", 15)
    assert running.process.poll() is None
