"""The report tells ratios first, and tells what is missing."""

from dataclasses import replace

import pytest

from bench import scenarios
from bench.report import Row, Run, ratio, render
from bench.rounds import Figures
from bench.scenarios import Sample

SMALL, REFUSED, _VARIED, _CHAT, IDLE = scenarios.SMALL
ROWS = [
    Row("nginx", "nginx", "1.22.1", "map", refusal_keeps=True),
    Row("envoy", "Envoy", "1.40.0", "filter", refusal_keeps=False),
    Row("keyhatch-aiohttp", "Keyhatch (aiohttp plane)", "0.1.0", "scopes", refusal_keeps=True),
]


def loaded(*costs: float) -> list[Sample]:
    return [Sample(cost, rate_per_s=1000, busy=0.5) for cost in costs]


RUN = Run(
    date="2026-01-31",
    machine="2 cores",
    pinning="each on its own",
    rounds=3,
    seconds=4,
    tools={"wrk": "4.1.0", "nginx": "1.22.1"},
    peers=ROWS,
    skipped={"HAProxy": "not on PATH"},
    left_out={"Peers that were not asked for": ["Caddy", "LiteLLM"], "Nobody": []},
    references=("nginx", "envoy"),
    figures=[
        Figures(
            SMALL,
            {
                "keyhatch-aiohttp": loaded(200, 220, 210),
                "envoy": loaded(50, 55, 70),
                "nginx": loaded(20, 20, 30),
            },
        ),
        Figures(
            REFUSED,
            {"keyhatch-aiohttp": loaded(100, 110, 105), "nginx": loaded(10, 10, 15)},
            out={"envoy": "2 connections broke or timed out"},
        ),
        Figures(IDLE, {"keyhatch-aiohttp": [Sample(40)], "nginx": [Sample(10)]}),
    ],
)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        pytest.param([20, 40, 90], [10, 20, 30], 2, id="the median of the ratios"),
        # The medians' ratio would be 100 / 50: the rounds were noisy, but in each the two were alike.
        pytest.param([10, 100, 1000], [10, 100, 1000], 1, id="taken within a round"),
        pytest.param([10], [0], float("inf"), id="beside nothing"),
    ],
)
def test_a_ratio_is_taken_within_each_round(one: list[float], other: list[float], expected: float) -> None:
    assert ratio(loaded(*one), loaded(*other)) == expected


def test_peers_with_unlike_numbers_of_rounds_are_not_compared() -> None:
    with pytest.raises(ValueError, match="zip"):
        ratio(loaded(1, 2), loaded(1))


def test_the_report_opens_with_our_ratios() -> None:
    lines = render(RUN).splitlines()
    assert lines[2:5] == [
        "- Keyhatch (aiohttp plane), small request: **10.00 ×** nginx, **4.00 ×** Envoy",
        "- Keyhatch (aiohttp plane), refused request: **10.00 ×** nginx",
        "- Keyhatch (aiohttp plane), memory, idle: **4.00 ×** nginx",
    ]


def test_a_table_goes_from_cheap_to_dear_with_medians_and_spread() -> None:
    table = [line for line in render(RUN).splitlines() if line.startswith("|")][:5]
    assert table == [
        "| peer | × nginx | × Envoy | CPU µs/request | lowest–highest | requests/s | core busy |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| nginx | 1.00 | 0.40 | 20.0 | 20.0–30.0 | 1,000 | 50% |",
        "| Envoy | 2.50 | 1.00 | 55.0 | 50.0–70.0 | 1,000 | 50% |",
        "| Keyhatch (aiohttp plane) | 10.00 | 4.00 | 210.0 | 200.0–220.0 | 1,000 | 50% |",
    ]


def test_refusing_is_set_beside_allowing_peer_by_peer() -> None:
    text = render(RUN)
    assert "× its own small request" in text
    assert "| Keyhatch (aiohttp plane) | 10.00 | 105.0 | 100.0–110.0 | 0.50 | 1,000 | 50% |" in text


def test_whoever_was_not_measured_is_named_with_the_reason() -> None:
    text = render(RUN)
    assert "- HAProxy was skipped: not on PATH" in text
    assert "- Envoy was not measured here: 2 connections broke or timed out" in text
    assert "- Peers that were not asked for: Caddy, LiteLLM" in text
    assert "Nobody" not in text
    assert "closes the connection when it refuses" in text


def test_a_quick_look_is_offered_by_its_own_target() -> None:
    assert "`make bench-quick` for a quick look" in render(RUN)


def test_a_run_without_us_and_without_references_is_still_written() -> None:
    run = replace(RUN, peers=ROWS[:1], figures=[Figures(IDLE, {"nginx": [Sample(10)]})], references=())
    assert "| peer | MiB |" in render(run)
