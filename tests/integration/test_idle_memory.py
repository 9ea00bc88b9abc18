"""The memory of a gateway that serves and rests: what it does not use is not loaded."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.lasting_upstream import LastingUpstream
from tests.support.running_gateway import Home

# Later interpreters weigh more themselves: 3.12 by 1.1 MB, 3.13 by 2 MB.
INTERPRETER_KB = 2_000 if sys.version_info >= (3, 12) else 0
RESIDENT_BYTES_MAX = (45 * 1024 + INTERPRETER_KB) * 1024  # the bar of bench/, in MiB
SCRAPED_BYTES_MAX = (49 * 1024 + INTERPRETER_KB) * 1024

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere memory is counted otherwise")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    # Measured is the gateway alone: not with the measuring of coverage, nor with modules to be compiled.
    for name in ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START", "PYTHONDONTWRITEBYTECODE"):
        monkeypatch.delenv(name, raising=False)
    return Home(tmp_path)


@pytest.fixture
def upstream() -> Iterator[LastingUpstream]:
    with LastingUpstream() as upstream:
        upstream.let_go()
        yield upstream


def test_after_requests_and_health_probes_the_gateway_rests_below_its_bar(
    home: Home, upstream: LastingUpstream
) -> None:
    home.configure(upstream.url)
    key = home.make_key("Laptop")
    with home.serve():
        pass  # compiles what was not compiled yet
    with home.serve() as gateway:
        for _ in range(5):
            assert gateway.ask("/held", key=key).status == 200
            assert gateway.ask("/held").reason == "credential_missing"
            assert gateway.ask_admin("/healthz").status == 200
            assert gateway.ask_admin("/readyz").status == 200
        assert gateway.memory_bytes() <= RESIDENT_BYTES_MAX
        assert gateway.ask_admin("/metrics").status == 200
        assert gateway.memory_bytes() <= SCRAPED_BYTES_MAX
