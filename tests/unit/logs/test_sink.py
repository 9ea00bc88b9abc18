"""Guarantees of gateway/logs/sink.py: lines arrive; a stream that fails costs lines, not time."""

import fcntl
import gc
import io
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.logs.sink import Sink
from tests.unit.logs.conftest import wait_for


def notice(count: int) -> str:
    return f"{count} dropped\n"


@pytest.fixture
def pipe() -> Iterator[tuple[int, io.TextIOWrapper]]:
    """A pipe's reading end, and its writing end as a stream."""
    reading, writing = os.pipe()
    stream = os.fdopen(writing, "w")
    yield reading, stream
    stream.close()
    os.close(reading)


def read_all(reading: int) -> bytes:
    """Everything that waits in a pipe."""
    os.set_blocking(reading, False)
    parts = []
    try:
        while part := os.read(reading, 65_536):
            parts.append(part)
    except BlockingIOError:
        pass
    return b"".join(parts)


def started(stream: io.TextIOBase, **more: int) -> Sink:
    sink = Sink(stream, notice, **more)  # type: ignore[arg-type]
    sink.start()
    return sink


def test_lines_arrive_in_order_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("w") as stream:
        sink = started(stream)
        for number in range(5_000):
            sink.write(f"line {number}\n")
        sink.close()
    assert path.read_text().splitlines() == [f"line {number}" for number in range(5_000)]
    assert sink.dropped == 0


def test_a_line_arrives_without_waiting_for_the_next(pipe: tuple[int, io.TextIOWrapper]) -> None:
    reading, stream = pipe
    sink = started(stream)
    try:
        for number in range(3):
            sink.write(f"{number}\n")
            assert os.read(reading, 100) == f"{number}\n".encode()
    finally:
        sink.close()


def test_lines_of_several_threads_are_never_mixed() -> None:
    stream = io.StringIO()
    sink = started(stream)

    def write(name: str) -> None:
        for _ in range(500):
            sink.write(name * 50 + "\n")

    threads = [threading.Thread(target=write, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sink.close()
    assert sorted(stream.getvalue().splitlines()) == [name * 50 for name in "abc" for _ in range(500)]


def test_a_stuck_reader_costs_lines_and_no_time(pipe: tuple[int, io.TextIOWrapper]) -> None:
    reading, stream = pipe
    fcntl.fcntl(stream.fileno(), fcntl.F_SETPIPE_SZ, 4_096)
    sink = started(stream, chars_max=20_000)
    began = time.monotonic()
    for _ in range(2_000):
        sink.write("x" * 99 + "\n")
    assert time.monotonic() - began < 5
    dropped = sink.dropped
    assert 1_500 < dropped < 2_000

    parts: list[bytes] = []
    reader = threading.Thread(target=lambda: parts.extend(iter(lambda: os.read(reading, 4_096), b"")))
    reader.start()
    wait_for(lambda: sink._chars < 10_000)
    sink.write("after\n")
    sink.close()
    stream.close()
    reader.join()
    lines = b"".join(parts).decode().splitlines()
    assert sink.dropped == dropped
    assert lines.count("x" * 99) == 2_000 - dropped
    assert sum(int(line.split()[0]) for line in lines if line.endswith(" dropped")) == dropped
    assert lines[-1] == "after"


def test_closing_does_not_wait_for_a_stuck_reader(pipe: tuple[int, io.TextIOWrapper]) -> None:
    reading, stream = pipe
    sink = started(stream)
    sink.write("x" * 300_000 + "\n")
    began = time.monotonic()
    sink.close(timeout_s=0.1)
    assert time.monotonic() - began < 2
    assert sink._thread.is_alive()
    while sink._thread.is_alive():
        read_all(reading)


def test_a_pipe_that_does_not_block_is_waited_for(pipe: tuple[int, io.TextIOWrapper]) -> None:
    reading, stream = pipe
    os.set_blocking(stream.fileno(), False)
    sink = started(stream)
    sink.write("x" * 300_000 + "\n")
    received = b""
    while len(received) < 300_001:
        received += os.read(reading, 65_536)
    sink.close()
    assert (received[-1:], sink.dropped) == (b"\n", 0)


def test_a_reader_that_is_gone_is_no_error(capfd: pytest.CaptureFixture[str]) -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        os.close(reading)
        sink = started(stream)
        sink.write("a\n")
        sink.write("b\n")
        sink.close()
        assert sink.dropped == 2
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")  # noqa: PTH110
def test_a_full_disk_is_no_error() -> None:
    with open("/dev/full", "w") as stream:  # noqa: PTH123
        sink = started(stream)
        sink.write("a\n")
        sink.close()
        assert sink.dropped == 1
        stream.truncate = lambda *_: 0  # type: ignore[method-assign]


def test_after_a_failure_the_next_line_stands_alone_and_tells_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, pipe: tuple[int, io.TextIOWrapper]
) -> None:
    reading, stream = pipe
    real, failures = os.write, [OSError(28, "no space"), OSError(28, "no space")]

    def write(descriptor: int, data: bytes) -> int:
        if not failures:
            return real(descriptor, data)
        if len(data) > 3:
            return real(descriptor, data[:3])
        raise failures.pop()

    sink = Sink(stream, notice)
    monkeypatch.setattr(os, "write", write)
    monkeypatch.setattr("gateway.logs.sink.BATCH_LINES_MAX", 2)
    for line in ("one\n", "two\n", "three\n", "four\n"):
        sink.write(line)
    sink._drain()
    assert sink.dropped > 0
    sink.write("later\n")
    sink._drain()
    lines = read_all(reading).decode().splitlines()
    told = [int(line.split()[0]) for line in lines if line.endswith(" dropped")]
    assert sum(told) == sink.dropped == 2
    assert lines[-1] == "later"
    assert set(lines) <= {"one", "tw", "three", "fo", "four", "later", "1 dropped"}


def test_a_stream_that_was_closed_is_no_error() -> None:
    stream = io.StringIO()
    sink = started(stream)
    stream.close()
    sink.write("a\n")
    sink.close()
    assert sink.dropped == 1


def test_nobody_can_close_the_descriptor_under_it(tmp_path: Path) -> None:
    first, second = tmp_path / "log", tmp_path / "data"
    stream = first.open("w")
    number = stream.fileno()
    sink = started(stream)
    stream.close()
    other = os.open(second, os.O_WRONLY | os.O_CREAT)
    assert other == number
    sink.write("line\n")
    sink.close()
    os.close(other)
    assert (first.read_text(), second.read_text()) == ("line\n", "")


def test_after_closing_a_line_counts_as_dropped_and_closing_again_is_harmless() -> None:
    stream = io.StringIO()
    sink = started(stream)
    sink.write("a\n")
    sink.close()
    sink.write("b\n")
    sink.close()
    assert (stream.getvalue(), sink.dropped) == ("a\n", 1)


def test_a_destructor_may_log_at_any_moment() -> None:
    stream = io.StringIO()
    sink = started(stream)

    class Last:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            sink.write("last\n")

    thresholds = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    try:
        for _ in range(300):
            Last()
            sink.write("line\n")
    finally:
        gc.set_threshold(*thresholds)
        gc.collect()
    sink.close()
    assert stream.getvalue().count("last\n") == 300


def test_what_cannot_be_encoded_is_written_in_escapes(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("w") as stream:
        sink = started(stream)
        sink.write("\ud800 é\n")
        sink.close()
    assert path.read_bytes() == "\\ud800 é\n".encode()
