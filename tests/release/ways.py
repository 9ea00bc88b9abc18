"""The ways to install, as docs/installing.md shows them: the commands under its headings."""

import re

from tests.docs.documents import document

SUMS = "## The files of a release"
WAYS = ("## With pipx", "## With uv", "## Into an environment of its own")
PROVED = (SUMS, *WAYS)

_FENCE = re.compile(
    r"<!-- not run: make release-check runs it -->\n```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL
)


def commands(heading: str) -> list[str]:
    """The fences of commands under a heading: the first installs, what comes after upgrades and removes."""
    return _FENCE.findall(document("docs/installing.md").section(heading))
