"""deploy/grafana: a dashboard that is whole and readable, asks only for what is told, and leaves nothing out.

The file is kept as `json.dumps(…, indent=2, sort_keys=True)` writes it, so that a change from Grafana's own
export shows as the lines that changed: `python -m json.tool --indent 2 --sort-keys --no-ensure-ascii`.
Its expressions are evaluated by a real Prometheus in test_prometheus_at_work.py.
"""

import itertools
import json
from typing import Any

import pytest
import yaml

from gateway.metrics.families import FAMILIES
from tests.arch.sources import ROOT
from tests.deploy.dashboard import DASHBOARD, EXPRESSIONS, PANELS, TEXT, VARIABLES
from tests.support.promql import family_of, metrics_in, wrong_with

SOURCE = {"type": "prometheus", "uid": "${DS_PROMETHEUS}"}
COLUMNS = 24
NOT_SHOWN: frozenset[str] = frozenset()
"""Families that are deliberately not in the dashboard."""


def titles(panel: dict[str, Any]) -> str:
    return str(panel["title"])


def test_it_is_written_in_the_form_that_shows_changes() -> None:
    assert json.dumps(DASHBOARD, indent=2, sort_keys=True, ensure_ascii=False) + "\n" == TEXT


def test_panels_have_ids_of_their_own_in_the_order_of_their_places() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert ids == sorted(set(ids))
    places = [(panel["gridPos"]["y"], panel["gridPos"]["x"]) for panel in DASHBOARD["panels"]]
    assert places == sorted(places)
    assert len({panel["title"] for panel in DASHBOARD["panels"]}) == len(ids)


def test_no_panel_lies_over_another_or_outside() -> None:
    taken: set[tuple[int, int]] = set()
    for at in (panel["gridPos"] for panel in DASHBOARD["panels"]):
        cells = set(itertools.product(range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])))
        assert at["x"] + at["w"] <= COLUMNS
        assert not taken & cells
        taken |= cells


@pytest.mark.parametrize("panel", PANELS, ids=titles)
def test_a_panel_says_what_it_shows_and_in_which_unit(panel: dict[str, Any]) -> None:
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["datasource"] == SOURCE
    assert [target["refId"] for target in panel["targets"]] == list("ABC"[: len(panel["targets"])])
    assert all(target["datasource"] == SOURCE for target in panel["targets"])


def test_the_source_the_gateway_the_route_and_the_upstream_can_be_chosen() -> None:
    assert VARIABLES["DS_PROMETHEUS"]["type"] == "datasource"
    for name in ("instance", "route", "upstream"):
        assert VARIABLES[name]["datasource"] == SOURCE
        assert VARIABLES[name]["includeAll"]
        assert any(f'"${name}"' in expression for expression in EXPRESSIONS.values())


@pytest.mark.parametrize("where", EXPRESSIONS)
def test_an_expression_asks_only_for_what_the_gateway_tells(where: str) -> None:
    assert wrong_with(EXPRESSIONS[where]) == []
    assert "$instance" in EXPRESSIONS[where] or "ALERTS" in EXPRESSIONS[where]


def test_every_family_is_shown_or_deliberately_not() -> None:
    named = {name for expression in EXPRESSIONS.values() for name in metrics_in(expression)}
    shown = {family.name for name in named if (family := family_of(name)) is not None}
    assert {family.name for family in FAMILIES} - shown == NOT_SHOWN


def test_grafana_can_load_it_by_itself() -> None:
    folder = ROOT / "deploy/grafana/provisioning"
    (source,) = yaml.safe_load((folder / "datasources/prometheus.yaml").read_text("utf-8"))["datasources"]
    scraped = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text("utf-8"))["global"]
    assert source["type"] == "prometheus"
    assert source["isDefault"]
    assert source["jsonData"]["timeInterval"] == scraped["scrape_interval"]
    (provider,) = yaml.safe_load((folder / "dashboards/keyhatch.yaml").read_text("utf-8"))["providers"]
    assert provider["type"] == "file"
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"
