"""The chart: one bar for each peer, the shortest first, ours marked."""

from xml.etree import ElementTree as ET

from bench import work
from bench.chart import draw
from bench.rounds import Figures
from bench.scenarios import Sample


def test_it_is_well_formed_and_in_order() -> None:
    samples = {"envoy": [Sample(40.0)], "keyhatch-lean": [Sample(25.0)]}
    drawn = draw(Figures(work.ALL[0], samples), [("envoy", "Envoy & co"), ("keyhatch-lean", "Keyhatch")])
    root = ET.fromstring(drawn)  # noqa: S314 - drawn by us
    bars = [node for node in root if node.tag.endswith("rect")]
    assert [bar.get("class") for bar in bars] == ["own", "peer"]
    assert float(bars[0].get("width", "0")) < float(bars[1].get("width", "0"))
    assert "Envoy &amp; co" in drawn
