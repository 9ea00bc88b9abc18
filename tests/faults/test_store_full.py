"""The disk full (F7): callers notice nothing, changes are refused whole, and all goes on when there is room.

The store lies on a small tmpfs of its own, in a user and mount namespace that ends with the process. The
gateway and what tries it run in there together, as `tests.faults.full_disk`.
"""

import json
import shutil
import subprocess
import sys

import pytest

from tests.faults.store_states import NOWHERE
from tests.support.running_gateway import ROOT, Home

_SCRIPT = 'mount -t tmpfs -o size=768k none "$0/disk" && exec "$@"'


def in_namespace(home: Home, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["unshare", "-rm", "sh", "-c", _SCRIPT, home.folder, *command],
        cwd=ROOT,
        env=home.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def can_mount(home: Home) -> bool:
    return (
        sys.platform == "linux"
        and shutil.which("unshare") is not None
        and in_namespace(home, "true").returncode == 0
    )


def test_a_full_disk_refuses_changes_whole_and_nothing_else_until_there_is_room(home: Home) -> None:
    (home.folder / "disk").mkdir()
    if not can_mount(home):
        pytest.skip("no namespaces with mounts here; tests/integration/test_store_trouble.py bounds the file")
    store = {"url": "sqlite:///disk/keyhatch.db"}
    home.configure(NOWHERE, store=store, keys={"last_used_flush": "100ms"})
    ran = in_namespace(home, sys.executable, "-m", "tests.faults.full_disk", str(home.folder))
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["made_until_full"] > 5
    refused = told["refused"]
    assert (refused["code"], refused["out"]) == (1, ""), "no secret is shown that was not committed"
    assert "the disk is full: free some space" in refused["err"]
    assert told["verdicts"] == {"cached": 502, "stored": 502, "unknown": 401}
    assert told["health"] == {"/healthz": 200, "/readyz": 200}
    assert told["failed_writes"] > 0
    assert (told["after"]["code"], told["after"]["out"][:3]) == (0, "kh_")
    assert told["found"] == told["acknowledged"], "every acknowledged key, and no other"
    assert told["is_whole"]
    assert told["uses_of_cached"] == told["uses_asked"]
    assert (told["end"], told["tracebacks"]) == (0, 0)
