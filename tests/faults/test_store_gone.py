"""The store moved, deleted or replaced while running (F10), or read-only (F6): seen at once, never a guess.

What is known goes on, what is not is 503, and the admin listener says so well within ten seconds. All ways
are those that stop root too, since tests often run as root.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from tests.faults.conftest import on_plane
from tests.faults.store_states import NOWHERE, PASSED, UNKNOWN, in_file, stock, verdict
from tests.support.running_gateway import Home, eventually

Break = Callable[[Home], Callable[[], object]]
UNAVAILABLE = (503, "store_unavailable")
DETECTED_S = 10.0


def moved(home: Home) -> Callable[[], object]:
    aside = home.store.rename(home.folder / "aside.db")
    return lambda: aside.rename(home.store)


def deleted(home: Home) -> Callable[[], object]:
    (home.folder / "kept.db").hardlink_to(home.store)
    home.store.unlink()
    return lambda: (home.folder / "kept.db").rename(home.store)


def replaced_by_another_store(home: Home) -> Callable[[], object]:
    aside = home.store.rename(home.folder / "aside.db")
    shutil.copyfile(aside, home.store)
    return lambda: aside.replace(home.store)


def folder_moved(home: Home) -> Callable[[], object]:
    aside = home.store.parent.rename(home.folder / "aside")
    return lambda: aside.rename(home.store.parent)


@pytest.mark.parametrize("break_it", [moved, deleted, replaced_by_another_store, folder_moved])
def test_known_keys_go_on_unknown_ones_are_503_and_readiness_turns_red(
    home: Home, served_plane: str, break_it: Break
) -> None:
    (home.folder / "store").mkdir()
    home.store = home.folder / "store" / "keyhatch.db"
    cached, stored = stock(home.store, 2)
    home.configure(NOWHERE, server=on_plane(served_plane), store={"url": "sqlite:///store/keyhatch.db"})
    with home.serve() as gateway:
        assert verdict(gateway, cached) == PASSED
        mend = break_it(home)
        began = time.monotonic()
        eventually(lambda: gateway.ask_admin("/readyz").status == 503, "readiness turns red", DETECTED_S)
        gateway.wait_for_log("was deleted, moved or replaced while open", DETECTED_S)
        assert time.monotonic() - began < DETECTED_S
        for _ in range(20):
            assert verdict(gateway, cached) == PASSED
            assert verdict(gateway, stored) == UNAVAILABLE
            assert verdict(gateway, UNKNOWN) == UNAVAILABLE
        assert gateway.ask("/x", key=UNKNOWN).headers["retry-after"] == "1"
        assert gateway.ask_admin("/healthz").status == 200
        assert gateway.metric("keyhatch_store_errors_total") >= 20
        mend()
        eventually(lambda: gateway.ask_admin("/readyz").status == 200, "ready again")
        assert verdict(gateway, stored) == PASSED
        assert verdict(gateway, UNKNOWN) == (401, "key_unknown")
    assert [count for (count,) in in_file(home)] == [21, 1], "uses of the bad time are kept"


def in_read_only_mount(home: Home, *command: str) -> subprocess.CompletedProcess[str]:
    """Run `keyhatch` where the home is mounted read-only: a namespace of its own, gone with the process."""
    script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && cd "$0" && exec "$@"'
    return subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, home.folder, sys.executable, "-m", "gateway", *command],
        env=home.environment(PYTHONDONTWRITEBYTECODE="1"),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def can_mount() -> bool:
    """Whether this machine lets us mount in a namespace of our own."""
    unshare = shutil.which("unshare")
    if sys.platform != "linux" or unshare is None:
        return False
    tried = subprocess.run(
        [unshare, "-rm", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False
    )
    return tried.returncode == 0


@pytest.mark.skipif(not can_mount(), reason="no namespaces with mounts here")
@pytest.mark.parametrize(
    "command", [("serve",), ("keys", "create", "Not now", "-q")], ids=["serve", "create"]
)
def test_on_a_read_only_file_system_nothing_starts_and_the_message_names_the_mend(
    home: Home, command: tuple[str, ...]
) -> None:
    stock(home.store, 1)
    home.configure(NOWHERE)
    before = home.store.read_bytes()
    ran = in_read_only_mount(home, *command, "--store", f"sqlite:///{home.store}")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert str(home.store) in ran.stderr
    assert "Read-only file system" in ran.stderr or "write access" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert home.store.read_bytes() == before
