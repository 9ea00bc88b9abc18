"""What wrk reports, and when that is no measurement."""

import os
import stat
from pathlib import Path

import pytest

from bench.load import Load, LoadError, parse, run
from bench.tools import Tool

OUTPUT = """\
Running 1s test @ http://127.0.0.1:1/v1/models
  1 threads and 32 connections
BENCH requests=4000 duration_us=2000000 refused=3 socket_errors=1
"""


def test_the_line_of_the_script_is_read() -> None:
    load = parse(OUTPUT)
    assert load == Load(requests=4000, duration_us=2_000_000, refused=3, socket_errors=1)
    assert load.rate_per_s == 2000


def test_a_wrk_that_fails_is_quoted() -> None:
    with pytest.raises(LoadError, match="unable to connect"):
        parse("unable to connect to 127.0.0.1:1 Connection refused")


@pytest.mark.parametrize(
    ("load", "refusal", "fault"),
    [
        pytest.param(Load(10, 1, 0, 0), False, None, id="all allowed"),
        pytest.param(Load(10, 1, 10, 0), True, None, id="all refused"),
        pytest.param(Load(10, 1, 1, 0), False, "1 of 10 answers were refused", id="one refused"),
        pytest.param(Load(10, 1, 8, 0), True, "2 of 10 answers were let through", id="two let through"),
        pytest.param(Load(10, 1, 0, 4), False, "4 connections broke or timed out", id="broken"),
        pytest.param(Load(0, 1, 0, 0), True, "no request was answered", id="nothing"),
    ],
)
def test_other_work_than_was_asked_for_is_no_measurement(
    load: Load, refusal: bool, fault: str | None
) -> None:
    assert load.fault(refusal=refusal) == fault


def test_the_key_travels_in_the_environment_and_not_in_argv(tmp_path: Path) -> None:
    wrk = tmp_path / "wrk"
    wrk.write_text(
        '#!/bin/sh\ncase "$*" in *secret*) exit 1;; esac\n'
        '[ "$BENCH_KEY" = secret ] && echo "BENCH requests=1 duration_us=1 refused=0 socket_errors=0"\n'
    )
    wrk.chmod(wrk.stat().st_mode | stat.S_IXUSR)
    tool = Tool(str(wrk), "1.0", dict(os.environ))
    done = run(tool, "http://127.0.0.1:1/", key="secret", seconds=1, cores=os.sched_getaffinity(0))
    assert done.requests == 1
