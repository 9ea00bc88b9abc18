"""The chart of small requests that the README shows: bars of CPU per request, drawn as SVG by hand.

Text and lines take the colour of the page (`currentColor` under `prefers-color-scheme`), so it can be read on
a light and on a dark one.
"""

from collections.abc import Sequence
from statistics import median
from xml.sax.saxutils import escape

from bench.bars import OURS
from bench.rounds import Figures

_ROW, _LEFT, _WIDTH, _RIGHT = 26, 230, 620, 60
_ALL = _LEFT + _WIDTH + _RIGHT
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1f2328}.own{fill:#1a7f64}.peer{fill:#8c959f}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.own{fill:#2ec27e}.peer{fill:#6e7681}}"
)


def draw(figures: Figures, titles: Sequence[tuple[str, str]]) -> str:
    """The SVG; `titles` are names and titles of the peers to show."""
    shown = [
        (title, median(sample.cost for sample in figures.samples[name]), name == OURS)
        for name, title in titles
        if name in figures.samples
    ]
    shown.sort(key=lambda each: each[1])
    longest = max((cost for _, cost, _ in shown), default=1.0)
    height = _ROW * len(shown) + 34
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_ALL} {height}" role="img">',
        f"<title>{escape(figures.scenario.unit)}, small request</title><style>{_STYLE}</style>",
        f'<text x="{_LEFT}" y="16">{escape(figures.scenario.unit)}, shorter is better</text>',
    ]
    for number, (title, cost, is_own) in enumerate(shown):
        top = 26 + number * _ROW
        width = max(2.0, _WIDTH * cost / longest)
        kind = "own" if is_own else "peer"
        parts += (
            f'<text x="{_LEFT - 8}" y="{top + 14}" text-anchor="end">{escape(title)}</text>',
            f'<rect class="{kind}" x="{_LEFT}" y="{top}" width="{width:.1f}" height="18" rx="3"/>',
            f'<text x="{_LEFT + width + 6:.1f}" y="{top + 14}">{cost:.1f}</text>',
        )
    return "\n".join([*parts, "</svg>", ""])
