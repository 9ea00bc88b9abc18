"""Guarantees of gateway/cli/finding.py: every key is found once, wherever it stands, in bounded pieces."""

import io
import os
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli import finding
from gateway.cli.finding import Found, files_below, keys_in, keys_in_file, pattern_of
from gateway.core.keys import compose_secret, digest_of

KEY = compose_secret("kh", bytes(range(32))).reveal()
OTHER = compose_secret("acme", bytes(range(1, 33))).reveal()
PREFIXES = ("kh", "acme")
MARKS = [b"kh_", b"acme_"]


class Dribble(io.BytesIO):
    """A stream that gives at most so many bytes at once."""

    def __init__(self, raw: bytes, most: int) -> None:
        super().__init__(raw)
        self._most = most

    def read(self, size: int | None = -1) -> bytes:
        return super().read(self._most)


def places(raw: bytes, most: int = 1 << 20) -> list[tuple[int, int, str]]:
    found = keys_in(Dribble(raw, most), "x", pattern_of(PREFIXES), MARKS)
    return [(each.line, each.column, each.preview) for each in found]


@pytest.mark.parametrize(
    ("raw", "line", "column"),
    [
        pytest.param(KEY, 1, 1, id="alone"),
        pytest.param(f"a\n\nkey={KEY}\n", 3, 5, id="third-line"),
        pytest.param(f"\x00\xff{KEY}\x00", 1, 4, id="binary"),
        pytest.param(f"?k%3D{KEY}%26", 1, 6, id="in-a-url"),
        pytest.param(f"x{KEY}yy", 1, 2, id="amid-letters"),
        pytest.param(f"kh_kh_{KEY}", 1, 7, id="behind-what-begins-like-it"),
    ],
)
@pytest.mark.parametrize("most", [1, 7, 52, 53, 1 << 20])
def test_a_key_is_found_with_its_place(raw: str, line: int, column: int, most: int) -> None:
    assert places(raw.encode(), most) == [(line, column, f"{KEY[:7]}…{KEY[-4:]}")]


@pytest.mark.parametrize(
    "raw", ["", "kh_", KEY[:-1], KEY[:-1] + "!", KEY[:-1] + "0", KEY.upper(), "kh_" + "x" * 49]
)
def test_what_is_no_whole_key_is_not(raw: str) -> None:
    assert places(raw.encode()) == []


@given(
    st.lists(
        st.one_of(
            st.sampled_from([KEY.encode(), OTHER.encode(), b"\n", b"kh_", b" "]), st.binary(max_size=60)
        )
    ),
    st.integers(1, 200),
)
def test_in_whatever_pieces_it_comes_the_same_is_found(parts: list[bytes], most: int) -> None:
    raw = b"".join(parts)
    assert places(raw, most) == places(raw)
    assert len(places(raw)) == sum(raw.count(key.encode()) for key in (KEY, OTHER))
    for line, column, preview in places(raw):
        row = raw.split(b"\n")[line - 1][column - 1 :]
        assert row.startswith(preview.partition("…")[0].encode())


def test_no_more_than_a_piece_and_a_key_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "PIECE_BYTES", 64)
    sizes: list[int] = []

    class Watching(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            sizes.append(size or 0)
            return super().read(size)

    found = list(keys_in(Watching(b"." * 1_000 + KEY.encode()), "x", pattern_of(PREFIXES), MARKS))
    assert [each.column for each in found] == [1_001]
    assert set(sizes) == {64}


def test_a_file_is_read_and_a_find_shows_no_digest(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text(KEY)
    (found,) = keys_in_file(str(file), pattern_of(PREFIXES), MARKS)
    assert found == Found(str(file), 1, 1, f"{KEY[:7]}…{KEY[-4:]}", digest_of(KEY))
    assert repr(digest_of(KEY))[2:10] not in repr(found)
    assert KEY not in repr(found)


def quiet(path: str, error: OSError) -> None:
    raise AssertionError((path, error))


def test_files_come_in_order_and_neither_links_nor_pipes_nor_gits_objects(tmp_path: Path) -> None:
    for name in ("b/2", "b/1", "a", ".git/config", ".git/objects/ab/cd", "objects/kept", ".hidden/x"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    (tmp_path / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    found = [Path(each).relative_to(tmp_path).as_posix() for each in files_below(str(tmp_path), quiet)]
    assert found == [".git/config", ".hidden/x", "a", "b/1", "b/2", "objects/kept"]
    assert list(files_below(str(tmp_path / "link"), quiet)) == [str(tmp_path / "link")]
    assert list(files_below(str(tmp_path / "pipe"), quiet)) == []


def test_what_cannot_be_read_is_told_and_the_rest_is_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    (tmp_path / "shut").mkdir()
    (tmp_path / "z").write_text("")
    real = os.scandir

    def scandir(path: str) -> object:
        if path.endswith("shut"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = list(files_below(str(tmp_path), lambda path, _: told.append(path)))
    assert (found, told) == ([str(tmp_path / "z")], [str(tmp_path / "shut")])
    assert list(files_below(str(tmp_path / "none"), lambda path, _: told.append(path))) == []
    assert told[1:] == [str(tmp_path / "none")]


def test_an_entry_that_cannot_be_looked_at_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        name, path = "x", str(tmp_path / "x")

        def is_dir(self, *, follow_symlinks: bool) -> bool:
            raise OSError(5, "Input/output error")

    told: list[str] = []
    monkeypatch.setattr(os, "scandir", lambda _: nullcontext([Gone()]))
    assert list(files_below(str(tmp_path), lambda path, _: told.append(path))) == []
    assert told == [str(tmp_path / "x")]
