"""Guarantees of release/readme.py: no link or picture on a package index leads nowhere."""

import re

import pytest

from release.readme import page
from tests.arch.sources import text

SOURCE = "https://example.org/keyhatch"


@pytest.mark.parametrize(
    ("written", "alone", "with_source"),
    [
        ("see [cli](docs/cli.md#keys).", "see cli.", f"see [cli]({SOURCE}/blob/HEAD/docs/cli.md#keys)."),
        ("a\n\n![b](c.png)\n\nd", "a\n\nd", f"a\n\n![b]({SOURCE}/raw/HEAD/c.png)\n\nd"),
        (
            '<picture>\n  <img src="c.png">\n</picture>\n\nd',
            "d",
            f'<picture>\n  <img src="{SOURCE}/raw/HEAD/c.png">\n</picture>\n\nd',
        ),
        ("[x](https://x.org/) [y](#y)", "[x](https://x.org/) [y](#y)", "[x](https://x.org/) [y](#y)"),
        ("a\n<!-- file: x -->\n```", "a\n```", "a\n```"),
    ],
    ids=["link", "picture", "pictures", "whole", "comment"],
)
def test_what_leads_into_the_repository_is_led_there_or_left_out(
    written: str, alone: str, with_source: str
) -> None:
    assert page(written, None) == alone
    assert page(written, SOURCE) == with_source


@pytest.mark.parametrize("source", [None, SOURCE], ids=["no source", "source"])
def test_the_readme_stands_alone(source: str | None) -> None:
    shown = page(text("README.md"), source)
    targets = re.findall(r"\]\(([^)]+)\)", shown) + re.findall(r'(?:src|srcset|href)="([^"]+)"', shown)
    assert [target for target in targets if not re.match(r"https?:|#", target)] == []
    assert "<!--" not in shown
    assert "\n\n\n" not in shown
