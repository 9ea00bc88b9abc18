"""The documents as the tests read them: their fences, links, headings and the words they set in code.

Only as much Markdown as this repository uses: ATX headings, fences of three backticks at the line's
beginning, inline links, code spans on one line.

A comment on the line before a fence says what a test does with it; readers never see it:

    <!-- file: config.yaml -->     the fence is this file, for the commands after it
    <!-- output -->                what the commands before it show, where `…` stands for anything
    <!-- not run: WHY -->          these commands are not run, and why
"""

import functools
import re
from dataclasses import dataclass
from pathlib import Path

from tests.arch.sources import ROOT, committed_files

_FENCE = re.compile(
    r"(?:^<!-- (?P<note>[^\n]*?) -->\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)|<[^>]* (?:src|srcset)=\"(?P<picture>[^\"]+)\"")
_HEADING = re.compile(r"^#{1,6} +(?P<text>.+?) *$", re.MULTILINE)
_CODE = re.compile(r"(`+)(?P<text>.+?)\1")
_NO_ANCHOR = re.compile(r"[^\w\- ]")


@dataclass(frozen=True)
class Fence:
    """A block between backticks, and what the comment before it says."""

    document: str
    line: int
    kind: str
    note: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"

    @property
    def file(self) -> str | None:
        """The file that the block is."""
        return self.note.removeprefix("file: ") if self.note.startswith("file: ") else None

    @property
    def is_run(self) -> bool:
        """Whether the block is commands that a test runs."""
        return self.kind == "sh" and not self.note.startswith("not run: ")


class Document:
    """One page."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.text = (ROOT / path).read_text("utf-8")
        self.prose = _FENCE.sub("", self.text)

    @property
    def folder(self) -> Path:
        """What its links are relative to."""
        return (ROOT / self.path).parent

    def fences(self) -> list[Fence]:
        """Its fences, in order."""
        return [
            Fence(
                self.path, self._line(match.start("text")), match["kind"], match["note"] or "", match["text"]
            )
            for match in _FENCE.finditer(self.text)
        ]

    def links(self) -> list[str]:
        """Where its links lead, those to other sites left out."""
        targets = [match["target"] or match["picture"] for match in _LINK.finditer(_CODE.sub("", self.prose))]
        return [target for target in targets if "://" not in target and not target.startswith("mailto:")]

    def headings(self) -> list[str]:
        """Its headings, without code's backticks."""
        return [match["text"].replace("`", "") for match in _HEADING.finditer(self.prose)]

    def anchors(self) -> set[str]:
        """The fragments that its headings have on a forge."""
        return {_NO_ANCHOR.sub("", text.lower()).replace(" ", "-") for text in self.headings()}

    def code_spans(self) -> list[str]:
        """What stands between backticks in its prose."""
        return [match["text"].strip() for match in _CODE.finditer(self.prose)]

    def code(self) -> list[str]:
        """Its code spans, and every line of its fences of commands without what comes after a `#`."""
        lines = [line for fence in self.fences() if fence.kind == "sh" for line in fence.text.splitlines()]
        return [*self.code_spans(), *(re.split(r"(?:^|\s)#", line)[0].strip() for line in lines)]

    def section(self, heading: str) -> str:
        """The text under a heading, up to the next heading of any level."""
        _, found, rest = self.text.partition(f"\n{heading}\n")
        assert found, f"{self.path} has no heading {heading!r}"
        return re.split(r"^#{1,6} ", rest, maxsplit=1, flags=re.MULTILINE)[0]

    def _line(self, position: int) -> int:
        return self.text.count("\n", 0, position) + 1


@functools.cache
def document(path: str) -> Document:
    """One page, read once."""
    return Document(path)


PATHS = tuple(path for path in committed_files() if path.endswith(".md"))
RUN_ELSEWHERE = tuple(path for path in PATHS if path == "README.md" or path.startswith("docs/before/"))
"""Those whose commands have a test of their own: test_strangers_path, test_before_pages."""
RUN = tuple(
    path
    for path in PATHS
    if path not in RUN_ELSEWHERE and any(fence.is_run for fence in document(path).fences())
)
"""The pages whose commands are run as they stand."""
