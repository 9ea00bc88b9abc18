"""The bars: what was not measured is left out, what was missed is said."""

from bench import bars, peers, work
from bench.report import ratio
from bench.rounds import Figures
from bench.scenarios import Sample

BY_NAME = {scenario.name: scenario for scenario in work.ALL}


def figures(scenario: str, **costs: float) -> Figures:
    samples = {name.replace("_", "-"): [Sample(cost)] for name, cost in costs.items()}
    return Figures(BY_NAME[scenario], samples)


def test_every_bar_is_about_a_scenario_and_peers_that_exist() -> None:
    names = {peer.name for peer in peers.ALL}
    for bar in bars.ALL:
        assert bar.scenario in BY_NAME
        assert {bar.peer, bar.other or bar.peer} <= names
        assert bar.aim is None or (bar.bar is not None and bar.aim < bar.bar)


def test_a_bar_is_aimed_at_reached_or_missed() -> None:
    for cost, verdict in ((50.0, "aim reached"), (70.0, "| reached"), (80.0, "**missed**")):
        small = figures("small", keyhatch_lean=cost, envoy=100.0)
        assert verdict in bars.table({"small": small}, ratio)[0]


def test_what_was_not_measured_is_left_out() -> None:
    assert bars.table({}, ratio) == []
    assert bars.table({"small": figures("small", nginx=1.0)}, ratio) == []


def test_a_refusal_has_to_be_cheaper_than_what_it_refuses() -> None:
    small, dear = figures("small", keyhatch_lean=10.0), figures("refused", keyhatch_lean=11.0)
    assert "**missed**" in bars.table({"small": small, "refused": dear}, ratio)[-1]


def test_a_figure_of_its_own_needs_no_other_peer() -> None:
    rows = bars.table({"idle-memory": figures("idle-memory", keyhatch_lean=44.0)}, ratio)
    assert rows == ["| memory, idle | 44.00 MiB | 45 MiB |  | reached |"]


def test_what_has_no_bar_is_told_without_a_verdict() -> None:
    rows = bars.table({"chat": figures("chat", keyhatch_lean=40.0, litellm=10_000.0)}, ratio)
    assert rows == ["| chat completion, beside LiteLLM | 0.004 × |  |  |  |"]


def test_nothing_let_through_reaches_a_bar_of_nothing() -> None:
    for count, verdict in ((0.0, "| reached"), (1.0, "**missed**")):
        counted = figures("revoked-requests", keyhatch_lean=count)
        assert verdict in bars.table({"revoked-requests": counted}, ratio)[0]
