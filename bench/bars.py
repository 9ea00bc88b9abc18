"""The bars that the gateway is held to, each a ratio or a figure of one run: to be reached, and aimed at."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.rounds import Figures
from bench.scenarios import Sample

OURS = "keyhatch-lean"

Ratio = Callable[[Sequence[Sample], Sequence[Sample]], float]
"""The median over the rounds of one cost divided by another."""


@dataclass(frozen=True)
class Bar:
    """`peer`'s cost in `scenario` beside that of `other` (another peer, or None: the figure itself).

    Without a `bar` it is only told.
    """

    work: str
    scenario: str
    other: str | None
    bar: float | None
    aim: float | None = None
    peer: str = OURS
    unit: str = "×"


ALL = (
    Bar("small request, beside Envoy", "small", "envoy", 0.75, 0.55),
    Bar("small request, beside nginx with a static map", "small", "nginx", 2.0, 1.5),
    Bar("small request, beside nginx + `auth_request` + Keyhatch", "small", "nginx-auth-request", 0.75, 0.6),
    Bar("small request with an access log, beside Envoy", "logged", "envoy", 0.9, 0.7),
    Bar("event of a stream, beside nginx", "stream", "nginx", 1.3, 1.05),
    Bar("download, beside nginx", "download", "nginx", 1.5, 1.1),
    Bar("upload, beside nginx", "upload", "nginx", 1.5, 1.1),
    Bar("one caller alone, beside nginx", "alone", "nginx", 2.0, 1.3),
    Bar("10,000 keys beside one", "small", OURS, 1.15, None, f"{OURS}-10000"),
    Bar("1,000,000 keys beside one", "small", OURS, 1.15, None, f"{OURS}-1000000"),
    Bar("first request with a key, 10,000 keys beside few", "cold", OURS, 1.15, None, f"{OURS}-10000"),
    Bar("first request with a key, 1,000,000 keys beside few", "cold", OURS, 1.15, None, f"{OURS}-1000000"),
    Bar(
        "revocation, from the question to the end of the last stream",
        "revocation",
        None,
        1000.0,
        None,
        OURS,
        "ms",
    ),
    Bar("requests let through after it", "revoked-requests", None, 0.0, None, OURS, "requests"),
    Bar("last use, how far off", "last-used", None, None, None, OURS, "ms"),
    Bar("last use, until it is stored", "last-used-delay", None, None, None, OURS, "ms"),
    Bar("chat completion, beside Envoy", "chat", "envoy", None),
    Bar("chat completion, beside LiteLLM", "chat", "litellm", None),
    Bar("memory, idle", "idle-memory", None, 45.0, None, OURS, "MiB"),
    Bar("memory that 1 GiB down adds", "download-memory", None, 8.0, None, OURS, "MiB"),
    Bar("memory that 1 GiB up adds", "upload-memory", None, 8.0, None, OURS, "MiB"),
    Bar("memory of an idle connection", "idle-connection", None, 12.0, None, OURS, "KiB"),
)


def table(figures: Mapping[str, Figures], ratio: Ratio) -> list[str]:
    """The rows of the report's table of bars; what was not measured in this run is left out."""
    rows = []
    for bar in ALL:
        measured = _measured(bar, figures, ratio)
        if measured is not None:
            limits = ["" if limit is None else f"{limit:g} {bar.unit}" for limit in (bar.bar, bar.aim)]
            figure = f"{measured:.2f}" if measured >= 0.1 or not measured else f"{measured:.2g}"
            rows.append(
                f"| {bar.work} | {figure} {bar.unit} | {' | '.join(limits)} | {_verdict(bar, measured)} |"
            )
    refused = _refused_beside_allowed(figures, ratio)
    if refused is not None:
        verdict = "reached" if refused < 1 else "**missed**"
        rows.append(f"| refused request, beside an allowed one | {refused:.2f} × | cheaper | | {verdict} |")
    return rows


def _verdict(bar: Bar, measured: float) -> str:
    if bar.bar is None:
        return ""
    if bar.aim is not None and measured <= bar.aim:
        return "aim reached"
    return "reached" if measured <= bar.bar else "**missed**"


def _measured(bar: Bar, figures: Mapping[str, Figures], ratio: Ratio) -> float | None:
    some = figures.get(bar.scenario)
    if some is None or bar.peer not in some.samples:
        return None
    mine = some.samples[bar.peer]
    if bar.other is None:
        return median(sample.cost for sample in mine)
    return ratio(mine, some.samples[bar.other]) if bar.other in some.samples else None


def _refused_beside_allowed(figures: Mapping[str, Figures], ratio: Ratio) -> float | None:
    if not {"small", "refused"} <= figures.keys():
        return None
    refused, small = figures["refused"].samples.get(OURS), figures["small"].samples.get(OURS)
    return ratio(refused, small) if refused and small else None
