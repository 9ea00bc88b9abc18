"""CPU time and memory as read from /proc."""

import os
import subprocess

import pytest

from bench.proc import TICKS_PER_S, Stat, cpu_seconds, family, parse_stat, rss_bytes

# utime=300 stime=40 cutime=5 cstime=1, the fields 14 to 17 of proc(5)
NUMBERS = "S 7 42 42 0 -1 4194560 900 0 0 0 300 40 5 1 20 0 1 0 1000 123 456"


@pytest.mark.parametrize(
    "command",
    [
        pytest.param("nginx", id="plain"),
        pytest.param("nginx: worker process", id="spaces"),
        pytest.param("a) S 1 (b", id="brackets"),
        pytest.param("", id="nothing"),
    ],
)
def test_a_stat_line_is_read_whatever_the_command_is_called(command: str) -> None:
    assert parse_stat(f"42 ({command}) {NUMBERS}\n") == Stat(pid=42, parent=7, ticks=346)


def test_children_and_their_children_belong_to_the_family_and_strangers_do_not() -> None:
    parents = {1: 0, 10: 1, 11: 10, 12: 11, 13: 10, 20: 1}
    stats = {pid: Stat(pid, parent, ticks=0) for pid, parent in parents.items()}
    assert family(10, stats) == {10, 11, 12, 13}


def test_a_process_that_is_gone_has_no_family() -> None:
    assert family(99, {1: Stat(1, 0, 0)}) == frozenset()


def test_own_cpu_time_agrees_with_what_the_kernel_tells_the_process_itself() -> None:
    spent = os.times()
    assert cpu_seconds(os.getpid()) >= sum(spent[:4]) - 4 / TICKS_PER_S


def test_a_process_that_is_gone_costs_no_silent_nothing() -> None:
    with subprocess.Popen(["true"]) as child:
        pass
    with pytest.raises(ProcessLookupError):
        cpu_seconds(child.pid)


def test_own_memory_is_at_least_that_of_an_interpreter() -> None:
    assert 5e6 < rss_bytes(os.getpid()) < 1e12
