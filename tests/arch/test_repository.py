"""The repository is whole and speaks of the product alone: pinned locks, short Makefile, no foreign paths."""

import itertools
import json
import re
import tomllib
from pathlib import Path

import pytest

import gateway
from tests.arch.sources import ROOT, committed_files, text

MAKE_TARGETS_MAX = 17
MAKE_TARGETS_PROMISED = {"run", "test", "check", "bench", "lint", "type", "docs", "clean", "help"}
LOCKS = ("requirements/run.txt", "requirements/dev.txt", "requirements/build.txt")
NODE_LOCKS = ("tests/browser/package-lock.json", "tests/clients/package-lock.json")
PYTHONS = ("3.11", "3.12", "3.13")

# A path of one machine, or the address of a package index, is of no use to anyone else.
FOREIGN = {
    "a machine's path": re.compile(r"(?<![\w.*/-])(/(root|work|Users|workspace|mnt)/\w|[A-Z]:\\Users\\)"),
    "a package index": re.compile(
        r"index[-_]url|find[-_]links|trusted[-_]host|/simple[/]|pythonhosted\.|pypi\.org/(?!p)"
    ),
}

PROJECT = tomllib.loads(text("pyproject.toml"))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lock: str) -> dict[str, tuple[str, int]]:
    """What a lock file pins: name, then version and the number of its hashes."""
    found: dict[str, tuple[str, int]] = {}
    for block in re.split(r"\n(?=\w)", text(lock)):
        if match := re.match(r"([\w.-]+)==([^\s;]+)", block):
            found[_normal(match[1])] = (match[2], block.count("--hash=sha256:"))
    return found


def declared(requirements: list[str]) -> set[str]:
    """The names in a list of requirements."""
    return {_normal(re.split(r"[^\w.-]", requirement)[0]) for requirement in requirements}


@pytest.mark.parametrize("what", FOREIGN)
def test_no_committed_file_names(what: str) -> None:
    found = [
        f"{path}:{number}: {match[0]}"
        for path in committed_files()
        for number, line in enumerate(text(path).splitlines(), 1)
        if (match := FOREIGN[what].search(line))
    ]
    assert found == []


def test_no_committed_file_names_this_checkout() -> None:
    here = str(ROOT)
    if len(Path(here).parts) < 3:
        pytest.skip("the checkout's path is too short to be told from prose")
    assert [path for path in committed_files() if here in text(path)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_everything_that_is_installed_is_pinned_by_hash(lock: str) -> None:
    assert pins(lock)
    assert [name for name, (_, hashes) in pins(lock).items() if hashes == 0] == []
    loose = [line for line in text(lock).splitlines() if re.match(r"\s*(-e|--(?!hash)|\w+ @|https?:)", line)]
    assert loose == []


@pytest.mark.parametrize("lock", NODE_LOCKS)
def test_everything_from_npm_is_pinned_by_hash_wherever_it_comes_from(lock: str) -> None:
    packages = json.loads(text(lock))["packages"]
    wanted = packages.pop("")["dependencies"]
    assert {name: packages[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    for entry in packages.values():
        assert entry["integrity"].startswith("sha512-")
        assert "resolved" not in entry, "npm writes no address while the .npmrc beside the lock says so"


def test_the_locks_hold_what_the_project_declares() -> None:
    run, dev, build = (pins(lock).keys() for lock in LOCKS)
    assert declared(PROJECT["project"]["dependencies"]) - run == set()
    assert declared(PROJECT["dependency-groups"]["dev"]) - dev == set()
    assert declared(PROJECT["dependency-groups"]["build"]) - build == set()


def test_tests_run_on_what_users_run_on() -> None:
    run, dev, build = (pins(lock) for lock in LOCKS)
    assert {name: pin for name, pin in (run | build).items() if dev.get(name) != pin} == {}


def test_make_offers_what_is_promised_and_little_more() -> None:
    makefile = text("Makefile")
    (phony,) = re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    rules = re.findall(r"^([a-z-]+):.*## \S", makefile, re.MULTILINE)
    assert sorted(rules) == sorted(phony.split())
    assert set(rules) >= MAKE_TARGETS_PROMISED
    assert len(rules) <= MAKE_TARGETS_MAX


def test_the_version_is_in_the_changelog() -> None:
    assert re.search(
        rf"^## \[?(Unreleased\]? .*)?{re.escape(gateway.__version__)}\b", text("CHANGELOG.md"), re.MULTILINE
    )


def test_the_declared_pythons_begin_with_the_floor() -> None:
    named = [line.rpartition(" ")[2] for line in PROJECT["project"]["classifiers"] if ":: 3." in line]
    assert tuple(named) == PYTHONS
    assert PROJECT["project"]["requires-python"] == f">={PYTHONS[0]}"


def test_every_floor_that_exists_is_under_contract() -> None:
    (contract,) = (
        entry for entry in PROJECT["tool"]["importlinter"]["contracts"] if entry["type"] == "layers"
    )
    named = set(itertools.chain.from_iterable(re.findall(r"\w+", layer) for layer in contract["layers"]))
    rooms = {
        path.stem
        for path in (ROOT / "gateway").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert rooms - named - {"__init__", "__main__"} == set()
