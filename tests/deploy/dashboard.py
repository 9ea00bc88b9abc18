"""deploy/grafana/dashboard.json as tests read it: its panels, and every expression in it."""

import json
from collections.abc import Iterator
from typing import Any, Final

from tests.arch.sources import ROOT

PATH: Final = ROOT / "deploy/grafana/dashboard.json"
TEXT: Final = PATH.read_text("utf-8")
DASHBOARD: Final[dict[str, Any]] = json.loads(TEXT)
PANELS: Final = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
VARIABLES: Final = {each["name"]: each for each in DASHBOARD["templating"]["list"]}


def expressions() -> Iterator[tuple[str, str]]:
    """Where each expression stands, and the expression: of panels and of annotations."""
    for panel in PANELS:
        for target in panel["targets"]:
            yield f"{panel['title']} {target['refId']}", target["expr"]
    for annotation in DASHBOARD["annotations"]["list"]:
        yield annotation["name"], annotation["expr"]


EXPRESSIONS: Final = dict(expressions())
