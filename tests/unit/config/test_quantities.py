"""What a person writes is what is meant, and what is shown reads as the same number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.problems import Unfit
from gateway.config.quantities import (
    DURATION_MAX_S,
    SIZE_MAX_BYTES,
    read_duration,
    read_size,
    write_duration,
    write_size,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("0.5ms", 0.0005),
        ("5s", 5.0),
        ("1.5s", 1.5),
        ("1.25h", 4_500.0),
        ("10m", 600.0),
        ("2h", 7_200.0),
        ("90d", 7_776_000.0),
        ("5 s", 5.0),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["5", 5, 5.0, "", "s", "-5s", "5S", "5w", "1h30m", "1e3s", "٥s", "5s\n", None]
)
def test_a_duration_without_a_known_unit_is_refused(text: object) -> None:
    with pytest.raises(Unfit, match=r"^must be a number and a unit, like 250ms, 5s, 10m, 2h or 90d$"):
        read_duration(text)


@pytest.mark.parametrize("text", ["0s", "0.000s", "36501d", "9999999999999d"])
def test_a_duration_is_more_than_nothing_and_less_than_for_ever(text: str) -> None:
    with pytest.raises(Unfit, match=r"^must be more than nothing and at most 36500d$"):
        read_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.25, "250ms"), (1.5, "1500ms"), (5.0, "5s"), (600.0, "10m"), (5_400.0, "90m"), (86_400.0, "1d")],
)
def test_a_duration_is_shown_in_its_largest_whole_unit(seconds: float, text: str) -> None:
    assert write_duration(seconds) == text


@given(st.integers(1, int(DURATION_MAX_S * 1_000)))
def test_a_duration_that_was_written_reads_as_itself(milliseconds: int) -> None:
    seconds = milliseconds / 1_000
    assert read_duration(write_duration(seconds)) == seconds


@given(st.integers(1, 999))
def test_fractions_of_a_millisecond_are_kept(microseconds: int) -> None:
    assert read_duration(write_duration(microseconds / 1_000_000)) == microseconds / 1_000_000


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512B", 512),
        ("512", 512),
        (512, 512),
        ("64KiB", 65_536),
        ("1 MiB", 1_048_576),
        ("2GiB", 2**31),
        ("0", 0),
    ],
)
def test_a_size_is_a_number_and_a_unit(text: object, size: int) -> None:
    assert read_size(text) == size


@pytest.mark.parametrize("text", ["", "KiB", "64KB", "64kib", "64K", "1.5MiB", "-1", -1, 1.5, None, "1" * 17])
def test_a_size_that_could_mean_two_things_is_refused(text: object) -> None:
    with pytest.raises(Unfit, match=r"^must be a number and a unit, like 512B, 64KiB or 1MiB$"):
        read_size(text)


def test_a_size_has_an_upper_end() -> None:
    assert read_size("1048576GiB") == SIZE_MAX_BYTES
    with pytest.raises(Unfit, match=r"^must be at most 1048576GiB$"):
        read_size("1048577GiB")


@given(st.integers(0, SIZE_MAX_BYTES))
def test_a_size_that_was_written_reads_as_itself(size: int) -> None:
    assert read_size(write_size(size)) == size
