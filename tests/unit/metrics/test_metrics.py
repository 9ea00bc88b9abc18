"""Guarantees of gateway/metrics/metrics.py: what happened is what Prometheus reads."""

import platform

import prometheus_client
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_plain

from gateway.core.refusal import Reason
from gateway.keeper.ports import Observer
from gateway.metrics import Metrics, Sources
from gateway.metrics.families import FAMILIES
from gateway.metrics.sources import TargetCounted
from tests.unit.metrics.conftest import ROUTES, MakeExchange, Read, SetClock


def fill(metrics: Metrics, exchange: MakeExchange) -> None:
    """Give every family something to say."""
    metrics.sources = Sources(
        key_counts=lambda: {"active": 3},
        flush_lag_s=lambda: 0.5,
        uses_pending=lambda: 2,
        live_streams=lambda: 1,
        log_lines_dropped=lambda: 4,
        connections=lambda: 5,
        targets=lambda: [TargetCounted("main", "a", is_up=True, ejections=2)],
        connections_turned_away=lambda: 6,
        connections_made_room=lambda: 7,
        tls_expires_at=lambda: 8,
        tls_reloads=lambda: {"success": 1, "failure": 0},
        tls_handshakes_failed=lambda: {"plain_http": 2},
    )
    metrics.config_loaded()
    metrics.exchange_began()
    metrics.exchange_ended(exchange(first_byte_s=0.01, own_s=0.00003, bytes_in=5, bytes_out=7))


def names(families: object) -> set[str]:
    """The names of ours, as the table has them: the parsers take `_total` off."""
    read = {family.name for family in families}  # type: ignore[attr-defined]
    return {f.name for f in FAMILIES if f.name in read or f.name.removesuffix("_total") in read}


def test_it_is_an_observer(metrics: Metrics) -> None:
    observer: Observer = metrics
    assert observer is metrics


def test_every_family_is_exposed_in_every_format(metrics: Metrics, exchange: MakeExchange) -> None:
    fill(metrics, exchange)
    ours = {family.name for family in FAMILIES}
    plain, _ = metrics.render()
    assert names(read_plain(plain.decode())) == ours
    openmetrics, content_type = metrics.render("application/openmetrics-text;version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert names(read_openmetrics(openmetrics.decode())) == ours  # type: ignore[no-untyped-call]


def test_nothing_of_ours_is_exposed_that_is_not_in_the_table(
    metrics: Metrics, exchange: MakeExchange
) -> None:
    fill(metrics, exchange)
    told = {
        line.split()[2] for line in metrics.render()[0].decode().splitlines() if line.startswith("# TYPE")
    }
    assert {name for name in told if name.startswith("keyhatch")} == {family.name for family in FAMILIES}


def test_the_process_and_its_python_are_told_too(metrics: Metrics) -> None:
    text = metrics.render()[0].decode()
    assert "python_info{" in text
    assert ("process_resident_memory_bytes" in text) == (platform.system() == "Linux")


def test_nothing_is_global(clock: SetClock, metrics: Metrics, exchange: MakeExchange) -> None:
    other = Metrics(version="1.2.3", plane="lean", clock=clock)
    metrics.exchange_began()
    metrics.exchange_ended(exchange())
    assert b"keyhatch" not in prometheus_client.generate_latest()
    assert b'keyhatch_auth_results_total{result="allowed"} 0.0' in other.render()[0]


def test_an_exchange_is_in_flight_until_it_ended(
    metrics: Metrics, exchange: MakeExchange, read: Read
) -> None:
    metrics.exchange_began()
    metrics.exchange_began()
    assert read("keyhatch_requests_in_flight") == 2
    metrics.exchange_ended(exchange())
    assert read("keyhatch_requests_in_flight") == 1


def test_an_exchange_is_read_with_its_labels(metrics: Metrics, exchange: MakeExchange, read: Read) -> None:
    metrics.exchange_ended(
        exchange(bytes_in=5, bytes_out=7, duration_s=0.02, first_byte_s=0.01, own_s=0.00003)
    )
    assert read("keyhatch_requests_total", route="models", method="GET", code="200") == 1
    assert read("keyhatch_auth_results_total", result="allowed") == 1
    assert read("keyhatch_request_bytes_total", route="models") == 5
    assert read("keyhatch_response_bytes_total", route="models") == 7
    assert read("keyhatch_request_duration_seconds_sum", route="models") == 0.02
    assert read("keyhatch_request_duration_seconds_bucket", route="models", le="0.01") == 0
    assert read("keyhatch_request_duration_seconds_bucket", route="models", le="0.025") == 1
    assert read("keyhatch_first_byte_seconds_count", route="models") == 1
    assert read("keyhatch_own_overhead_seconds_bucket", le="5e-05") == 1


def test_trouble_is_read_with_its_cause(metrics: Metrics, exchange: MakeExchange, read: Read) -> None:
    metrics.exchange_ended(exchange(reason=Reason.UPSTREAM_PROTOCOL, status=502))
    metrics.exchange_ended(exchange(cut="upstream_cut"))
    assert read("keyhatch_upstream_errors_total", upstream="ai", reason="upstream_protocol") == 1
    assert read("keyhatch_upstream_errors_total", upstream="web", reason="upstream_protocol") == 0
    assert read("keyhatch_responses_cut_total", cause="upstream_cut") == 1


def test_events_are_counted(metrics: Metrics, read: Read) -> None:
    metrics.store_failed()
    metrics.config_reloaded(success=False)
    assert read("keyhatch_store_errors_total") == 1
    assert read("keyhatch_config_reloads_total", outcome="failure") == 1
    assert read("keyhatch_config_reloads_total", outcome="success") == 0


def test_the_configuration_in_force_has_a_moment_that_a_failed_reload_leaves(
    metrics: Metrics, clock: SetClock, read: Read
) -> None:
    name = "keyhatch_config_last_reload_success_timestamp_seconds"
    assert read(name) is None
    metrics.config_loaded()
    first = clock.wall
    clock.wall += 60
    metrics.config_reloaded(success=False)
    assert read(name) == first
    metrics.config_reloaded(success=True)
    assert read(name) == clock.wall


def test_since_when_reloads_fail_is_known_until_one_succeeds(metrics: Metrics, clock: SetClock) -> None:
    first, seen = clock.wall, [metrics.reload_failed_at]
    for success in (False, False, True, False):
        metrics.config_reloaded(success=success)
        seen.append(metrics.reload_failed_at)
        clock.wall += 60
    assert seen == [None, first, first, None, first + 180]


def test_whether_the_last_reload_succeeded_is_told_from_the_first_configuration_on(
    metrics: Metrics, read: Read
) -> None:
    name = "keyhatch_config_last_reload_successful"
    assert read(name) is None
    metrics.config_loaded()
    assert read(name) == 1
    for success in (False, False, True):
        metrics.config_reloaded(success=success)
        assert read(name) == int(success)


def test_gauges_are_read_at_the_scrape(metrics: Metrics, read: Read) -> None:
    pending = [5]
    metrics.sources.uses_pending = lambda: pending[0]
    metrics.sources.flush_lag_s = lambda: 1.5
    metrics.sources.key_counts = lambda: {"active": 3, "revoked": 1}
    assert read("keyhatch_last_used_pending") == 5
    pending[0] = 0
    assert read("keyhatch_last_used_pending") == 0
    assert read("keyhatch_last_used_flush_lag_seconds") == 1.5
    assert read("keyhatch_keys", status="revoked") == 1
    assert read("keyhatch_keys", status="expired") == 0
    assert read("keyhatch_live_streams") is None


def test_a_broken_source_costs_its_family_and_not_the_scrape(metrics: Metrics, read: Read) -> None:
    def broken() -> int:
        raise RuntimeError("no answer")

    metrics.sources.live_streams = broken
    assert read("keyhatch_live_streams") is None
    assert read("keyhatch_requests_in_flight") == 0


def test_the_build_is_told(read: Read) -> None:
    python = platform.python_version()
    assert read("keyhatch_build_info", version="1.2.3", plane="lean", python=python) == 1


def test_the_path_the_key_and_the_peer_are_in_no_label(metrics: Metrics, exchange: MakeExchange) -> None:
    canaries = {name: f"canary-{name}" for name in ("path", "key_id", "key_name", "peer", "request_id")}
    metrics.exchange_ended(
        exchange(**canaries, method="canary-method", cut="canary-cut", upstream="canary-up")
    )
    metrics.exchange_ended(
        exchange(route_id="canary-route", reason=Reason.UPSTREAM_TIMEOUT, upstream="canary")
    )
    assert b"canary" not in metrics.render()[0]


def test_a_route_is_counted_from_the_reload_that_brought_it(
    clock: SetClock, exchange: MakeExchange, read: Read, metrics: Metrics
) -> None:
    metrics.exchange_ended(exchange(route_id="later"))
    assert read("keyhatch_requests_total", route="none", method="GET", code="200") == 1
    metrics.know([*ROUTES, type(ROUTES[0])("later", "/later")])
    metrics.exchange_ended(exchange(route_id="later"))
    assert read("keyhatch_requests_total", route="later", method="GET", code="200") == 1


@pytest.mark.parametrize("name", [family.name for family in FAMILIES])
def test_no_other_collector_can_take_a_name_of_ours(metrics: Metrics, name: str) -> None:
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        prometheus_client.Gauge(name, "Not ours.", registry=metrics._registry)


def test_totals_are_told_without_the_library_and_since_when(
    metrics: Metrics, clock: SetClock, exchange: MakeExchange
) -> None:
    clock.wall += 60
    metrics.exchange_began()
    metrics.exchange_ended(exchange(reason=Reason.SCOPE_MISSING, status=403))
    totals = metrics.totals()
    assert totals.requests == {("models", "GET", "403"): 1}
    assert {name for name, number in totals.results.items() if number} == {"scope_missing"}
    assert metrics.started_at == clock.wall - 60
