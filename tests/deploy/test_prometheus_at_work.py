"""A real Prometheus with our rules beside a real gateway: quiet while it is well; what happens is seen.

One gateway and one Prometheus for the whole file; tests/support/prometheus_server says what is shortened.
The other alerts are held by `promtool` (test_prometheus_rules.py). The last test ends the gateway.
"""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from signal import SIGHUP
from typing import Any

import pytest
from aiohttp import web

from tests.deploy.dashboard import EXPRESSIONS, VARIABLES
from tests.deploy.test_prometheus_rules import ALERTS, RECORDED
from tests.support.no_proxy import no_proxy
from tests.support.programs import program
from tests.support.prometheus_server import PrometheusServer
from tests.support.real_upstreams import AppUpstream, free_port
from tests.support.running_gateway import Home, RunningGateway, eventually

SEEN = {
    "KeyhatchEndedKeyUsed",
    "KeyhatchKeysGuessed",
    "KeyhatchProviderCredentialRefused",
    "KeyhatchReloadFailed",
    "KeyhatchRevokedKeyUsed",
    "KeyhatchServerErrors",
    "KeyhatchUpstreamDown",
    "KeyhatchUpstreamErrors",
}
WITHOUT_DATA = ("keyhatch_tls_", "changes(process_start_time_seconds")
"""Of a gateway without TLS that was started once."""

pytestmark = pytest.mark.timeout(90)


@dataclass(frozen=True)
class Watched:
    """A gateway that had a bad day, the Prometheus that saw it, and what fired before and on that day."""

    gateway: RunningGateway
    prometheus: PrometheusServer
    when_well: list[dict[str, Any]]
    fired: dict[str, dict[str, Any]] = field(default_factory=dict)

    def look(self) -> bool:
        """Remember what fires now; whether all was seen that should be."""
        self.fired.update({alert["labels"]["alertname"]: alert for alert in self.prometheus.alerts()})
        return self.fired.keys() >= SEEN


def upstream() -> AppUpstream:
    """It answers all alike, but refuses whoever shows it a credential."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=401 if "Authorization" in request.headers else 200, text="ok")

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    return AppUpstream(app)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    home, admin_port = Home(tmp_path_factory.mktemp("watched")), free_port()
    with no_proxy(), upstream() as well, ExitStack() as frail:
        configure(home, well.url, frail.enter_context(upstream()).url, admin_port)
        # Prometheus first: it takes five seconds until it scrapes anything.
        with PrometheusServer(home.folder / "prometheus", admin_port) as prometheus, home.serve() as gateway:
            secrets = {name: home.make_key(name) for name in ("good", "old", "off")}
            watched = Watched(gateway, prometheus, a_good_day(gateway, prometheus, secrets["good"]))
            frail.close()
            a_bad_day(home, watched, secrets)
            yield watched


def configure(home: Home, well: str, frail: str, admin_port: int) -> None:
    """Three upstreams: one that is well, one that will die, one that refuses what it is shown."""
    upstreams = {
        "main": {"url": well},
        "frail": {"url": frail},
        "provider": {"url": well, "credential": "${PROVIDER:-sk-out-of-date}"},
    }
    routes = [{"id": name, "path": f"/{name}/**", "upstream": name, "scopes": []} for name in upstreams]
    listeners = {"proxy": "127.0.0.1:0", "admin": f"127.0.0.1:{admin_port}"}
    home.configure(well, routes, upstreams=upstreams, server=listeners)


def a_good_day(gateway: RunningGateway, prometheus: PrometheusServer, key: str) -> list[dict[str, Any]]:
    """Ordinary requests and a reload; returns what fires once the rules have seen them."""

    def is_seen() -> bool:
        assert [gateway.ask(f"/{name}/x", key=key).status for name in ("main", "frail")] == [200, 200]
        return bool(prometheus.query("instance:keyhatch_responses_5xx:ratio_rate5m"))

    eventually(is_seen, "the rules were evaluated", 20)
    gateway.signal(SIGHUP)
    loaded = "changes(keyhatch_config_last_reload_success_timestamp_seconds[1m]) > 0"
    eventually(lambda: prometheus.query(loaded), "the reload was seen")
    return prometheus.alerts()


def a_bad_day(home: Home, watched: Watched, secrets: dict[str, str]) -> None:
    """The frail upstream is gone, keys ended, the configuration is spoilt; until all of it was seen."""
    home.manage(lambda desk: desk.revoke("old"))
    home.manage(lambda desk: desk.disable("off"))
    home.config.write_text(home.config.read_text().replace('"path"', '"pth"'))
    watched.gateway.signal(SIGHUP)
    mistyped = secrets["good"][:-1] + ("a" if secrets["good"][-1] != "a" else "b")

    def is_seen() -> bool:
        for secret in (secrets["old"], secrets["off"], mistyped, mistyped, mistyped):
            watched.gateway.ask("/main/x", key=secret)
        for route in ("main", "frail", "provider"):
            watched.gateway.ask(f"/{route}/x", key=secrets["good"])
        return watched.look()

    eventually(is_seen, f"all of {SEEN}, of which fired: {watched.fired.keys()}", 30)


def test_nothing_fires_while_the_gateway_is_well(watched: Watched) -> None:
    assert watched.when_well == []


@pytest.mark.parametrize("name", sorted(SEEN))
def test_what_happens_is_told_in_words(watched: Watched, name: str) -> None:
    alert, rule = watched.fired[name], ALERTS[name]
    assert alert["labels"]["severity"] == rule["labels"]["severity"]
    assert alert["annotations"]["runbook_url"] == rule["annotations"]["runbook_url"]
    assert not any(sign in text for text in alert["annotations"].values() for sign in ("{{", "%!", "<"))


def test_what_did_not_happen_does_not_fire(watched: Watched) -> None:
    assert watched.fired.keys() - SEEN <= {"KeyhatchRefusalsSurge"}  # whose day is six seconds here


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_every_recording_rule_records(watched: Watched, name: str) -> None:
    assert watched.prometheus.query(f"last_over_time({name}[2m])")


@pytest.mark.parametrize("where", EXPRESSIONS)
def test_every_expression_of_the_dashboard_has_data(watched: Watched, where: str) -> None:
    expression = (
        EXPRESSIONS[where].replace("ALERTS{", "last_over_time(ALERTS{").replace('firing"}', 'firing"}[2m])')
    )
    for macro in ("$__rate_interval", "$__range"):
        expression = expression.replace(macro, "2m")
    for variable in VARIABLES:
        expression = expression.replace(f'"${variable}"', '".*"')
    assert "$" not in expression
    found = watched.prometheus.query(expression)
    assert bool(found) is not any(part in expression for part in WITHOUT_DATA)


@pytest.mark.parametrize("name", [name for name in VARIABLES if name != "DS_PROMETHEUS"])
def test_every_choice_of_the_dashboard_has_something_to_choose(watched: Watched, name: str) -> None:
    query = VARIABLES[name]["query"]["query"]
    match, _, label = query.removeprefix("label_values(").removesuffix(")").rpartition(", ")
    values = watched.prometheus.ask(
        f"label/{label}/values", **{"match[]": match.replace('"$instance"', '".*"')}
    )
    own = {"instance": f"127.0.0.1:{watched.gateway.admin_port}"}.get(name, "main")
    assert own in values


def test_promtool_finds_nothing_to_say_of_a_real_scrape(watched: Watched) -> None:
    checked = subprocess.run(
        [program("promtool", "prometheus"), "check", "metrics"],
        input=watched.gateway.ask_admin("/metrics").body,
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_a_gateway_that_died_is_missed(watched: Watched) -> None:
    watched.gateway.kill()
    eventually(lambda: "KeyhatchDown" in watched.prometheus.firing(), "its absence is seen", 20)
