"""Expressions of Prometheus as far as tests read them: the metrics they name, and the labels they ask for.

No parser: `promtool` and a running Prometheus judge the syntax. Only selectors with plain names are known.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from gateway.core.keys import Status
from gateway.metrics.counts import CUTS, OTHER, RESULTS, UPSTREAM_REASONS
from gateway.metrics.families import FAMILIES, Family

_NAME: Final = r"(?:[a-z]+:keyhatch_\w+:\w+|(?:keyhatch|process|python)_\w+)"
_NAMES: Final = re.compile(rf"(?<![\w:]){_NAME}\b")
_SELECTOR: Final = re.compile(rf"(?<![\w:])({_NAME})\{{([^}}]*)\}}")
_MATCHER: Final = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
_OF_HISTOGRAM: Final = ("_bucket", "_sum", "_count")

TARGET_LABELS: Final = frozenset({"job", "instance"})
"""What Prometheus adds to every sample of a target."""
VALUES: Final = {
    ("keyhatch_auth_results_total", "result"): frozenset(RESULTS),
    ("keyhatch_upstream_errors_total", "reason"): frozenset(reason.value for reason in UPSTREAM_REASONS),
    ("keyhatch_responses_cut_total", "cause"): frozenset({*CUTS, OTHER}),
    ("keyhatch_keys", "status"): frozenset(status.value for status in Status),
    ("keyhatch_config_reloads_total", "outcome"): frozenset({"success", "failure"}),
    ("keyhatch_tls_certificate_reloads_total", "outcome"): frozenset({"success", "failure"}),
}
"""The closed sets of labels' values that can be known beforehand."""


class Matcher(NamedTuple):
    """One condition of a selector, such as `result=~"key_.*"`."""

    metric: str
    label: str
    operator: str
    value: str


def metrics_in(expression: str) -> set[str]:
    """The metrics that an expression names."""
    return set(_NAMES.findall(re.sub(r'"[^"]*"', '""', expression)))


def matchers_in(expression: str) -> Iterator[Matcher]:
    """The conditions in its selectors."""
    for metric, inside in _SELECTOR.findall(expression):
        for label, operator, value in _MATCHER.findall(inside):
            yield Matcher(metric, label, operator, value)


def family_of(metric: str) -> Family | None:
    """The family that a sample belongs to: a histogram's samples have endings of their own."""
    for family in FAMILIES:
        endings = _OF_HISTOGRAM if family.kind == "histogram" else ("",)
        if metric in {family.name + ending for ending in endings}:
            return family
    return None


def wrong_with(expression: str, recorded: frozenset[str] = frozenset()) -> list[str]:
    """What an expression names that the gateway never tells: metrics, labels, values of closed sets."""
    names = {name for name in metrics_in(expression) if name.startswith("keyhatch_")}
    rules = {name for name in metrics_in(expression) if ":" in name}
    wrong = [name for name in sorted(names) if family_of(name) is None]
    wrong += sorted(rules - recorded)
    return wrong + [str(each) for each in matchers_in(expression) if not _is_told(each)]


def _is_told(matcher: Matcher) -> bool:
    family = family_of(matcher.metric)
    if family is None or matcher.label in TARGET_LABELS or matcher.value.startswith("$"):
        return True
    if matcher.label not in {*family.labels, "le"}:
        return False
    known = VALUES.get((family.name, matcher.label))
    if known is None:
        return True
    if "~" not in matcher.operator:
        return matcher.value in known
    return all(any(re.fullmatch(part, value) for value in known) for part in matcher.value.split("|"))
