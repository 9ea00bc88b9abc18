"""Where the image is made without an engine: Debian's Python as its base, imported by podman; buildah builds.

The base is a Debian root as like `python:slim` as can be had without a registry: `python` is there, compiled
files of its standard library are not. Everything lies in one folder and is removed with it.

IMAGE_BASE=FILE.tar keeps the base from one run to the next, for whoever works on the image.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Self

from tests.arch.sources import ROOT, committed_files
from tests.support.programs import cannot_be_tested, program

SUITES: Final = ("trixie", "bookworm")
"""Debian with Python 3.13, else the one with 3.11."""

PLANTED: Final = "PLANTED-fYx2Wq7-SECRET"
"""Stands in everything that must not get into an image."""

BASE: Final = "localhost/base-for-keyhatch"
AUTHORITIES: Final = "/etc/ssl/certs"
_PACKAGES: Final = "python3-minimal,python3-venv,ca-certificates,passwd"
_SECRETS: Final = (
    ".env",
    "config.yaml",
    "admin.key",
    "keyhatch.db",
    "gateway/keyhatch.db",
    "gateway/admin.key",
)


class Workshop:
    """One storage for images and containers."""

    def __init__(self, folder: Path) -> None:
        if os.geteuid() != 0:
            cannot_be_tested("building the image without an engine takes root")
        self.folder = folder
        self._storage = (f"--root={folder}/storage", f"--runroot={folder}/run", "--storage-driver=vfs")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *trouble: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def podman(self, *arguments: str) -> str:
        return _output([program("podman"), *self._storage, *arguments])

    def buildah(self, *arguments: str) -> str:
        return _output(self.buildah_line(*arguments))

    def buildah_line(self, *arguments: str) -> list[str]:
        return [program("buildah"), *self._storage, *arguments]

    def make_base(self) -> None:
        """A Debian root with Python, imported as an image."""
        kept = os.environ.get("IMAGE_BASE")
        base = Path(kept) if kept else self.folder / "base.tar"
        if not base.exists():
            _debian(base)
        self.podman("import", "--quiet", str(base), BASE)
        if not kept:
            base.unlink()

    def build(self, tag: str, **arguments: str) -> str:
        """What the Dockerfile makes of the committed files, with secrets lying about; the image's name."""
        context = self.folder / f"context-{tag}"
        _export(context)
        said = (f"--build-arg={name}={value}" for name, value in {"BASE": BASE, **arguments}.items())
        self.buildah(
            "bud",
            "--isolation=chroot",
            "--pull-never",
            "--format=docker",
            f"--secret=id=pip.conf,src={self._pip_configuration()}",
            f"--volume={AUTHORITIES}:{AUTHORITIES}:ro",
            *said,
            f"--tag={tag}",
            str(context),
        )
        shutil.rmtree(context)
        return f"localhost/{tag}"

    def configuration(self, image: str) -> dict[str, Any]:
        """What the image says of itself, as Docker reads it."""
        told: dict[str, Any] = json.loads(self.buildah("inspect", "--type=image", image))["Docker"]
        return told

    def size(self, image: str) -> int:
        return int(self.podman("image", "inspect", "--format={{.Size}}", image))

    def layers(self, image: str) -> Iterator[tuple[str, bytes]]:
        """Every file of an image that is not its base's, by name, and what it says of itself."""
        archive = self.folder / "image.tar"
        self.buildah("push", "--quiet", image, f"docker-archive:{archive}")
        bases = self.configuration(BASE)["rootfs"]["diff_ids"]
        with tarfile.open(archive) as whole:
            for member in whole:
                inner = whole.extractfile(member)
                if inner is None or any(digest.removeprefix("sha256:") in member.name for digest in bases):
                    continue
                if not member.name.endswith(".tar"):
                    yield member.name, inner.read()
                    continue
                with tarfile.open(fileobj=inner) as layer:
                    for file in layer:
                        content = layer.extractfile(file) if file.isreg() else None
                        yield file.name, b"" if content is None else content.read()
        archive.unlink()

    def _pip_configuration(self) -> Path:
        """How this machine reaches the package index, as a file for pip; its own folders stay out of it."""
        told = _output([sys.executable, "-m", "pip", "config", "list"])
        said: dict[str, str] = {}
        for key, value in re.findall(r"^[\w:]+\.([\w-]+)='(.*)'$", told, re.MULTILINE):
            words = [word for word in value.split() if key == "cert" or not word.startswith(("/", "file:"))]
            if words:
                said[key] = f"{key} = {' '.join(words)}"
        file = self.folder / "pip.conf"
        file.write_text("\n".join(["[global]", f"# {PLANTED}", *said.values(), ""]))
        return file


def _debian(base: Path) -> None:
    """The smallest Debian with Python, from the first suite that the mirror carries."""
    unlike_slim = (
        'ln -s python3 "$1/usr/bin/python"',
        'find "$1/usr/lib" -name __pycache__ -prune -exec rm -rf {} +',
        'rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt',
    )
    why = ""
    for suite in SUITES:
        made = subprocess.run(
            [
                program("mmdebstrap"),
                "--quiet",
                "--mode=root",
                "--variant=essential",
                f"--include={_PACKAGES}",
                '--aptopt=Acquire::Languages "none"',
                "--dpkgopt=path-exclude=/usr/share/man/*",
                "--dpkgopt=path-exclude=/usr/share/locale/*",
                *(f"--customize-hook={hook}" for hook in unlike_slim),
                suite,
                str(base),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode == 0:
            return
        why = made.stderr[-2_000:]
    cannot_be_tested(f"no Debian to build on: {why}")


def _export(folder: Path) -> None:
    """The committed files, and beside them what a folder in use holds and an image must not."""
    for path in committed_files():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, target)
    for name in _SECRETS:
        (folder / name).write_text(PLANTED)


def _output(line: list[str]) -> str:
    ran = subprocess.run(line, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"{' '.join(line)}\n{ran.stdout[-2_000:]}\n{ran.stderr[-4_000:]}"
    assert PLANTED not in ran.stdout + ran.stderr
    return ran.stdout.strip()
