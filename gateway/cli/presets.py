"""`keyhatch presets list|show`: the kinds of server that are known, and what is known of one.

What is shown is what is done: endpoints and policies are read from the preset that serving reads.
"""

from collections.abc import Iterator
from typing import Final, get_args

import click

from gateway.cli.everywhere import Group
from gateway.cli.failures import ExitCode
from gateway.cli.output import Form, data, data_json, data_rows, data_table, on_terminal, output_option
from gateway.config.presets import Endpoint, Preset, preset_of
from gateway.config.problems import meant, with_hint
from gateway.config.upstream_sections import Preset as Name


class NoPreset(click.ClickException):
    """Nothing is known of such a server."""

    exit_code = ExitCode.NOT_FOUND


NAMES = get_args(Name)
_TAKEN: Final = 8080


@click.group(cls=Group)
def presets() -> None:
    """Known servers, and what their presets open to whom."""


@presets.command("list")
@output_option
def list_presets(form: Form) -> None:
    """Every preset: its name, the server it is for, where that usually listens."""
    found = {name: preset_of(name) for name in NAMES}
    if form == "json":
        data_json([_summary(name, preset) for name, preset in found.items()])
        return
    rows = [(name, preset.title, preset.url, " ".join(preset.scopes)) for name, preset in found.items()]
    if on_terminal():
        data_table(("NAME", "SERVER", "USUALLY AT", "SCOPES"), rows, whole=("NAME", "USUALLY AT"))
    else:
        data_rows(rows)


@presets.command()
@click.argument("name")
@output_option
def show(name: str, form: Form) -> None:
    """One preset: who may ask for what, how the server is spoken to, what to write, how to call.

    Endpoints marked ! change or stop the server: no key needs their scopes that only asks for answers.
    """
    if name not in NAMES:
        raise NoPreset(with_hint(f"there is no preset '{name}'", meant(name, NAMES)))
    preset = preset_of(name)
    if form == "json":
        data_json(_whole(name, preset))
    else:
        data("\n".join(_page(name, preset)))


def example_of(name: str, preset: Preset) -> str:
    """What to write in a configuration file."""
    moved = ["server:", f"  proxy: {door_of(preset)}   # the server itself is at {_TAKEN}"]
    lines = moved if preset.port == _TAKEN else []
    lines += ["upstreams:", f"  {name}:", f"    url: {preset.url}", f"    preset: {name}"]
    if preset.credential_in is not None and preset.port is None:
        lines.append(f"    credential: ${{{name.upper().replace('-', '_')}_API_KEY}}")
    return "\n".join(lines)


def door_of(preset: Preset) -> str:
    """Where the gateway would listen before such a server: not where that does."""
    return "127.0.0.1:9090" if preset.port == _TAKEN else f"127.0.0.1:{_TAKEN}"


def snippets_of(preset: Preset) -> dict[str, str]:
    """How clients call, with what to put into them."""
    door = f"http://{door_of(preset)}"
    return {
        who: text.replace("{url}", door).replace("{key}", "kh_...") for who, text in preset.clients.items()
    }


def needs_of(endpoint: Endpoint) -> str:
    """Who may ask for an endpoint."""
    if endpoint.public:
        return "public"
    scopes = [*(endpoint.scopes or ()), *([f"one of {' '.join(endpoint.any_of)}"] if endpoint.any_of else [])]
    return " ".join(scopes) or "any key"


def policies_of(preset: Preset) -> dict[str, str]:
    """How the server is spoken to, as far as it differs from what is usual."""
    patience = {f"timeouts.{word}": seconds for word, seconds in preset.timeouts if seconds is not None}
    told = {
        "host": preset.host,
        "origin": preset.origin,
        "forwarded_headers": preset.forwarded_headers,
        "credential_in": preset.credential_in,
        "browser_prompt": "on" if preset.browser_prompt else None,
        **{name: f"{seconds:g}s" for name, seconds in patience.items()},
    }
    return {name: value for name, value in told.items() if value is not None}


def _page(name: str, preset: Preset) -> Iterator[str]:
    yield f"{preset.title} ({name})"
    yield f"Source: {preset.source}"
    yield ""
    yield "Endpoints; what is not among them is refused:"
    rows = [(_mark(each), _methods(each), each.path, needs_of(each)) for each in preset.endpoints.values()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    yield from _listed("Spoken to with:", [f"{word}: {value}" for word, value in policies_of(preset).items()])
    yield from _listed("Refusals:", [f"{path}: {dialect}" for path, dialect in preset.dialects.items()])
    yield from _listed("Notes:", preset.notes)
    yield from ("", "Configuration (config.yaml):", *_indented(example_of(name, preset)))
    for client, snippet in snippets_of(preset).items():
        yield from ("", f"{client}:", *_indented(snippet))


def _mark(endpoint: Endpoint) -> str:
    return "!" if endpoint.is_dangerous else " "


def _methods(endpoint: Endpoint) -> str:
    return "any" if endpoint.methods is None else ",".join(endpoint.methods)


def _listed(title: str, lines: list[str] | tuple[str, ...]) -> Iterator[str]:
    if lines:
        yield from ("", title, *(f"  {line}" for line in lines))


def _indented(text: str) -> list[str]:
    return [f"  {line}".rstrip() for line in text.rstrip().splitlines()]


def _summary(name: str, preset: Preset) -> dict[str, object]:
    return {"name": name, "title": preset.title, "url": preset.url, "scopes": preset.scopes}


def _whole(name: str, preset: Preset) -> dict[str, object]:
    endpoints = [
        {
            "id": word,
            "path": each.path,
            "methods": None if each.methods is None else list(each.methods),
            "public": each.public,
            "scopes": list(each.scopes or ()),
            "any_of": list(each.any_of or ()),
            "dangerous": each.is_dangerous,
            "streams": each.streams,
        }
        for word, each in preset.endpoints.items()
    ]
    return {
        **_summary(name, preset),
        "source": preset.source,
        "endpoints": endpoints,
        "policies": policies_of(preset),
        "dialects": {path: dialect.value for path, dialect in preset.dialects.items()},
        "notes": list(preset.notes),
        "example": example_of(name, preset),
        "clients": snippets_of(preset),
    }
