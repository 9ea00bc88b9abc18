"""What axe-core has to say about a page: whether everyone can use it.

axe-core is pinned in `tests/browser/package-lock.json`; `make test` installs it with npm.
"""

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.support.programs import cannot_be_tested

FOLDER = Path(__file__).resolve().parents[1] / "browser"
AXE = FOLDER / "node_modules/axe-core/axe.min.js"
GRAVE = {"serious", "critical"}


def assert_accessible(page: Page) -> None:
    """No grave finding of axe-core on the page as it is now, open dialogs included.

    axe waits by the page's clock: a test that holds it (`page.clock`) looks before it does.
    """
    if not AXE.exists():
        cannot_be_tested(
            "axe-core is not installed: apt install npm, then make test (or npm ci in tests/browser)"
        )
    page.evaluate(AXE.read_text("utf-8") + ";null")
    found = page.evaluate("() => axe.run(document, { resultTypes: ['violations'], preload: false })")
    assert found["passes"], "axe found nothing to look at"
    grave = [_told(each) for each in found["violations"] if each["impact"] in GRAVE]
    assert not grave, "\n\n".join(["not everyone can use this page:", *grave])


def _told(violation: dict[str, Any]) -> str:
    lines = [f"{violation['id']} ({violation['impact']}): {violation['help']}"]
    for node in violation["nodes"]:
        summary = node["failureSummary"].replace("\n", "\n    ")
        lines.append(f"  {' '.join(map(str, node['target']))}\n    {summary}")
    return "\n".join(lines)
