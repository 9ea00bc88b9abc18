"""The sink: where finished lines go, and the thread that writes them. Nobody who logs ever waits for it.

Promises
1. `write` is a plain call: an append to a queue in memory, no lock, no I/O. It may be called from any
   thread, and from within itself (a destructor that logs, run by the garbage collector, cannot deadlock).
2. A stream that does not take the lines (a full pipe, a full disk, a reader that is gone) costs lines once
   `CHARS_MAX` wait: they are dropped and counted, and the first line after it tells how many.
3. `close` writes what waits, but not for longer than it was given.

Lines are gathered for a moment and written together, so a busy gateway pays one system call and one switch
of threads for many lines, and the thread sleeps when nothing is logged. It writes to a duplicate of the
file descriptor: nobody can close that under it, and no lock of Python's own streams is held while the
system blocks (the interpreter could not exit otherwise).
"""

import atexit
import io
import os
import select
import threading
from collections import deque
from collections.abc import Callable
from typing import Final, TextIO

CHARS_MAX: Final = 8 * 1024 * 1024
"""How much may wait. At 300 characters a line this is 28,000 exchanges: seconds of a stuck reader."""
PAUSE_S: Final = 0.05
"""How long lines are gathered: short for a person who watches, long for a gateway that is busy."""
BATCH_LINES_MAX: Final = 1_000

Notice = Callable[[int], str]


class Sink:
    """Writes lines to `stream` from a thread of its own, from `start` to `close`.

    `notice` renders the line (with its end) that tells how many lines were dropped.
    """

    def __init__(self, stream: TextIO, notice: Notice, *, chars_max: int = CHARS_MAX) -> None:
        self.dropped = 0
        self._notice = notice
        self._chars_max = chars_max
        self._out = _output(stream)
        self._lines: deque[str] = deque()
        self._chars = 0  # of the lines that wait; several threads add to it, so it is nearly right
        self._told = 0
        self._awake = False
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keyhatch-log", daemon=True)

    def start(self) -> None:
        """Begin to write. An exit of the process writes what waits, also without `close`."""
        self._thread.start()
        atexit.register(self.close)

    def write(self, line: str) -> None:
        """Take one line, its end included. After `close` it counts as dropped."""
        if self._chars > self._chars_max or self._closing.is_set():
            self.dropped += 1
            return
        self._chars += len(line)
        self._lines.append(line)
        if not self._awake:
            self._awake = True
            self._wake.set()

    def close(self, timeout_s: float = 2.0) -> None:
        """Write what waits and end the thread; give up on a stuck stream. Closing twice is harmless."""
        atexit.unregister(self.close)
        self._closing.set()
        self._wake.set()
        self._thread.join(timeout_s)
        if not self._thread.is_alive():
            self._out.close()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._wake.wait()
            self._wake.clear()
            self._awake = False
            self._drain()
            self._closing.wait(PAUSE_S)
        self._drain()

    def _drain(self) -> None:
        """Write until nothing waits."""
        while batch := self._take():
            untold = self.dropped - self._told
            if untold:
                batch.insert(0, self._notice(untold))
            lost = self._out.write("".join(batch).encode("utf-8", "backslashreplace"))
            if untold and lost < len(batch):
                self._told += untold
            self.dropped += lost - (1 if untold and lost == len(batch) else 0)

    def _take(self) -> list[str]:
        batch: list[str] = []
        while self._lines and len(batch) < BATCH_LINES_MAX:
            batch.append(self._lines.popleft())
        self._chars = self._chars - sum(map(len, batch)) if self._lines else 0
        return batch


class _Descriptor:
    """A duplicate of a file descriptor, which may be blocking or not."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = os.dup(descriptor)
        self._torn = False

    def write(self, data: bytes) -> int:
        """Write all of it, however long that takes; the number of lines that were lost.

        After a failure (a disk that is full may have room later) the next write begins a new line.
        """
        rest = memoryview(b"\n" + data if self._torn else data)
        while rest:
            try:
                written = os.write(self._descriptor, rest)
            except BlockingIOError:
                _until_writable(self._descriptor)
            except OSError:
                return bytes(rest).count(b"\n")
            else:
                self._torn = rest[written - 1] != ord("\n")
                rest = rest[written:]
        return 0

    def close(self) -> None:
        """Close the duplicate alone."""
        os.close(self._descriptor)


class _Stream:
    """A stream without a descriptor of its own, such as one in memory."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, data: bytes) -> int:
        """Write all of it; the number of lines that were lost."""
        try:
            self._stream.write(data.decode())
            self._stream.flush()
        except (OSError, ValueError):
            return data.count(b"\n")
        return 0

    def close(self) -> None:
        """Nothing: the stream belongs to who made it."""


def _output(stream: TextIO) -> _Descriptor | _Stream:
    try:
        descriptor = stream.fileno()
        stream.flush()
    except (AttributeError, io.UnsupportedOperation):
        return _Stream(stream)
    return _Descriptor(descriptor)


def _until_writable(descriptor: int) -> None:
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    poll.poll()
