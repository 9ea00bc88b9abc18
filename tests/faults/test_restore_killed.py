"""kill -9 at every step of a restore leaves the old store or the new one, whole, and the next restore works.

One process has everything loaded and forks for each step: the child restores into a folder of its own and
kills itself there before the n-th line of the restore. `FAULT_STRIDE`: every how many lines.
"""

import os
import subprocess
import sys
from pathlib import Path

from gateway.store.backup import back_up
from gateway.store.judge import judge, opened
from gateway.store.restore import restoring
from tests.faults.store_states import stock
from tests.support.running_gateway import ROOT, Home

STRIDE = int(os.environ.get("FAULT_STRIDE", "3"))

RESTORE_UNTIL_KILLED = """
import os, shutil, signal, sys
from itertools import count
from pathlib import Path
from gateway.store import carry, restore

folder, file, stride = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
watched = {restore.__file__, carry.__file__}

def kill_at(step):
    seen = 0
    def trace(frame, event, argument):
        nonlocal seen
        if frame.f_code.co_filename not in watched:
            return None
        if event == "line":
            seen += 1
            if seen == step:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace
    sys.settrace(trace)

for step in count(1, stride):
    here = folder / str(step)
    shutil.copytree(folder / "before", here)
    child = os.fork()
    if not child:
        kill_at(step)
        with restore.restoring(here / "keyhatch.db", file) as restoration:
            restoration.finish(actor="host", now=2e9, as_it_was=False)
        sys.settrace(None)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status == 0:
        break
    assert os.WTERMSIG(status) == signal.SIGKILL, status
print(step)
"""


def keys_in(store: Path) -> int:
    with opened(store) as connection:
        return judge(connection).keys


def test_killed_at_any_step_a_restore_leaves_the_old_store_or_the_new_one(home: Home) -> None:
    before = home.folder / "before"
    before.mkdir()
    stock(before / "keyhatch.db", 2)
    file, other = home.folder / "backup.db", home.folder / "other.db"
    stock(other, 3)
    back_up(other, file)
    ran = subprocess.run(
        [sys.executable, "-c", RESTORE_UNTIL_KILLED, str(home.folder), str(file), str(STRIDE)],
        cwd=ROOT,
        env=home.environment(),
        capture_output=True,
        text=True,
        timeout=80,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    steps = range(1, int(ran.stdout) + 1, STRIDE)
    found = []
    for number, step in enumerate(steps):
        store = home.folder / str(step) / "keyhatch.db"
        found.append(keys_in(store))
        if number % 10 == 0:
            with restoring(store, file) as restoration:
                assert restoration.finish(actor="host", now=2e9, as_it_was=False) is not None
            assert keys_in(store) == 3
    switched = found.index(3)
    assert found == [2] * switched + [3] * (len(steps) - switched), "one step makes the new store the store"
    assert switched > 50 // STRIDE
