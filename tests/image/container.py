"""A container without an engine: `buildah run --isolation chroot` of the image's own entrypoint.

The root is mounted read-only, more strictly than `--read-only` does it: /tmp is not writable either. Only
/data is, the volume that the image asks for. What `docker exec` does is done with nsenter.
"""

import os
import re
import signal
import subprocess
import time
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Self

import httpx
import psutil

from tests.image.workshop import Workshop
from tests.support.programs import program
from tests.support.real_upstreams import free_ports
from tests.support.running_gateway import eventually

_STARTED = re.compile(r"serving callers on .*, process (\d+)")
START_WITHIN_S = 20.0
STOP_WITHIN_S = 15.0


class Container:
    """One container: `start` it, `execute` in it, `stop` it, and start it again on the same /data."""

    def __init__(self, workshop: Workshop, image: str, **variables: str) -> None:
        self._workshop = workshop
        told = workshop.configuration(image)["config"]
        self.command: list[str] = [*told["Entrypoint"], *told["Cmd"]]
        self.check: list[str] = told["Healthcheck"]["Test"]
        proxy, admin = free_ports(2)
        self.proxy, self.admin = f"http://127.0.0.1:{proxy}", f"http://127.0.0.1:{admin}"
        self._variables = {  # the image's own, but for the ports, which belong to this machine here
            **dict(each.split("=", 1) for each in told["Env"]),
            "KEYHATCH_SERVER__PROXY": f"127.0.0.1:{proxy}",
            "KEYHATCH_SERVER__ADMIN": f"127.0.0.1:{admin}",
            **variables,
        }
        self.name = workshop.buildah("from", "--pull-never", image)
        self.root = Path(workshop.buildah("mount", self.name))
        self._log = workshop.folder / f"{self.name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.pid = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *trouble: object) -> None:
        if self._process is not None:
            self._open_for_cleaning()
            with suppress(OSError):
                os.kill(self.pid or self._process.pid, signal.SIGKILL)
            self._process.wait(STOP_WITHIN_S)
            self._umount()
        self._workshop.buildah("rm", self.name)

    @property
    def log(self) -> str:
        return self._log.read_text("utf-8")

    @property
    def data(self) -> Path:
        """The volume, as the running container sees it."""
        return Path("/proc", str(self.pid), "root", "data")

    def start(self) -> tuple[float, float]:
        """Start it; the seconds from the birth of its process until it was healthy, and those of CPU."""
        variables = (f"--env={name}={value}" for name, value in self._variables.items())
        line = self._workshop.buildah_line(
            "run", "--isolation=chroot", *variables, self.name, "--", *self.command
        )
        for place in ("run/.containerenv", "etc/hosts", "etc/resolv.conf"):  # buildah mounts over them
            (self.root / place).touch()
        self.pid = 0
        self._mount("--bind", str(self.root), str(self.root))
        self._mount("-o", "remount,ro,bind", str(self.root))
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(line, stdout=log, stderr=subprocess.STDOUT)
        eventually(self._is_healthy, "the container is healthy", START_WITHIN_S)
        healthy_at = time.time()
        self.pid = int(eventually(lambda: _STARTED.search(self.log), "the log says so")[1])
        process = psutil.Process(self.pid)
        return healthy_at - process.create_time(), sum(process.cpu_times()[:2])

    def stop(self) -> int:
        """Tell it to stop as an engine does; its exit code."""
        assert self._process is not None
        self._open_for_cleaning()
        os.kill(self.pid, signal.SIGTERM)
        code = self._process.wait(STOP_WITHIN_S)
        self._umount()
        self._process = None
        return code

    def execute(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command in the running container, as its user and with its environment."""
        user = ("--setuid=10001", "--setgid=10001")
        given = [f"{name}={value}" for name, value in self._variables.items()]
        target = (f"--target={self.pid}", "--mount", "--root", "--wd")
        return subprocess.run(
            [program("nsenter"), *target, *user, "env", "-i", *given, *command],
            capture_output=True,
            text=True,
            check=False,
            timeout=START_WITHIN_S,
        )

    def _is_healthy(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log
        asked = HTTPConnection("127.0.0.1", int(self.admin.rpartition(":")[2]), timeout=2)
        with suppress(OSError, HTTPException), closing(asked):
            asked.request("GET", "/healthz")
            return asked.getresponse().status == 200
        return False

    def _open_for_cleaning(self) -> None:
        """Only outside, so that buildah can clean up behind it: the container's own view stays as it is."""
        self._mount("-o", "remount,rw,bind", str(self.root))

    def _umount(self) -> None:
        subprocess.run([program("umount"), str(self.root)], check=False)

    def _mount(self, *arguments: str) -> None:
        subprocess.run([program("mount"), *arguments], check=True)


def status(url: str, key: str = "") -> int:
    """The status of an answer."""
    headers = {"X-API-Key": key} if key else {}
    return httpx.get(url, headers=headers, timeout=5, trust_env=False).status_code
