"""Guarantees of release/readme.py: no link or picture on a package index leads nowhere."""

import re

import pytest

from release.readme import page
from tests.arch.sources import text

SOURCE = "https://example.org/keyhatch"


@pytest.mark.parametrize(
    ("written", "alone", "with_source"),
    [
        pytest.param(
            "see [cli](docs/cli.md#keys).",
            "see cli.",
            f"see [cli]({SOURCE}/blob/HEAD/docs/cli.md#keys).",
            id="link",
        ),
        pytest.param(
            "a\n\n![b](c.png)\n\nd", "a\n\nd", f"a\n\n![b]({SOURCE}/raw/HEAD/c.png)\n\nd", id="picture"
        ),
        pytest.param(
            "[x](https://x.org/) [y](#y)",
            "[x](https://x.org/) [y](#y)",
            "[x](https://x.org/) [y](#y)",
            id="whole",
        ),
        pytest.param("a\n<!-- file: x -->\n```", "a\n```", "a\n```", id="comment"),
    ],
)
def test_what_leads_into_the_repository_is_led_there_or_left_out(
    written: str, alone: str, with_source: str
) -> None:
    assert page(written, None) == alone
    assert page(written, SOURCE) == with_source


def test_the_readme_stands_alone() -> None:
    shown = page(text("README.md"), None)
    targets = re.findall(r"\]\(([^)]+)\)", shown)
    assert [target for target in targets if not re.match(r"https?:|#", target)] == []
    assert "<!--" not in shown
    assert "\n\n\n" not in shown
