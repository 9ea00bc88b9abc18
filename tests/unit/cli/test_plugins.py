"""Guarantees of gateway/cli/plugins.py: what is installed beside the gateway sees nothing that it reads."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pydantic
import pytest

from gateway.cli.plugins import keep_plugins_out

LONE = """
import sys
from gateway.cli.plugins import keep_plugins_out
keep_plugins_out()
from gateway.config.model import Settings
assert Settings.model_validate({"server": {"proxy": "127.0.0.1:1"}}).server.proxy.port == 1
from pydantic.plugin._loader import get_plugins
import structlog
import os
import yaml
there = {name.partition("__")[0] for name, module in sys.modules.items() if module}
unwanted = {"importlib.metadata", "yaml._yaml", "_sysconfigdata"} & there
print(list(get_plugins()), unwanted, structlog.dev.rich, yaml.__with_libyaml__, "PYTHONTZPATH" in os.environ)
"""


def test_models_and_logs_work_and_nobody_was_asked_to_join(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)  # coverage asks for plugins of its own
    monkeypatch.delenv("COVERAGE_PROCESS_START", raising=False)
    done = subprocess.run([sys.executable, "-c", LONE], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[] set() None False False\n", "")


def test_where_time_zones_lie_is_the_persons_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONTZPATH", "/zones")
    script = (
        "from gateway.cli.plugins import keep_plugins_out; keep_plugins_out(); "
        "import zoneinfo; print(zoneinfo.TZPATH)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout == "('/zones',)\n"


def test_who_is_there_already_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    from pydantic.plugin import _loader  # noqa: PLC0415 - what the test is about

    rich = ModuleType("rich")
    for name in ("rich", "better_exceptions", "greenlet"):
        monkeypatch.setitem(sys.modules, name, rich)
    keep_plugins_out()
    assert sys.modules["pydantic.plugin._loader"] is _loader
    assert sys.modules["rich"] is rich


def test_pydantic_takes_nothing_else_from_its_loader() -> None:
    """If this fails after an upgrade, see what more `pydantic.plugin._loader` has to offer."""
    sources = sorted(Path(pydantic.__file__).parent.rglob("*.py"))
    told = [
        line.strip()
        for source in sources
        if source.name != "_loader.py"
        for line in source.read_text("utf-8").splitlines()
        if "_loader" in line and "import" in line
    ]
    assert told == ["from ._loader import get_plugins"]
