"""README.md as a package index shows it: a page alone, without the repository around it.

A link or a picture that leads into the repository leads nowhere there. With an address of the source
(`project.urls.Source`) it leads to that; without one a link becomes its words and a picture is left out.
Hatchling calls `Readme` for each wheel and archive, so it imports nothing of the gateway.
"""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_INTO = r"(?![a-z]+:|#)"
_LINK = re.compile(rf"(?P<picture>!?)\[(?P<words>[^\]]*)\]\((?P<target>{_INTO}[^)\s]+)\)")
_TAG = re.compile(rf'(?P<name>src|srcset|href)="(?P<target>{_INTO}[^"]+)"')
_COMMENT = re.compile(r"^<!--.*?-->\n", re.MULTILINE)
_PICTURES = re.compile(
    rf"^(?:!\[[^\]]*\]\({_INTO}[^)]+\)|<picture>.*?</picture>)\n\n", re.MULTILINE | re.DOTALL
)


class Readme(MetadataHookInterface):
    """Gives the page to the metadata of the wheel and of the source archive."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the page."""
        text = (Path(self.root) / "README.md").read_text("utf-8")
        source = metadata.get("urls", {}).get("Source")
        metadata["readme"] = {"content-type": "text/markdown", "text": page(text, source)}


def page(text: str, source: str | None) -> str:
    """The text whose links all lead somewhere without the repository."""
    text = _COMMENT.sub("", text)
    if source is None:
        return _LINK.sub(lambda link: "" if link["picture"] else link["words"], _PICTURES.sub("", text))

    def link_to(link: re.Match[str]) -> str:
        way = "raw" if link["picture"] else "blob"
        return f"{link['picture']}[{link['words']}]({source}/{way}/HEAD/{link['target']})"

    return _TAG.sub(rf'\g<name>="{source}/raw/HEAD/\g<target>"', _LINK.sub(link_to, text))
