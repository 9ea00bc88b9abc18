"""A small machine of its own whose first process is systemd: namespaces and a few mounts, no engine.

It sees of this machine /usr, the Python that runs the tests with its packages, and the package under test,
all read-only; and the network, so that a test asks over the loopback as anybody would. Its cgroups lie in a
folder of their own. It ends with the process that started it, and after `LIFE_S` whatever happens.

It takes Linux, root, and a kernel that lets root make namespaces and cgroups. Where one of these is missing
`Machine.start` raises `NoMachine` and says which.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

import psutil

from tests.arch.sources import ROOT
from tests.support.running_gateway import Ran, eventually, run

LIFE_S: Final = 240
PAUSE_S: Final = 0.05
SYSTEMD: Final = Path("/lib/systemd/systemd")
PROGRAMS: Final = ("systemctl", "journalctl", "unshare", "nsenter", "timeout", "pivot_root", "mount")
SCRIPT: Final = Path(__file__).with_suffix(".sh")
TARGETS: Final = ("basic", "sysinit", "shutdown", "umount", "local-fs", "network-online", "multi-user")
TARGET: Final = "[Unit]\nDescription=A target\nDefaultDependencies=no\n"
JOURNAL: Final = ("systemd-journald.service", "systemd-journald.socket", "systemd-journald-dev-log.socket")
PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"

ENVIRONMENT: Final = {"PATH": PATH, "LD_LIBRARY_PATH": "/opt/python/lib", "LANG": "C.UTF-8", "TZ": "UTC"}


class NoMachine(Exception):
    """Why there can be no such machine here."""


class Machine:
    """Started on entering, gone on leaving. `files` are put into its root; scripts among them can be run."""

    def __init__(self, folder: Path, files: Mapping[str, str]) -> None:
        self._folder = folder
        self._files = files
        self._cgroup: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._init = 0

    def path(self, inside: str) -> Path:
        """A path of the machine as this one sees it."""
        return Path(f"/proc/{self._init}/root{inside}")

    def run(self, *command: str, given: str = "", within_s: float = 20) -> Ran:
        """Run a command in the machine, as its root."""
        enter = ["nsenter", "--target", str(self._init), "--mount", "--pid", "--cgroup", "--uts", "--ipc"]
        inside = [*enter, "--root", "--wd", "--", *command]
        return run(inside, ENVIRONMENT, given=given, within_s=within_s)

    def start(self) -> None:
        """Raises `NoMachine`."""
        _assert_possible()
        self._cgroup = _own_cgroup()
        root, files = self._folder / "root", self._folder / "files"
        root.mkdir()
        for name, text in {**_own_files(), **self._files}.items():
            path = files / name.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(0o755 if text.startswith("#!") else 0o644)
        (files / "opt/keyhatch/bin/python").symlink_to(f"/opt/python/bin/{_interpreter()}")
        variables = {
            "ROOT": str(root),
            "FILES": str(files),
            "PYTHON": sys.base_prefix,
            "PACKAGES": str(_packages()),
            "SOURCE": str(ROOT / "gateway"),
            "CGROUP": str(self._cgroup),
            "SCRIPT": str(SCRIPT),
            "PATH": PATH,
        }
        said = self._folder / "said.log"
        unshare = "unshare --fork --pid --mount --cgroup --uts --ipc --kill-child"
        with said.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    "sh",
                    "-c",
                    f'echo $$ >"$CGROUP/cgroup.procs"; exec timeout -s KILL {LIFE_S} {unshare} sh "$SCRIPT"',
                ],
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            self._init = eventually(self._systemd, f"systemd runs: {said.read_text()}")
            eventually(self._answers, "systemd answers")
        except AssertionError as stuck:
            raise NoMachine(
                f"systemd does not start here: {said.read_text().strip()[-500:] or stuck}"
            ) from None

    def _systemd(self) -> int | None:
        assert self._process is not None
        assert self._process.poll() is None, "it ended"
        with suppress(psutil.Error):
            for process in psutil.Process(self._process.pid).children(recursive=True):
                if process.name() == "systemd":
                    return process.pid
        return None

    def _answers(self) -> bool:
        time.sleep(PAUSE_S)
        return self.run("systemctl", "is-active", "default.target").out == "active\n"

    def stop(self) -> None:
        """End every process of it and remove its cgroups."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        if self._cgroup is not None:
            eventually(self._is_swept, "its cgroups are empty")

    def _is_swept(self) -> bool:
        assert self._cgroup is not None
        try:
            for folder, _, _ in os.walk(self._cgroup, topdown=False):
                Path(folder).rmdir()
        except OSError:
            return False
        return True

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _assert_possible() -> None:
    if sys.platform != "linux" or os.geteuid() != 0:
        raise NoMachine("it takes Linux and root to make a machine with a systemd of its own")
    missing = [name for name in PROGRAMS if shutil.which(name, path=PATH) is None]
    if missing or not SYSTEMD.exists():
        raise NoMachine(f"there is no {', '.join(missing) or 'systemd'} here")
    tried = subprocess.run(
        [
            "unshare",
            "--fork",
            "--pid",
            "--mount",
            "--cgroup",
            "--uts",
            "--ipc",
            "mount",
            "-t",
            "tmpfs",
            "x",
            "/mnt",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if tried.returncode != 0:
        raise NoMachine(f"root may not make namespaces here: {tried.stderr.strip()}")


def _own_cgroup() -> Path:
    """A folder in the tree of cgroup2, below our own."""
    mounted = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    trees = [Path(fields[1]) for fields in mounted if fields[2] == "cgroup2"]
    own = [line[3:] for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::")]
    if not (trees and own):
        raise NoMachine("there is no tree of cgroup2 here")
    made = trees[0] / own[0].lstrip("/") / f"keyhatch-test-{os.getpid()}-{time.monotonic_ns()}"
    try:
        made.mkdir()
    except OSError as error:
        raise NoMachine(f"no cgroup can be made here: {error.strerror}") from None
    return made


def _packages() -> Path:
    """Where what the gateway needs is installed."""
    return Path(psutil.__file__).parents[1]


def _interpreter() -> str:
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


def _own_files() -> dict[str, str]:
    """A program as `pip install` leaves it in a virtual environment, and as few units as will do."""
    units = "/etc/systemd/system"
    library = ENVIRONMENT["LD_LIBRARY_PATH"]
    wants = "".join(f"Wants={each}\n" for each in JOURNAL if each.endswith(".socket"))
    return {
        **{f"{units}/{name}.target": TARGET for name in TARGETS},
        **{f"{units}/{name}": (SYSTEMD.parent / "system" / name).read_text() for name in JOURNAL},
        "/usr/local/bin/sudo": '#!/bin/sh\nexec "$@"\n',  # who is root already has no need of it
        f"{units}/default.target": TARGET + wants,
        "/etc/systemd/journald.conf": "[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=no\n",
        "/etc/systemd/system.conf": f"[Manager]\nDefaultEnvironment=LD_LIBRARY_PATH={library}\n",
        "/opt/keyhatch/pyvenv.cfg": "home = /opt/python/bin\ninclude-system-site-packages = false\n",
        f"/opt/keyhatch/lib/{_interpreter()}/site-packages/keyhatch.pth": "/opt/source\n/opt/packages\n",
        "/opt/keyhatch/bin/keyhatch": (
            "#!/opt/keyhatch/bin/python\nimport sys\nfrom gateway.cli import main\nsys.exit(main())\n"
        ),
    }
