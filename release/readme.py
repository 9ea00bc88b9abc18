"""README.md as a package index shows it: a page alone, without the repository around it.

A link or a picture that leads into the repository leads nowhere there. With an address of the source
(`project.urls.Source`) it leads to that; without one a link becomes its words and a picture is left out.
Hatchling calls `Readme` for each wheel and archive, so it imports nothing of the gateway.
"""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r"(?P<picture>!?)\[(?P<words>[^\]]*)\]\((?P<target>(?![a-z]+:|#)[^)\s]+)\)")
_HIDDEN = re.compile(r"^<!--.*?-->\n", re.MULTILINE)
_PICTURE_ALONE = re.compile(r"\n!\[[^\]]*\]\((?![a-z]+:)[^)\s]+\)\n(?=\n)")


class Readme(MetadataHookInterface):
    """Gives the page to the metadata of the wheel and of the source archive."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the page."""
        text = (Path(self.root) / "README.md").read_text("utf-8")
        source = metadata.get("urls", {}).get("Source")
        metadata["readme"] = {"content-type": "text/markdown", "text": page(text, source)}


def page(text: str, source: str | None) -> str:
    """The text whose links all lead somewhere without the repository."""

    def lead(match: re.Match[str]) -> str:
        if source:
            way = "raw" if match["picture"] else "blob"
            return f"{match['picture']}[{match['words']}]({source}/{way}/HEAD/{match['target']})"
        return "" if match["picture"] else match["words"]

    text = _HIDDEN.sub("", text)
    return _LINK.sub(lead, text if source else _PICTURE_ALONE.sub("", text))
