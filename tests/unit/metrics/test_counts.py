"""Guarantees of gateway/metrics/counts.py: every exchange counts once, in labels from closed sets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.refusal import Reason
from gateway.core.routes import Route
from gateway.keeper.ports import Exchange
from gateway.metrics.counts import CUTS, METHODS, NONE, OTHER, RESULTS, SECONDS, Counts, Histogram
from tests.unit.metrics.conftest import ROUTES, MakeExchange


@pytest.fixture
def counts() -> Counts:
    counts = Counts()
    counts.know(ROUTES)
    return counts


def only(totals: dict[str, int]) -> str:
    """The one result that was counted."""
    (result,) = (name for name, count in totals.items() if count)
    return result


KEYLESS = {"key_id": None, "key_name": None}


@pytest.mark.parametrize(
    ("fields", "result"),
    [
        pytest.param({}, "allowed", id="key"),
        pytest.param(KEYLESS, "allowed_anonymous", id="no-key-on-a-guarded-route"),
        pytest.param({"route_id": "welcome", **KEYLESS}, "allowed_public", id="public-route"),
        pytest.param(
            {"route_id": "keyhatch-health", "upstream": None, **KEYLESS}, "allowed_public", id="own"
        ),
        pytest.param({"reason": Reason.SCOPE_MISSING, "status": 403}, "scope_missing", id="refused-with-key"),
        pytest.param(
            {"reason": Reason.NO_ROUTE, "route_id": None, "status": 404, **KEYLESS}, "no_route", id="no-route"
        ),
        pytest.param(
            {"reason": Reason.UPSTREAM_TIMEOUT, "status": 504}, "allowed", id="upstream-fails-a-key"
        ),
        pytest.param(
            {"reason": Reason.UPSTREAM_UNREACHABLE, "status": 502, "route_id": "welcome", **KEYLESS},
            "allowed_public",
            id="upstream-fails-the-public",
        ),
        pytest.param(
            {"reason": Reason.BODY_TOO_LARGE, "status": 413}, "allowed", id="body-after-the-decision"
        ),
        pytest.param(
            {"reason": Reason.BODY_TOO_LARGE, "status": 413, "route_id": None, **KEYLESS},
            "body_too_large",
            id="body-before-the-decision",
        ),
        pytest.param({"route_id": None, "status": 0, **KEYLESS}, "none", id="gone-before-the-decision"),
    ],
)
def test_the_decision_is_told_from_what_came_after(
    counts: Counts, exchange: MakeExchange, fields: dict[str, object], result: str
) -> None:
    counts.add(exchange(**fields))
    assert only(counts.totals().results) == result


@pytest.mark.parametrize(
    ("fields", "labels"),
    [
        pytest.param({}, ("models", "GET", "200"), id="known"),
        pytest.param({"route_id": None}, (NONE, "GET", "200"), id="no-route"),
        pytest.param({"route_id": "gone"}, (NONE, "GET", "200"), id="unknown-route"),
        pytest.param({"method": "BREW"}, ("models", OTHER, "200"), id="unknown-method"),
        pytest.param({"method": "get"}, ("models", OTHER, "200"), id="methods-have-a-case"),
        pytest.param({"status": 0}, ("models", "GET", NONE), id="nothing-sent"),
        pytest.param({"status": 99}, ("models", "GET", OTHER), id="below-100"),
        pytest.param({"status": 100}, ("models", "GET", "100"), id="100"),
        pytest.param({"status": 599}, ("models", "GET", "599"), id="599"),
        pytest.param({"status": 600}, ("models", "GET", OTHER), id="above-599"),
    ],
)
def test_what_is_outside_a_closed_set_is_folded(
    counts: Counts, exchange: MakeExchange, fields: dict[str, object], labels: tuple[str, str, str]
) -> None:
    counts.add(exchange(**fields))
    counts.add(exchange(**fields))
    assert counts.totals().requests == {labels: 2}


@given(
    st.lists(
        st.tuples(
            st.text(max_size=8), st.none() | st.text(max_size=8), st.integers(-1, 70_000), st.text(max_size=8)
        ),
        max_size=60,
    )
)
def test_no_caller_and_no_upstream_makes_new_labels(
    odd: list[tuple[str, str | None, int, str]],
) -> None:
    counts = Counts()
    for method, route_id, status, cut in odd:
        counts.add(
            Exchange(
                request_id="",
                kind="plain",
                method=method,
                path="",
                route_id=route_id,
                upstream=cut,
                key_id=None,
                key_name=None,
                peer="",
                status=status,
                reason=Reason.UPSTREAM_PROTOCOL,
                cut=cut,
                bytes_in=0,
                bytes_out=0,
                duration_s=0,
                first_byte_s=None,
                own_s=None,
            )
        )
    totals = counts.totals()
    assert sum(totals.requests.values()) == len(odd) == sum(totals.results.values())
    codes = {str(code) for code in range(100, 600)} | {NONE, OTHER}
    for route, method, code in totals.requests:
        assert route == NONE
        assert method in METHODS | {OTHER}
        assert code in codes
    assert set(totals.results) == set(RESULTS)
    assert set(counts.cut) == {*CUTS, OTHER}
    assert set(counts.upstream_errors) <= {(NONE, "upstream_protocol")}
    assert len(counts._cells) <= len(totals.requests)


def test_an_upstreams_failure_counts_under_its_configured_name(
    counts: Counts, exchange: MakeExchange
) -> None:
    counts.add(exchange(reason=Reason.UPSTREAM_TIMEOUT, status=504))
    counts.add(exchange(reason=Reason.UPSTREAM_TIMEOUT, status=504, upstream="elsewhere"))
    counts.add(exchange(reason=Reason.UPSTREAM_TIMEOUT, status=504, upstream=None))
    assert counts.upstream_errors["ai", "upstream_timeout"] == 1
    assert counts.upstream_errors["none", "upstream_timeout"] == 2
    assert counts.upstream_errors["web", "upstream_timeout"] == 0


def test_a_cut_response_counts_under_its_cause(counts: Counts, exchange: MakeExchange) -> None:
    counts.add(exchange(cut="key_ended"))
    counts.add(exchange(cut="never heard of"))
    assert {cause: n for cause, n in counts.cut.items() if n} == {"key_ended": 1, "other": 1}


def test_bytes_and_times_count_per_route(counts: Counts, exchange: MakeExchange) -> None:
    for _ in range(2):
        counts.add(exchange(bytes_in=3, bytes_out=5, duration_s=0.02, first_byte_s=0.25, own_s=0.00004))
    counts.add(exchange(route_id="welcome"))
    route = counts.routes["models"]
    assert (route.bytes_in, route.bytes_out) == (6, 10)
    assert route.duration.counts[SECONDS.index(0.025)] == 2
    assert route.first_byte.total == 0.5
    assert counts.own_overhead.total == 0.00008
    assert counts.routes["welcome"].bytes_in == 0


def test_a_reload_keeps_what_was_counted(counts: Counts, exchange: MakeExchange) -> None:
    counts.add(exchange(bytes_in=7, **KEYLESS))
    counts.know([Route("models", "/v1/models", upstream="ai", public=True), Route("new", "/new")])
    counts.add(exchange(bytes_in=7, **KEYLESS))
    counts.add(exchange(route_id="welcome", **KEYLESS))
    totals = counts.totals()
    assert totals.requests == {("models", "GET", "200"): 2, ("welcome", "GET", "200"): 1}
    assert (totals.results["allowed_anonymous"], totals.results["allowed_public"]) == (1, 2)
    assert counts.routes["models"].bytes_in == 14
    assert "new" in counts.routes


@pytest.mark.parametrize(
    ("value", "bucket"),
    [(0.0, 0), (1.0, 0), (1.5, 1), (2.0, 1), (2.1, 2)],
    ids=["zero", "at", "above", "last", "over"],
)
def test_a_bucket_holds_what_is_at_most_its_bound(value: float, bucket: int) -> None:
    histogram = Histogram((1.0, 2.0))
    histogram.observe(value)
    assert histogram.counts.index(1) == bucket
    assert histogram.total == value
