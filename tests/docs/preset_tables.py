"""The tables in docs/presets.md, made from the presets themselves.

    python -m tests.docs.preset_tables

writes them anew below the comment that names this module; what stands above it is written by hand.
"""

from collections.abc import Iterator
from typing import Final, get_args

from gateway.cli.presets import needs_of, policies_of
from gateway.config.presets import SCOPES, Preset, preset_of
from gateway.config.upstream_sections import Preset as Name
from tests.arch.sources import ROOT

PAGE: Final = ROOT / "docs/presets.md"
MARK: Final = (
    "<!-- From here on the page is made from gateway/presets: python -m tests.docs.preset_tables -->\n"
)
NAMES: Final = get_args(Name)


def page() -> str:
    """The whole page as it should be."""
    by_hand = PAGE.read_text("utf-8").partition(MARK)[0]
    return by_hand + MARK + tables()


def tables() -> str:
    """What is made from the presets."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield from ("", "## Scopes", "", "| scope | what it is for |", "|---|---|")
    yield from (f"| `{scope}` | {text} |" for scope, text in SCOPES.items())
    yield from (
        "",
        "## All presets",
        "",
        "| preset | server | usually at | endpoints |",
        "|---|---|---|---:|",
    )
    for name in NAMES:
        preset = preset_of(name)
        yield f"| [`{name}`](#{name}) | {preset.title} | `{preset.url}` | {len(preset.endpoints)} |"
    for name in NAMES:
        yield from _section(name, preset_of(name))


def _section(name: str, preset: Preset) -> Iterator[str]:
    yield from ("", f"### {name}", "")
    policies = ", ".join(f"`{word}: {value}`" for word, value in policies_of(preset).items())
    spoken = ", ".join(f"`{dialect}` at `{path}`" for path, dialect in preset.dialects.items())
    yield f"{preset.title}; see [its documentation]({preset.source})."
    yield f"Spoken to with {policies or 'the general defaults'}. Refusals: {spoken or '`combined`'}."
    yield from ("", "| who may | endpoints |", "|---|---|")
    by_need: dict[str, list[str]] = {}
    for endpoint in preset.endpoints.values():
        methods = "" if endpoint.methods is None else f"{'/'.join(endpoint.methods)} "
        by_need.setdefault(needs_of(endpoint), []).append(f"`{methods}{endpoint.path}`")
    order = ["public", "any key", *SCOPES]
    for need in sorted(by_need, key=lambda each: (order.index(each) if each in order else 99, each)):
        yield f"| {need if need in order[:2] else f'`{need}`'} | {' '.join(by_need[need])} |"
    if preset.notes:
        yield ""
        yield from (f"- {note}" for note in preset.notes)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
