"""The corpus: inputs that were interesting once, committed so that each is tried again by name.

`tests/fuzz/corpus/<name>/` holds one input for each file, as Python bytes literals (`b"…"` on one or more
lines, joined), because control characters and line ends would not survive an editor. When a harness finds
something, its input is added there.
"""

import ast
import itertools
from pathlib import Path

import pytest
from hypothesis import strategies as st

CORPUS = Path(__file__).parent / "corpus"


def corpus(name: str) -> list[bytes]:
    """Every input of one harness, in the order of their names."""
    return [_read(path) for path in _paths(name)]


def named_corpus(name: str) -> list["pytest.param"]:  # type: ignore[valid-type]  # its type has no public name
    """The same as parameters of a test, the file's name being the id."""
    return [pytest.param(_read(path), id=path.stem) for path in _paths(name)]


def _paths(name: str) -> list[Path]:
    return sorted((CORPUS / name).glob("*.txt"))


def _read(path: Path) -> bytes:
    raw = ast.literal_eval(f"({path.read_text('ascii')})")
    assert isinstance(raw, bytes), path
    return raw


def in_pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """The data cut at these places, counted from its beginning and taken modulo its length."""
    places = sorted({cut % len(data) for cut in cuts}) if data else []
    bounds = [0, *(place for place in places if place), len(data)]
    return [data[begin:end] for begin, end in itertools.pairwise(bounds)]


CUTS = st.lists(st.integers(0, 400), max_size=6)


@st.composite
def mutated(draw: st.DrawFn, seeds: list[bytes], parts: list[bytes]) -> bytes:
    """One of the seeds with up to four changes: something put in, taken out, written over or repeated."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, 6))
        new = draw(st.sampled_from(parts) | st.binary(max_size=3))
        kind = draw(st.sampled_from(["put", "cut", "over", "again"]))
        if kind == "cut":
            new, end = b"", at + length
        elif kind == "over":
            end = at + len(new)
        else:
            end = at
            new = data[at : at + 4 * length] if kind == "again" else new
        data = data[:at] + new + data[end:]
    return data
