"""`keyhatch config show`: the configuration in force, in people's units, secrets masked, with its origins."""

from functools import reduce
from typing import Any

import click
import yaml

from gateway.cli.everywhere import Group
from gateway.cli.loading import load
from gateway.cli.output import Form, data, data_json, data_rows, data_table, on_terminal, output_option
from gateway.cli.surroundings import Surroundings, pass_surroundings
from gateway.config.load import Loaded
from gateway.config.problems import Loc, dotted
from gateway.config.shown import leaf_locs, shown


@click.group(cls=Group)
def config() -> None:
    """See the configuration."""


@config.command()
@click.option("--origin", is_flag=True, help="Where each value came from: file and line, variable, flag.")
@output_option
@pass_surroundings
def show(surroundings: Surroundings, form: Form, *, origin: bool) -> None:
    """Print the effective configuration: defaults, file, environment and flags together, secrets masked."""
    loaded = load(surroundings)
    values = shown(loaded.settings, loaded.tree)
    if origin:
        _show_origins(values, loaded, form)
    elif form == "json":
        data_json(values)
    else:
        data(yaml.safe_dump(values, sort_keys=False, allow_unicode=True).rstrip("\n"))
        for name in sorted({each.preset for each in loaded.settings.upstreams.values() if each.preset}):
            data(f"# and, behind these routes, those of the preset: keyhatch presets show {name}")


def _show_origins(values: dict[str, Any], loaded: Loaded, form: Form) -> None:
    found = [
        (dotted(loc), _at(values, loc), loaded.origins.get(dotted(loc), "")) for loc in leaf_locs(values)
    ]
    if form == "json":
        data_json({path: {"value": value, "origin": origin} for path, value, origin in found})
    elif not on_terminal():
        data_rows([(path, _written(value), origin) for path, value, origin in found])
    else:
        rows = [(path, _written(value), origin) for path, value, origin in found]
        data_table(("OPTION", "VALUE", "ORIGIN"), rows, whole=("OPTION", "ORIGIN"))


def _at(values: Any, loc: Loc) -> Any:
    return reduce(lambda value, part: value[part], loc, values)


def _written(value: Any) -> str:
    """The value as it would stand in YAML, on one line."""
    if isinstance(value, str):
        return value
    return yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("\n...\n").strip()
