"""A gateway on a disk that fills up, tried from beside it. Prints what was seen as JSON.

Run by `test_store_full.py` in a mount namespace where `<folder>/disk` is a small file system of its own:
`python -m tests.faults.full_disk <folder>`.
"""

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from gateway.keeper.desk import KeyDraft
from gateway.keeper.ports import StoreUnavailable
from tests.faults.store_states import UNKNOWN, in_file, is_whole
from tests.support.running_gateway import Home, Ran, RunningGateway, eventually


def main(folder: str) -> None:
    home = Home(Path(folder))
    home.store = home.folder / "disk" / "keyhatch.db"
    seen: dict[str, Any] = {}
    with home.serve() as gateway:
        seen |= until_full(home, gateway)
        (home.folder / "disk" / "fill").unlink()
        seen |= afterwards(home, gateway, seen)
        seen["end"] = gateway.stop()
        seen["tracebacks"] = gateway.log.count("Traceback")
    seen["uses_of_cached"] = in_file(home)[1][0]  # the first is the admin key
    seen["is_whole"] = is_whole(home.store)
    print(json.dumps(seen))  # noqa: T201 - it is what this program is for


def until_full(home: Home, gateway: RunningGateway) -> dict[str, Any]:
    """Fill the disk, make keys until one is refused, and see who notices."""
    cached, stored = home.create("cached"), home.create("stored")
    status = [gateway.ask("/x", key=cached).status]
    fill(home.folder / "disk" / "fill")
    made = ["cached", "stored", *make_until_refused(home)]
    fill_up(home.folder / "disk" / "fill")
    refused = home.keyhatch("keys", "create", "Not now", "-q")
    status += [gateway.ask("/x", key=cached).status for _ in range(9)]
    verdicts = {
        "cached": max(status),
        "stored": gateway.ask("/x", key=stored).status,
        "unknown": gateway.ask("/x", key=UNKNOWN).status,
    }

    def a_use_does_not_fit() -> bool:
        """A use takes less room than a key, and what a refused key had begun to write is free again."""
        status.append(gateway.ask("/x", key=cached).status)
        return gateway.metric("keyhatch_store_errors_total") > 0

    eventually(a_use_does_not_fit, "a failed write is counted")
    return {
        "made_until_full": len(made),
        "acknowledged": made,
        "refused": told(refused),
        "verdicts": verdicts,
        "uses_asked": len(status),
        "health": {path: gateway.ask_admin(path).status for path in ("/healthz", "/readyz")},
        "failed_writes": gateway.metric("keyhatch_store_errors_total"),
    }


def afterwards(home: Home, gateway: RunningGateway, seen: dict[str, Any]) -> dict[str, Any]:
    """There is room again."""
    eventually(lambda: gateway.metric("keyhatch_last_used_pending") == 0, "every use is written")
    after = home.keyhatch("keys", "create", "after", "-q")
    found = [name for (name,) in in_file(home, "name") if name != "admin"]
    return {"after": told(after), "found": found, "acknowledged": [*seen["acknowledged"], "after"]}


def make_until_refused(home: Home) -> list[str]:
    """Make keys with long notes until the store takes no more; the names of those it took."""
    made: list[str] = []
    with suppress(StoreUnavailable):
        while True:
            draft = KeyDraft(name=f"key {len(made)}", note="x" * 400)
            home.manage(lambda desk, draft=draft: desk.create(draft))  # type: ignore[misc]
            made.append(draft.name)
    return made


def fill(path: Path) -> None:
    """Leave room for a few dozen pages."""
    free = os.statvfs(path.parent)
    path.write_bytes(b"\0" * max(0, free.f_bavail * free.f_bsize - 40 * 4096))


def fill_up(path: Path) -> None:
    """Leave no room at all."""
    with suppress(OSError), path.open("ab", buffering=0) as file:
        while True:
            file.write(bytes(1024))


def told(ran: Ran) -> dict[str, Any]:
    return {"code": ran.code, "out": ran.out, "err": ran.err}


if __name__ == "__main__":
    main(sys.argv[1])
