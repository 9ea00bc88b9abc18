"""Guarantees of deploy/compose*.yaml: valid, hardened, in step with the image and the gateway's options."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from gateway.config.load import Loaded, load
from gateway.config.quantities import read_duration
from gateway.service.gateway import STOP_S
from tests.arch.sources import ROOT, text
from tests.deploy import image
from tests.deploy.dashboard import PATH as DASHBOARD
from tests.deploy.dockerfile import instructions

FILES = ("deploy/compose.yaml", "deploy/compose.ollama.yaml")
SCHEMA = jsonschema_rs.validator_for(json.loads(text("tests/deploy/schemas/compose-spec.json")))
SECRETS = "/run/secrets/"
OTHERS = {"deploy/compose.yaml": "upstream", "deploy/compose.ollama.yaml": "ollama"}

Compose = dict[str, Any]


@pytest.fixture(params=FILES)
def file(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def compose(file: str) -> Compose:
    told: Compose = yaml.safe_load(text(file))
    return told


@pytest.fixture
def gateway(compose: Compose) -> Compose:
    told: Compose = compose["services"]["keyhatch"]
    return told


def configured(gateway: Compose, folder: Path) -> Loaded:
    """What the gateway in the container makes of its variables; its secrets are files that hold something."""
    said = {**image.VARIABLES, **gateway["environment"]}
    for name, value in said.items():
        if name.endswith("_FILE"):
            said[name] = str(folder / value.removeprefix(SECRETS))
            Path(said[name]).write_text("a-secret\n")
    return load(None, said, {})


def test_it_is_what_the_specification_allows(compose: Compose) -> None:
    assert [error.message for error in SCHEMA.iter_errors(compose)] == []


def test_a_typo_would_be_found(compose: Compose) -> None:
    compose["services"]["keyhatch"]["read_onyl"] = True
    assert not SCHEMA.is_valid(compose)


def test_the_gateway_takes_its_variables_and_finds_its_upstream(
    gateway: Compose, file: str, compose: Compose, tmp_path: Path
) -> None:
    loaded = configured(gateway, tmp_path)
    (upstream,) = loaded.settings.upstreams.values()
    assert upstream.url is not None
    host, _, port = str(upstream.url).removeprefix("http://").partition(":")
    assert host == OTHERS[file]
    told = compose["services"][host]
    assert port in (*told.get("command", ()), "11434")
    (warning,) = (
        loaded.warnings
    )  # that the image listens on every network, where only published ports lead to
    assert warning.file == "KEYHATCH_SERVER__ADMIN"


def test_its_secrets_are_files_that_it_is_given(compose: Compose, gateway: Compose) -> None:
    named = {value for name, value in gateway["environment"].items() if name.endswith("_FILE")}
    assert named == {f"{SECRETS}{name}" for name in gateway.get("secrets", ())}
    assert set(gateway.get("secrets", ())) == set(compose.get("secrets", ()))
    kept = [told["file"] for told in compose.get("secrets", {}).values()]
    assert all(path.startswith("./secrets/") for path in kept)
    assert "/deploy/secrets/" in text(".gitignore").splitlines()


def test_ports_and_volumes_are_those_of_the_image_and_only_this_machine_reaches_them(
    compose: Compose, gateway: Compose
) -> None:
    published = [port.rpartition(":") for port in gateway["ports"]]
    assert {int(inner) for _, _, inner in published} == set(image.PORTS.values())
    assert {outer for outer, _, _ in published} == {f"127.0.0.1:{port}" for port in image.PORTS.values()}
    (mount,) = gateway["volumes"]
    volume, _, place = mount.partition(":")
    assert (place, volume in compose["volumes"]) == (image.DATA, True)


def test_no_command_in_it_puts_a_secret_into_the_history_of_a_shell(file: str) -> None:
    assert "printf" not in text(file)
    assert "echo" not in text(file)


def test_nobody_reaches_the_server_but_through_the_gateway(
    compose: Compose, gateway: Compose, file: str
) -> None:
    other = compose["services"][OTHERS[file]]
    assert "ports" not in other
    (shared,) = other["networks"]
    assert shared in gateway["networks"]
    rest = [told for name, told in compose["services"].items() if name not in ("keyhatch", OTHERS[file])]
    assert all(shared not in told["networks"] for told in rest)
    assert file != "deploy/compose.yaml" or compose["networks"][shared] == {"internal": True}


def test_the_gateway_may_do_nothing_that_it_does_not_need(gateway: Compose) -> None:
    assert gateway["read_only"] is True
    assert gateway["cap_drop"] == ["ALL"]
    assert gateway["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "user", "devices", "network_mode", "pid"} & set(gateway)


def test_its_health_check_is_that_of_the_image_and_it_has_time_to_stop(gateway: Compose) -> None:
    (written,) = [rest for word, rest in instructions() if word == "HEALTHCHECK"]
    options, _, command = written.partition(" CMD ")
    told = dict(option.removeprefix("--").split("=") for option in options.split())
    check = gateway["healthcheck"]
    assert check["test"] == ["CMD", *json.loads(command)]
    assert {name.replace("_", "-"): str(value) for name, value in check.items() if name != "test"} == told
    assert read_duration(gateway["stop_grace_period"]) > STOP_S


def test_grafana_is_given_that_prometheus_and_the_dashboard() -> None:
    compose: Compose = yaml.safe_load(text("deploy/compose.yaml"))
    told = compose["services"]["grafana"]
    assert told["profiles"] == compose["services"]["prometheus"]["profiles"]
    assert all(port.startswith("127.0.0.1:") for port in told["ports"])
    given = {
        place: ROOT / "deploy" / source for source, place, *_ in (each.split(":") for each in told["volumes"])
    }
    assert given["/etc/grafana/provisioning"].is_dir()
    (source,) = yaml.safe_load(text("deploy/grafana/provisioning/datasources/prometheus.yaml"))["datasources"]
    (port,) = compose["services"]["prometheus"]["ports"]
    assert source["url"] == f"http://prometheus:{port.rpartition(':')[2]}"
    assert set(told["networks"]) & set(compose["services"]["prometheus"]["networks"])
    (provider,) = yaml.safe_load(text("deploy/grafana/provisioning/dashboards/keyhatch.yaml"))["providers"]
    (dashboard,) = (place for place in given if place.startswith(f"{provider['options']['path']}/"))
    assert given[dashboard] == DASHBOARD


def test_prometheus_is_given_files_that_scrape_this_gateway() -> None:
    compose: Compose = yaml.safe_load(text("deploy/compose.yaml"))
    told = compose["services"]["prometheus"]
    assert told["profiles"] == ["prometheus"]
    folder = (ROOT / "deploy" / told["volumes"][0].split(":")[0]).resolve()
    (job,) = yaml.safe_load((folder / "prometheus.yml").read_text())["scrape_configs"]
    assert job["static_configs"] == [{"targets": [f"keyhatch:{image.PORTS['admin']}"]}]
    assert set(told["networks"]) & set(compose["services"]["keyhatch"]["networks"])
    assert all(port.startswith("127.0.0.1:") for port in told["ports"])
