"""Guarantees of deploy/kubernetes: what kustomize makes of it is valid and restricted, and all of it fits."""

import copy
import functools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

import gateway
from gateway.config.load import load
from gateway.config.presets import preset_of
from gateway.service.gateway import DRAIN_GRACE_S
from tests.arch.sources import ROOT
from tests.deploy import image
from tests.deploy.cut_schemas import FOLDER, KINDS, VERSIONS
from tests.docs.documents import document
from tests.support.kustomize import SOURCE, Kustomize, Object, of_kind, pods
from tests.support.network_policies import End, may_call, selects
from tests.support.pod_security import violations

VARIANTS = ("base", "overlays/ollama", "overlays/openai")
SECRETS = "/run/secrets/keyhatch"
NAME = {"app.kubernetes.io/name": "keyhatch"}

GATEWAY = End(NAME, ports=image.PORTS)
BEHIND = End({"behind": "keyhatch"})
NEIGHBOUR = End({"app.kubernetes.io/name": "other"})
STRANGER = End({"app.kubernetes.io/name": "other"}, namespace="default")
MONITOR = End({"app.kubernetes.io/name": "prometheus"}, namespace="monitoring")
DNS = End({"k8s-app": "kube-dns"}, namespace="kube-system")
INTERNET = End(address="203.0.113.9")
METADATA = End(address="169.254.169.254")


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Object]]:
    """The objects of each variant; that for Ollama with the component that is commented there."""
    kustomize = Kustomize(tmp_path_factory.mktemp("kustomize"))
    ollama = kustomize.tree / "overlays/ollama/kustomization.yaml"
    commented = "# components:\n#   - ../../components/prometheus-operator\n"
    assert commented in ollama.read_text()
    ollama.write_text(ollama.read_text().replace(commented, commented.replace("# ", "").replace("#", "")))
    return {name: kustomize.build(name) for name in VARIANTS}


@pytest.fixture(params=VARIANTS)
def objects(request: pytest.FixtureRequest, everything: dict[str, list[Object]]) -> list[Object]:
    """The objects of one variant after the other."""
    return everything[request.param]


@functools.cache
def schemas(version: str) -> dict[str, jsonschema_rs.Validator]:
    """A validator for each kind, by `apiVersion/kind`."""
    told = json.loads((FOLDER / f"kubernetes-{version}.json").read_text("utf-8"))
    found = {}
    for kind in KINDS:
        group, number, name = kind.split(".")
        api = (
            number
            if group == "core"
            else f"{'networking.k8s.io' if group == 'networking' else group}/{number}"
        )
        found[f"{api}/{name}"] = jsonschema_rs.validator_for({"$ref": f"#/$defs/io.k8s.api.{kind}", **told})
    return found


def kind_of(each: Object) -> str:
    """How `schemas` calls it."""
    return f"{each['apiVersion']}/{each['kind']}"


def the(objects: list[Object], kind: str, name: str = "keyhatch") -> Object:
    """The object of this kind and name."""
    (found,) = (each for each in of_kind(objects, kind) if each["metadata"]["name"] == name)
    return found


def spec_of_gateway(objects: list[Object]) -> Any:
    """What the gateway's pod is made of."""
    return the(objects, "StatefulSet")["spec"]["template"]["spec"]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_is_valid_in_the_oldest_and_the_newest_kubernetes(
    objects: list[Object], version: str
) -> None:
    known = [each for each in objects if kind_of(each) != "monitoring.coreos.com/v1/PodMonitor"]
    for each in known:
        schemas(version)[kind_of(each)].validate(each)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_object_that_is_not_valid_is_noticed(everything: dict[str, list[Object]], version: str) -> None:
    wrong = copy.deepcopy(the(everything["base"], "StatefulSet"))
    wrong["spec"]["template"]["spec"]["containers"][0]["readOnlyRootFileSystem"] = True
    assert not schemas(version)[kind_of(wrong)].is_valid(wrong)


def test_no_pod_asks_for_more_than_the_restricted_standard_allows(objects: list[Object]) -> None:
    assert [violations(pod["spec"]) for pod in pods(objects)] == [[]] * len(pods(objects))


@pytest.mark.parametrize(
    ("loosen", "found"),
    [
        (lambda pod: pod.update(hostNetwork=True), "hostNetwork"),
        (lambda pod: pod["securityContext"].update(sysctls=[{"name": "a", "value": "1"}]), "sysctls"),
        (lambda pod: pod["securityContext"].pop("runAsNonRoot"), "root"),
        (lambda pod: pod["securityContext"].update(runAsUser=0), "root"),
        (lambda pod: pod["securityContext"].pop("seccompProfile"), "seccompProfile"),
        (lambda pod: pod["volumes"].append({"name": "x", "hostPath": {"path": "/"}}), "volume hostPath"),
        (lambda pod: pod["containers"][0]["ports"][0].update(hostPort=80), "hostPort"),
        (lambda pod: _own(pod).update(privileged=True), "privileged"),
        (lambda pod: _own(pod).pop("allowPrivilegeEscalation"), "allowPrivilegeEscalation"),
        (lambda pod: _own(pod).pop("capabilities"), "capabilities kept"),
        (lambda pod: _own(pod)["capabilities"].update(add=["NET_RAW"]), "capabilities added"),
        (lambda pod: _own(pod).update(procMount="Unmasked"), "procMount"),
    ],
)
def test_a_pod_that_asks_for_more_is_noticed(
    everything: dict[str, list[Object]], loosen: Callable[[Any], object], found: str
) -> None:
    pod = copy.deepcopy(spec_of_gateway(everything["base"]))
    loosen(pod)
    assert violations(pod) == [found]


def _own(pod: Any) -> Any:
    return pod["containers"][0]["securityContext"]


def test_there_is_one_gateway_and_its_root_is_read_only_and_no_token_is_given_to_it(
    objects: list[Object],
) -> None:
    assert the(objects, "StatefulSet")["spec"]["replicas"] == 1
    pod = spec_of_gateway(objects)
    assert _own(pod)["readOnlyRootFilesystem"] is True
    assert (pod["automountServiceAccountToken"], pod["enableServiceLinks"]) == (False, False)


def test_the_gateway_fits_its_image(objects: list[Object]) -> None:
    pod = spec_of_gateway(objects)
    (container,) = pod["containers"]
    context = pod["securityContext"]
    assert {context[who] for who in ("runAsUser", "runAsGroup", "fsGroup")} == {image.USER}
    assert {port["name"]: port["containerPort"] for port in container["ports"]} == image.PORTS
    mounted = {
        each["name"]: (each["mountPath"], each.get("readOnly", False)) for each in container["volumeMounts"]
    }
    assert mounted == {
        "config": (image.FOLDER, True),
        "secrets": (SECRETS, True),
        "data": (image.DATA, False),
        "tmp": ("/tmp", False),  # noqa: S108 - the pod's own
    }
    assert not {"command", "args", "workingDir", "env"} & container.keys(), "the image says it"
    assert container["image"].partition(":")[0].endswith("keyhatch")
    assert container["image"].partition(":")[2] == gateway.__version__


def test_the_image_is_as_it_is_counted_on() -> None:
    said = (ROOT / "Dockerfile").read_text("utf-8")
    for name, value in image.VARIABLES.items():
        assert re.search(rf"\b{name}={re.escape(value)}\s", said)
    for line in (
        *(f"USER {image.USER}:{image.USER}", f"WORKDIR {image.FOLDER}", f"VOLUME {image.DATA}"),
        *(f"EXPOSE {' '.join(map(str, image.PORTS.values()))}", 'ENTRYPOINT ["keyhatch"]', 'CMD ["serve"]'),
    ):
        assert line in said.splitlines()


def test_it_is_given_more_time_to_end_than_its_streams_have(objects: list[Object]) -> None:
    assert spec_of_gateway(objects)["terminationGracePeriodSeconds"] >= DRAIN_GRACE_S + 10


def test_every_name_that_is_named_exists(objects: list[Object]) -> None:
    there = {(each["kind"], each["metadata"]["name"]) for each in objects}
    assert ("Service", the(objects, "StatefulSet")["spec"]["serviceName"]) in there
    claimed = [
        each["metadata"]["name"] for each in the(objects, "StatefulSet")["spec"]["volumeClaimTemplates"]
    ]
    for pod in (each["spec"] for each in pods(objects)):
        volumes = {each["name"]: each for each in pod["volumes"]}
        for volume in volumes.values():
            if "configMap" in volume:
                assert ("ConfigMap", volume["configMap"]["name"]) in there
            if "persistentVolumeClaim" in volume:
                assert ("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]) in there
            if "secret" in volume:
                assert volume["secret"]["optional"], "nothing here makes it"
        for container in pod["containers"]:
            assert {each["name"] for each in container["volumeMounts"]} <= {*volumes, *claimed}
            ports = {each["name"] for each in container["ports"]}
            probes = [value for name, value in container.items() if name.endswith("Probe")]
            assert {probe["httpGet"]["port"] for probe in probes} <= ports


def test_every_selector_means_a_pod_and_every_port_is_one_of_it(objects: list[Object]) -> None:
    labels_and_ports = [
        (pod["metadata"]["labels"], {each["name"] for each in pod["spec"]["containers"][0]["ports"]})
        for pod in pods(objects)
    ]
    for service in of_kind(objects, "Service"):
        (ports,) = (
            has for labels, has in labels_and_ports if service["spec"]["selector"].items() <= labels.items()
        )
        assert {each["targetPort"] for each in service["spec"]["ports"]} <= ports
    for each in (*of_kind(objects, "StatefulSet"), *of_kind(objects, "Deployment")):
        assert selects(each["spec"]["selector"], each["spec"]["template"]["metadata"]["labels"])
    for monitor in of_kind(objects, "PodMonitor"):
        assert selects(monitor["spec"]["selector"], NAME)
        assert [(each["port"], each["path"]) for each in monitor["spec"]["podMetricsEndpoints"]] == [
            ("admin", "/metrics")
        ]


def test_what_is_published_never_holds_the_admin_listener(objects: list[Object]) -> None:
    published, admin = the(objects, "Service"), the(objects, "Service", "keyhatch-admin")
    assert [each["targetPort"] for each in published["spec"]["ports"]] == ["proxy"]
    assert [each["targetPort"] for each in admin["spec"]["ports"]] == ["admin"]
    assert {each["spec"].get("type", "ClusterIP") for each in of_kind(objects, "Service")} == {"ClusterIP"}


def test_everything_is_in_one_namespace_and_the_component_comes_with_its_line(
    everything: dict[str, list[Object]],
) -> None:
    for objects in everything.values():
        assert {each["metadata"]["namespace"] for each in objects} == {"keyhatch"}
    assert [len(of_kind(everything[name], "PodMonitor")) for name in VARIANTS] == [0, 1, 0]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_namespace_holds_pods_to_the_standard_and_nothing_that_is_deleted_takes_it_along(
    everything: dict[str, list[Object]], version: str
) -> None:
    namespace = yaml.safe_load((SOURCE / "namespace.yaml").read_text())
    schemas(version)[kind_of(namespace)].validate(namespace)
    assert namespace["metadata"]["name"] == "keyhatch"
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    kept = {"Namespace", "PersistentVolumeClaim"}
    assert not kept & {each["kind"] for each in everything["base"]}


def test_the_page_names_what_is_there(everything: dict[str, list[Object]]) -> None:
    page = document("docs/kubernetes.md").text
    there = {f"{each['kind'].lower()}/{each['metadata']['name']}" for each in everything["overlays/ollama"]}
    assert set(re.findall(r"\b(?:statefulset|service)/[\w-]+", page)) <= there
    for path in re.findall(r"(?:-k|-f) (deploy/[\w/.-]+)", page):
        assert (ROOT / path).exists()
    assert {int(port) for port in re.findall(r"port-forward \S+ (\d+)", page)} == set(image.PORTS.values())


def test_the_pages_first_key_opens_what_the_page_asks_for() -> None:
    page = document("docs/kubernetes.md").text
    (path,) = re.findall(r"http://127\.0\.0\.1:8080(/\S+)", page)
    given = set(re.findall(r"--scope (\S+)", page))
    needed = [each.scopes for each in preset_of("ollama").endpoints.values() if each.path == path]
    assert needed
    assert set(*needed) <= given


@pytest.mark.parametrize(
    ("caller", "called", "port", "may"),
    [
        pytest.param(STRANGER, GATEWAY, 8080, True, id="anybody-the-proxied-port"),
        pytest.param(INTERNET, GATEWAY, 8080, True, id="the-internet-the-proxied-port"),
        pytest.param(MONITOR, GATEWAY, 8081, True, id="monitoring-the-admin-listener"),
        pytest.param(STRANGER, GATEWAY, 8081, False, id="a-stranger-the-admin-listener"),
        pytest.param(NEIGHBOUR, GATEWAY, 8081, False, id="a-neighbour-the-admin-listener"),
        pytest.param(BEHIND, GATEWAY, 8081, False, id="the-server-behind-the-admin-listener"),
        pytest.param(INTERNET, GATEWAY, 8081, False, id="the-internet-the-admin-listener"),
        pytest.param(GATEWAY, BEHIND, 11434, True, id="the-gateway-the-server-behind"),
        pytest.param(NEIGHBOUR, BEHIND, 11434, False, id="a-neighbour-the-server-behind"),
        pytest.param(STRANGER, BEHIND, 11434, False, id="a-stranger-the-server-behind"),
        pytest.param(MONITOR, BEHIND, 11434, False, id="monitoring-the-server-behind"),
        pytest.param(GATEWAY, NEIGHBOUR, 80, False, id="the-gateway-a-neighbour"),
        pytest.param(GATEWAY, METADATA, 80, False, id="the-gateway-the-clouds-metadata"),
        pytest.param(GATEWAY, DNS, 53, True, id="the-gateway-names"),
        pytest.param(GATEWAY, DNS, 443, False, id="the-gateway-the-rest-of-kube-system"),
    ],
)
def test_who_may_call_whom(objects: list[Object], caller: End, called: End, port: int, *, may: bool) -> None:
    assert may_call(of_kind(objects, "NetworkPolicy"), caller, called, port) is may


@pytest.mark.parametrize(("variant", "may"), [("base", False), ("overlays/openai", True)])
def test_a_provider_is_reached_only_where_one_is_configured(
    everything: dict[str, list[Object]], variant: str, *, may: bool
) -> None:
    policies = of_kind(everything[variant], "NetworkPolicy")
    assert may_call(policies, GATEWAY, INTERNET, 443) is may
    for private in ("169.254.169.254", "10.96.0.1", "192.168.1.20", "fd00::1", "fe80::1"):
        assert not may_call(policies, GATEWAY, End(address=private), 443)
    assert may_call(policies, GATEWAY, End(address="2001:db8::9"), 443) is may
    assert not may_call(policies, GATEWAY, INTERNET, 25)


def test_the_pods_of_ollama_are_behind_the_gateway(everything: dict[str, list[Object]]) -> None:
    (ollama,) = (
        pod["metadata"]["labels"]
        for pod in pods(everything["overlays/ollama"])
        if pod["metadata"]["labels"]["app.kubernetes.io/name"] == "ollama"
    )
    assert BEHIND.labels.items() <= ollama.items()


def test_the_gateway_reads_its_configuration_without_a_warning(objects: list[Object], tmp_path: Path) -> None:
    told = the(objects, "ConfigMap")["data"]["config.yaml"]
    (tmp_path / "openai.key").write_text("sk-test\n")
    file = tmp_path / "config.yaml"
    file.write_text(told.replace(SECRETS, str(tmp_path)))
    near = {name: value for name, value in image.VARIABLES.items() if name != "KEYHATCH_SERVER__ADMIN"}
    read = load(file, near, {})
    assert (read.warnings, str(read.store_path)) == ((), "/data/keyhatch.db")
    assert read.settings.server.watch_config
    (upstream,) = read.settings.upstreams.values()
    services = {each["metadata"]["name"] for each in of_kind(objects, "Service")}
    host = str(upstream.url).partition("://")[2].partition(":")[0]
    assert host in {*services, "app", "api.openai.com"}
