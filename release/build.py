"""`make build`: the wheel, the source archive, the SBOM and the check sums of them, into dist/.

The same commit gives the same bytes, in any folder and at any time: the only clock is `SOURCE_DATE_EPOCH`,
and where nobody set it, the time of the last commit. `make release-check` proves that.

What git neither holds nor ignores would be packed too: a key that lies in the checkout, for everybody to
read. So nothing is built while there is such a file.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.utils import get_reproducible_timestamp
from hatchling.builders.wheel import WheelBuilder

from release.sbom import NAME, sbom_of

ROOT: Final = Path(__file__).resolve().parents[1]
SUMS: Final = "SHA256SUMS"


def build(root: Path, folder: Path) -> list[Path]:
    """Make all that is published, from the tree at `root`; what is in the folder already stays."""
    os.environ.setdefault("SOURCE_DATE_EPOCH", str(_last_commit(root)))
    wheel = WheelBuilder(str(root))
    made = [
        Path(*builder.build(directory=str(folder), versions=["standard"]))
        for builder in (wheel, SdistBuilder(str(root)))
    ]
    version = wheel.metadata.version
    lock = (root / "requirements" / "run.txt").read_text("utf-8")
    sbom = folder / f"{NAME}-{version}.cdx.json"
    sbom.write_text(sbom_of(lock, version, get_reproducible_timestamp()), "utf-8")
    made.append(sbom)
    sums = folder / SUMS
    sums.write_text(
        "".join(f"{hashlib.sha256(each.read_bytes()).hexdigest()}  {each.name}\n" for each in sorted(made))
    )
    return [*made, sums]


def _last_commit(root: Path) -> int:
    """When the last commit was made; a source archive without a history has the time that hatchling takes."""
    told = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=root, capture_output=True, text=True, check=False
    ).stdout.strip()
    return int(told) if told else get_reproducible_timestamp()


def strangers(root: Path) -> list[str]:
    """The files that are in no commit and not ignored; of an archive without a history nobody can tell."""
    if not (root / ".git").exists():
        return []
    listing = ["git", "ls-files", "-z", "--others", "--exclude-standard"]
    told = subprocess.run(listing, cwd=root, capture_output=True, text=True, check=True).stdout
    return [name for name in told.split("\0") if name]


def main() -> None:
    """Build this tree into the folder that is named, or into dist/."""
    if found := strangers(ROOT):
        sys.exit(
            f"nothing is built: git does not know {', '.join(found)}, and all of it would be published. "
            "Commit it (git add is enough), move it away, or have it ignored"
        )
    folder = Path(*sys.argv[1:2] or ["dist"])
    for each in build(ROOT, folder):
        sys.stdout.write(f"{each}\n")


if __name__ == "__main__":
    main()
