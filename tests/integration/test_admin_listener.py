"""The admin listener of the running command: health, readiness, metrics, and nothing of it for callers."""

import json
import socket
from collections.abc import Iterator

import pytest

from gateway.core.refusal import Reason
from gateway.metrics.families import FAMILIES
from tests.support.lasting_upstream import LastingUpstream
from tests.support.real_upstreams import AppUpstream
from tests.support.running_gateway import Home, RunningGateway, samples

OURS = ("/healthz", "/readyz", "/metrics")


@pytest.fixture(scope="module")
def upstream() -> Iterator[AppUpstream]:
    with LastingUpstream() as upstream:
        upstream.let_go()
        yield upstream


@pytest.fixture(scope="module")
def at_home(upstream: AppUpstream, tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("home"))
    home.configure(upstream.url)
    return home


@pytest.fixture(scope="module")
def gateway(at_home: Home) -> Iterator[RunningGateway]:
    with at_home.serve() as gateway:
        yield gateway


@pytest.fixture(scope="module")
def key(gateway: RunningGateway, at_home: Home) -> str:
    return at_home.make_key("Metrics")


def test_a_gateway_in_order_is_healthy_and_ready(gateway: RunningGateway, at_home: Home) -> None:
    assert gateway.ask_admin("/healthz").data == {"status": "ok"}
    assert at_home.keyhatch("health", "--admin", f"127.0.0.1:{gateway.admin_port}").code == 0
    ready = gateway.ask_admin("/readyz")
    assert (ready.status, ready.data["status"]) == (200, "ready")
    assert {each["name"]: each["state"] for each in ready.data["checks"]} == {
        "store": "ok",
        "configuration": "ok",
    }


@pytest.mark.parametrize("path", OURS)
def test_what_is_for_the_operator_is_not_on_the_callers_port(
    gateway: RunningGateway, upstream: LastingUpstream, key: str, path: str
) -> None:
    assert gateway.ask(path).reason == "credential_missing"
    answer = gateway.ask(path, key=key)
    assert answer.status == 404, "it is the upstream that answers"
    assert answer.reason is None


@pytest.mark.parametrize("path", ["/held", "/.keyhatch/me", "/.keyhatch/health"])
def test_what_is_for_callers_is_not_on_the_admin_listener(
    gateway: RunningGateway, upstream: LastingUpstream, key: str, path: str
) -> None:
    before = upstream.arrived.total()
    assert gateway.ask_admin(path, key=key).status == 404
    assert upstream.arrived.total() == before


def test_every_documented_family_is_exposed_and_prometheus_can_read_it(
    gateway: RunningGateway, key: str
) -> None:
    assert gateway.ask("/held", key=key).status == 200
    text = gateway.ask_admin("/metrics").body.decode("utf-8")
    helped = {line.split(" ")[2] for line in text.splitlines() if line.startswith("# HELP ")}
    usual = {family.name for family in FAMILIES if not family.name.startswith("keyhatch_tls_")}
    assert usual <= helped  # those of TLS come with TLS: test_tls.py
    assert len(list(samples(text))) > len(FAMILIES)


def test_what_happened_is_counted(gateway: RunningGateway, key: str) -> None:
    def counts() -> list[float]:
        return [
            gateway.metric("keyhatch_requests_total", route="all", method="GET", code="200"),
            gateway.metric("keyhatch_auth_results_total", result="allowed"),
            gateway.metric("keyhatch_auth_results_total", result="credential_missing"),
            gateway.metric("keyhatch_request_duration_seconds_count", route="all"),
            gateway.metric("keyhatch_own_overhead_seconds_count"),
        ]

    before = counts()
    assert gateway.ask("/held", key=key).status == 200
    assert gateway.ask("/held").status == 401
    grown = [after - earlier for earlier, after in zip(before, counts(), strict=True)]
    assert grown[:3] == [1, 1, 1]
    assert grown[3] >= 1
    assert grown[4] >= 1
    assert gateway.metric("keyhatch_keys", status="active") in (0, 1)  # counted every few seconds
    assert gateway.metric("keyhatch_build_info") == 1


def test_callers_cannot_add_labels(gateway: RunningGateway, key: str) -> None:
    for number in range(20):
        gateway.ask(f"/made/up/{number}?q={number}", key=key)
        gateway.ask("/held", f"MADEUP{number}", key=key)
        gateway.ask("/held", key=f"sk-made-up-{number}")
    text = gateway.ask_admin("/metrics").body.decode("utf-8")
    assert not any(made in text.lower() for made in ("made/up", "madeup", "made-up"))
    routes = {labels["route"] for _, labels, _ in samples(text) if "route" in labels}
    results = {labels["result"] for _, labels, _ in samples(text) if "result" in labels}
    methods = {labels["method"] for _, labels, _ in samples(text) if "method" in labels}
    own = {f"keyhatch-{name}" for name in ("health", "me", "own", "preflight", "server")}
    assert routes <= {"all", "none", *own}
    assert results <= {*Reason, "allowed", "allowed_anonymous", "allowed_public", "none"}
    assert len(methods) <= 12


def test_a_name_that_a_web_page_could_point_here_is_turned_away(gateway: RunningGateway) -> None:
    assert gateway.ask_admin("/metrics", headers={"Host": "evil.example"}).status == 421


@pytest.mark.parametrize("port", ["proxy", "admin"])
def test_who_speaks_tls_to_a_plain_port_is_told_so_and_no_version(gateway: RunningGateway, port: str) -> None:
    hello = bytes.fromhex("16030100f8010000f40303") + bytes(64)
    where = gateway.port if port == "proxy" else gateway.admin_port
    with socket.create_connection(("127.0.0.1", where), timeout=5) as caller:
        caller.sendall(hello)
        head, _, body = b"".join(iter(lambda: caller.recv(65_536), b"")).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"\r\nserver:" not in head.lower()
    assert b"\r\ndate:" in head.lower()
    assert "this looks like TLS" in str(json.loads(body))
