"""Guarantees of tests/support/promql.py: what the gateway never tells is found in an expression."""

import pytest

from tests.support.promql import family_of, metrics_in, wrong_with

SOUND = [
    'sum by (route) (rate(keyhatch_requests_total{route=~"$route", code=~"5.."}[5m]))',
    "histogram_quantile(0.5, sum by (le) (rate(keyhatch_first_byte_seconds_bucket[5m])))",
    'keyhatch_auth_results_total{result=~"key_unknown|signature_invalid", instance="a"} offset 15m',
    'keyhatch_auth_results_total{result!~"allowed.*|none"}',
    'process_open_fds{instance=~"$instance"} and on (job, instance) keyhatch_build_info',
    'up{job="keyhatch"} == 0',
]
WRONG = {
    "keyhatch_request_total": "keyhatch_request_total",
    "keyhatch_requests_total_bucket": "keyhatch_requests_total_bucket",
    "keyhatch_first_byte_seconds": "keyhatch_first_byte_seconds",
    "rate(instance:keyhatch_requests:rate1h[5m])": "instance:keyhatch_requests:rate1h",
    'keyhatch_keys{state="active"}': "state",
    'keyhatch_keys{status="lost"}': "lost",
    'keyhatch_auth_results_total{result=~"key_unknown|key_unkown"}': "key_unkown",
}


@pytest.mark.parametrize("expression", SOUND)
def test_what_is_told_is_found_right(expression: str) -> None:
    assert wrong_with(expression) == []


@pytest.mark.parametrize("expression", WRONG)
def test_what_is_never_told_is_found(expression: str) -> None:
    (wrong,) = wrong_with(expression)
    assert WRONG[expression] in wrong


def test_a_recording_rule_that_is_there_is_right() -> None:
    rule = "instance:keyhatch_requests:rate5m"
    assert wrong_with(f"{rule} > 0.5", frozenset({rule})) == []
    assert metrics_in(f"{rule} > 0.5") == {rule}


def test_the_text_of_a_label_is_no_metric() -> None:
    assert metrics_in('up{job="keyhatch_keys"}') == set()


def test_a_histogram_is_known_by_its_samples() -> None:
    family = family_of("keyhatch_own_overhead_seconds_count")
    assert family is not None
    assert family.name == "keyhatch_own_overhead_seconds"
