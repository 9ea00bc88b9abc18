"""Guarantees of the wheel: on every Python that is promised it installs, works, and goes without a trace."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.arch.sources import ROOT
from tests.release.conftest import Made
from tests.release.installed import LOCK, Installed, clean, environment, install_locked
from tests.release.journey import configure, use_a_key, walk
from tests.release.pythons import VERSIONS, python
from tests.support.real_upstreams import DemoUpstream

pytestmark = pytest.mark.timeout(580)

EVERY_MODULE = """
import importlib, pkgutil, sys
import gateway
assert "site-packages" in gateway.__file__, gateway.__file__
for module in pkgutil.walk_packages(gateway.__path__, "gateway."):
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError as missing:  # only what makes spans takes the extra
        if "otel" in sys.argv or not module.name.startswith("gateway.traces."):
            raise
        assert missing.name.startswith("opentelemetry"), missing.name
"""
OUTSIDE = """
from gateway import __version__
from gateway.core.keys import ApiKey, Secret

def show(key: ApiKey, secret: Secret) -> str:
    reveal_type(key.name)
    return f"{__version__} {key.name}"
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_installed_by_hash_it_works_and_goes_again(version: str, made: Made, tmp_path: Path) -> None:
    here = environment(python(version), tmp_path)
    install_locked(here, made.wheel)
    here.run("python", "-I", "-W", "error", "-c", EVERY_MODULE)
    walk(here)
    if version == VERSIONS[-1]:
        assert_types_are_seen(here)
    here.run("python", "-I", "-m", "pip", "uninstall", "-q", "-y", "keyhatch")
    assert not (here.programs / "keyhatch").exists()
    assert list(here.programs.parent.glob("lib/*/site-packages/gateway/**/*")) == []


def test_it_works_on_the_stock_loop_with_either_plane(made: Made, tmp_path: Path) -> None:
    """As on Windows, where there is no uvloop."""
    here = environment(python(VERSIONS[-1]), tmp_path)
    blocks = LOCK.read_text("utf-8").split("\nuvloop==")
    assert len(blocks) == 2
    lock = tmp_path / "without-uvloop.txt"
    lock.write_text("\n".join([blocks[0], blocks[1][blocks[1].index("\nyarl==") + 1 :]]))
    here.run("python", "-I", "-m", "pip", "install", "-q", "--require-hashes", "-r", lock)
    here.run("python", "-I", "-m", "pip", "install", "-q", "--no-deps", "--no-index", made.wheel)
    here.run("python", "-I", "-c", "import uvloop", code=1)
    walk(here)
    walk(Installed(here.programs, tmp_path / "again"), plane="aiohttp")


def test_the_extra_otel_takes_what_its_lock_pins_and_tells_spans(made: Made, tmp_path: Path) -> None:
    here = environment(python(VERSIONS[-1]), tmp_path)
    lock = ROOT / "requirements" / "otel.txt"
    here.run("python", "-I", "-m", "pip", "install", "-q", "--require-hashes", "-r", lock)
    here.run("python", "-I", "-m", "pip", "install", "-q", "--no-index", f"{made.wheel}[otel]")
    here.run("python", "-I", "-m", "pip", "check")
    here.run("python", "-I", "-W", "error", "-c", EVERY_MODULE, "otel")
    with DemoUpstream() as upstream:
        configure(here, upstream.url)
        with here.serve(variables={"OTEL_TRACES_EXPORTER": "console"}) as serving:
            use_a_key(here, serving)
    assert "keyhatch.route" in serving.out, "a span of an exchange"


def assert_types_are_seen(here: Installed) -> None:
    """A type checker outside the repository finds the types of the installed package."""
    file = here.home / "outside.py"
    file.write_text(OUTSIDE)
    done = subprocess.run(
        [
            *(sys.executable, "-I", "-m", "mypy", "--strict", "--no-incremental"),
            *("--python-executable", here.programs / "python", file.name),
        ],
        cwd=here.home,
        env=clean(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert 'Revealed type is "str"' in done.stdout.replace("builtins.", ""), done.stdout
    assert done.returncode == 0, done.stdout
