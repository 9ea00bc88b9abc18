"""Keyhatch as somebody has it who installed it: an environment of its own, outside the repository.

Nothing of this checkout is on its path, and nothing of `KEYHATCH_…` or `PYTHON…` in its environment.
"""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.arch.sources import ROOT
from tests.support.running_gateway import RunningGateway

LOCK = ROOT / "requirements" / "run.txt"


def clean() -> dict[str, str]:
    """Our environment without what would lead a Python, a pip or a gateway back to this checkout."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("KEYHATCH_", "PYTHON", "COV", "PYTEST", "MAKE", "OTEL_"))
        and name != "VIRTUAL_ENV"
    }


class Installed:
    """Programs in one folder, and a home to start them in. `run` runs one to its end, which must be good."""

    def __init__(self, programs: Path, home: Path) -> None:
        self.programs = programs
        self.home = home
        self._served = 0
        home.mkdir(parents=True, exist_ok=True)

    def run(
        self, name: str, *arguments: str | Path, code: int = 0, variables: Mapping[str, str] | None = None
    ) -> str:
        """What one of the programs printed."""
        done = subprocess.run(
            [self.programs / name, *arguments],
            cwd=self.home,
            env={**clean(), **(variables or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert done.returncode == code, f"{name} {arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def serve(self, *arguments: str, variables: Mapping[str, str] | None = None) -> RunningGateway:
        """`keyhatch serve`, serving, with every warning an error."""
        self._served += 1
        log, out = self.home / f"serve-{self._served}.log", self.home / f"serve-{self._served}.out"
        with log.open("wb") as log_file, out.open("wb") as out_file:
            process = subprocess.Popen(
                [self.programs / "keyhatch", "serve", *arguments],
                cwd=self.home,
                env={**clean(), "PYTHONWARNINGS": "error", **(variables or {})},
                stdin=subprocess.DEVNULL,
                stdout=out_file,
                stderr=log_file,
            )
        gateway = RunningGateway(process, log, out)
        gateway.wait_until_serving()
        return gateway


def environment(python: str, folder: Path) -> Installed:
    """A new environment of this Python, empty but for pip."""
    subprocess.run([python, "-I", "-m", "venv", str(folder / "env")], env=clean(), check=True)
    return Installed(folder / "env" / "bin", folder / "home")


def install_locked(into: Installed, wheel: Path, lock: Path = LOCK) -> None:
    """Install what the lock pins, each file by its hash, then the wheel and nothing that it might ask for."""
    into.run("python", "-I", "-m", "pip", "install", "-q", "--require-hashes", "-r", lock)
    into.run("python", "-I", "-m", "pip", "install", "-q", "--no-deps", "--no-index", wheel)
    into.run("python", "-I", "-m", "pip", "check")
