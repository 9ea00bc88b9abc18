"""Guarantees of gateway/metrics/families.py: each family is well named, documented, and adds up."""

import re
from pathlib import Path

import pytest
from prometheus_client.core import CounterMetricFamily

from gateway.metrics.counts import Histogram
from gateway.metrics.families import BUILD_INFO, DURATION, FAMILIES, REQUESTS, Family

DOCUMENT = (Path(__file__).resolve().parents[3] / "docs/metrics.md").read_text()


def rows() -> dict[str, tuple[str, tuple[str, ...]]]:
    """The families of docs/metrics.md: name, then kind and labels."""
    found = re.findall(r"^\| `(keyhatch_\w+)` \| (\w+) \|([^|]*)\| \S", DOCUMENT, re.MULTILINE)
    return {name: (kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels in found}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_the_document_tells_each_family_its_kind_and_its_labels(family: Family) -> None:
    assert rows().get(family.name) == (family.kind, family.labels)


def test_the_document_tells_of_no_family_that_is_not_there() -> None:
    assert set(rows()) == {family.name for family in FAMILIES}


def test_an_alert_asks_only_for_families_that_are_there() -> None:
    asked = set(re.findall(r"keyhatch_\w+", DOCUMENT.partition("## Worth an alert")[2]))
    assert asked <= {family.name for family in FAMILIES}
    assert asked


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_name_follows_the_rules_of_prometheus(family: Family) -> None:
    assert re.fullmatch(r"keyhatch(_[a-z]+)+", family.name)
    assert family.name.endswith("_total") == (family.kind == "counter")
    assert family.help.endswith(".")


def test_names_are_said_once() -> None:
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)


def test_values_stand_under_their_labels() -> None:
    family = REQUESTS.holding([(("models", "GET", "200"), 3)])
    assert isinstance(family, CounterMetricFamily)
    (sample,) = family.samples
    assert sample.name == "keyhatch_requests_total"
    assert sample.labels == {"route": "models", "method": "GET", "code": "200"}
    assert sample.value == 3
    assert BUILD_INFO.holding([(("1", "lean", "3.11"), 1)]).type == "gauge"


def test_a_bucket_includes_all_smaller_ones() -> None:
    histogram = Histogram((0.5, 1.0))
    for value in (0.25, 0.75, 0.75, 4.0):
        histogram.observe(value)
    samples = DURATION.spread([(("models",), histogram)]).samples
    assert [(sample.labels.get("le"), sample.value) for sample in samples] == [
        ("0.5", 1),
        ("1.0", 3),
        ("+Inf", 4),
        (None, 4),
        (None, 5.75),
    ]
