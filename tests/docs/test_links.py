"""Guarantees of every page: its links lead somewhere, and its files, modules and make targets exist."""

import importlib
import re
from pathlib import PurePosixPath

import pytest

from tests.arch.sources import ROOT, committed_files, text
from tests.docs.documents import PATHS, document

ROOMS = tuple(sorted(path.name for path in (ROOT / "gateway").iterdir() if (path / "__init__.py").exists()))

_FILE = re.compile(r"(?:gateway|tests|bench|release|docs|deploy|requirements|\.ci)/[\w./-]*")
_ROOM_FILE = re.compile(rf"(?:{'|'.join(ROOMS)})/[\w./-]+")
_OPTIONS = r"(?:cert_file|key_file|ca_file|client_ca_file|client_cert|min_version|admin|server_name)\b"
_DOTTED = re.compile(
    rf"(?:gateway\.)?((?:{'|'.join(ROOMS)})\.(?!url\b|yaml\b|key\b|{_OPTIONS})[a-z_]+(?:\.\w+)*)(?:\(.*\))?"
)
_MAKE = re.compile(r"(?:^|\s|`)make (?!one\b)((?:[a-z-]+ )*[a-z-]+)")

TARGETS = set(re.findall(r"^([a-z-]+):.*## ", text("Makefile"), re.MULTILINE))


@pytest.mark.parametrize("path", PATHS)
def test_every_link_leads_somewhere(path: str) -> None:
    assert [link for link in document(path).links() if not _leads_somewhere(path, link)] == []


def _leads_somewhere(path: str, link: str) -> bool:
    target, _, anchor = link.partition("#")
    file = (document(path).folder / target).resolve() if target else ROOT / path
    if not anchor:
        return file.exists()
    return file.is_file() and anchor in document(file.relative_to(ROOT).as_posix()).anchors()


@pytest.mark.parametrize("path", PATHS)
def test_every_file_that_is_named_exists(path: str) -> None:
    spans = document(path).code_spans()
    files = [ROOT / span for span in spans if _FILE.fullmatch(span)]
    rooms = [
        ROOT / "gateway" / span for span in spans if _ROOM_FILE.fullmatch(span) and not _FILE.fullmatch(span)
    ]
    lost = [file for file in (*files, *rooms) if not file.exists() and not file.with_suffix(".py").exists()]
    assert lost == []


@pytest.mark.parametrize("path", PATHS)
def test_every_piece_of_code_that_is_named_exists(path: str) -> None:
    named = [match[1] for span in document(path).code_spans() if (match := _DOTTED.fullmatch(span))]
    assert [name for name in named if not _found(name)] == []


def _found(name: str) -> bool:
    """Whether `room.module[.attribute…]` can be had."""
    room, *rest = name.split(".")
    here: object = importlib.import_module(f"gateway.{room}")
    for part in rest:
        module = f"{here.__name__}.{part}" if hasattr(here, "__path__") else None  # type: ignore[attr-defined]
        if module and (ROOT / f"{module.replace('.', '/')}.py").exists():
            here = importlib.import_module(module)
        elif hasattr(here, part):
            here = getattr(here, part)
        else:
            return False
    return True


@pytest.mark.parametrize("path", PATHS)
def test_every_make_target_that_is_named_exists(path: str) -> None:
    named = {
        word for code in document(path).code() for match in _MAKE.finditer(code) for word in match[1].split()
    }
    assert named - TARGETS == set()


def reached_from(start: str, *, by_hops: int) -> set[str]:
    """The pages that links lead to, from one to the next, as often as that."""
    reached, edge = {start}, {start}
    while edge and by_hops:
        edge = {page for path in edge for page in pages_linked_by(path)} - reached
        reached |= edge
        by_hops -= 1
    return reached


def pages_linked_by(path: str) -> set[str]:
    """The pages of this repository that one page leads to."""
    files = {(document(path).folder / link.partition("#")[0]).resolve() for link in document(path).links()}
    return {PurePosixPath(file.relative_to(ROOT)).as_posix() for file in files} & set(PATHS)


def test_every_page_can_be_reached_from_the_readme_by_three_clicks() -> None:
    assert set(PATHS) - reached_from("README.md", by_hops=3) == set()


INDEX = "docs/README.md"


def test_the_index_of_documents_names_every_page() -> None:
    by_index_of_their_own = {path for path in PATHS if path.startswith("docs/decisions/0")}
    pages = {path for path in PATHS if path.startswith("docs/")} - by_index_of_their_own
    assert pages - reached_from(INDEX, by_hops=1) == set(), "give it a line in docs/README.md"


CODE = tuple(
    path for path in committed_files() if path.endswith((".py", ".sql", ".toml", ".yaml")) or "." not in path
)
_PAGE = re.compile(r"(?<!/)\bdocs/[\w/-]+(?:\.md)?\b|\b[A-Z]+\.md\b|\bbench/RESULTS\.md\b")


def test_every_page_that_the_code_names_exists() -> None:
    lost = {
        f"{path}: {name}"
        for path in CODE
        for name in _PAGE.findall(text(path))
        if not any(next(folder.glob(f"{name}*"), None) for folder in (ROOT, (ROOT / path).parent))
    }
    assert lost == set()
