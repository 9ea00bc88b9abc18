"""Guarantees of every page: its commands do what they are shown for, and its configurations load.

The commands of a page run from its top to its bottom in one shell, in a folder of their own, with the real
command (`warm_command` only saves the time it takes to start). `keyhatch serve` is put into the background,
as a second terminal would, and the shell goes on when it serves. A command whose comment says `exit code 4`
must end with it, all others with 0.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from gateway.config.load import load
from gateway.config.model import Settings
from gateway.config.shape import keys_of
from tests.arch.sources import ROOT
from tests.docs.documents import PATHS, RUN, Fence, document
from tests.docs.warm_command import WarmCommand
from tests.support.real_upstreams import DemoUpstream, free_ports
from tests.support.tls_caller import write_pair

SHELL = """\
set -eu
server=
keyhatch() {
    if [ "${1-}" != serve ]; then
        $KEYHATCH "$@"
        return
    fi
    stop
    : >serve.log  # what the one before said is not for this one
    $KEYHATCH "$@" >serve.out 2>serve.log &
    server=$!
    until grep -q 'serving callers on' serve.log; do
        kill -0 "$server"
        sleep 0.02
    done
}
stop() {
    [ -z "$server" ] || { kill -TERM "$server"; wait "$server"; }
    server=
}
trap 'cat serve.log >&2 || true; [ -z "$server" ] || kill -KILL "$server"' EXIT
set -x
"""
END = "stop\ntrap - EXIT\n"

# What a page says for everybody, and what it is replaced with so that a test can run it.
PROXY, ADMIN, UPSTREAM = "127.0.0.1:8080", "127.0.0.1:8081", "http://127.0.0.1:11434"
ASKED = re.compile(r"^(keyhatch keys (?:revoke|delete)) (?!.*--yes)", re.MULTILINE)  # asks on a terminal only

_EXIT_CODE = re.compile(r"^(?P<command>[^#\n]+)#[^\n]*exit code (?P<code>\d+).*$", re.MULTILINE)
_SECTIONS = set(keys_of(Settings))

pytestmark = pytest.mark.timeout(60)  # a command is half a second of work, and a page has twenty


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    """A server behind the gateway, as a page's reader would have one."""
    with DemoUpstream() as demo:
        yield demo.url


@pytest.fixture(scope="module")
def keyhatch() -> Iterator[str]:
    """The words that run the command."""
    with WarmCommand() as command:
        yield command.words


@pytest.mark.parametrize("path", RUN)
def test_every_command_works(path: str, tmp_path: Path, upstream: str, keyhatch: str) -> None:
    proxy, admin = free_ports(2)
    ports = {PROXY: f"127.0.0.1:{proxy}", ADMIN: f"127.0.0.1:{admin}"}
    variables = {
        "KEYHATCH": keyhatch,
        "KEYHATCH_SERVER__PROXY": ports[PROXY],
        "KEYHATCH_SERVER__ADMIN": ports[ADMIN],
    }
    script = [SHELL]
    for number, fence in enumerate(document(path).fences()):
        text = adapted(fence.text, {**ports, UPSTREAM: upstream})
        if fence.file is not None:
            (tmp_path / f"{number}.file").write_text(text)
            script.append(f"cp {number}.file {fence.file}\n")
        elif fence.is_run:
            script.append(f"# {path}:{fence.line}\n{_EXIT_CODE.sub(_expecting, text)}")
    ran = run("".join([*script, END]), tmp_path, variables)
    assert ran.returncode == 0, ran.stderr


def adapted(text: str, replaced: dict[str, str]) -> str:
    """The text as it can be run here."""
    for said, meant in replaced.items():
        text = text.replace(said, meant)
    return ASKED.sub(r"\1 --yes ", text)


def _expecting(match: re.Match[str]) -> str:
    return f"code=0; {match['command'].strip()} || code=$?; [ $code = {match['code']} ]"


def run(script: str, folder: Path, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a shell script in a folder, with nothing configured but these variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KEYHATCH_")}
    path = os.pathsep.join(filter(None, (str(ROOT), kept.get("PYTHONPATH"))))
    return subprocess.run(
        ["sh", "-c", script],
        cwd=folder,
        env={**kept, "PYTHONPATH": path, "PYTHON": sys.executable, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )


@pytest.mark.parametrize("wrong", ["keyhatch keys --bogus", "keyhatch serve --upstream nowhere"])
def test_a_command_that_does_not_work_is_noticed(tmp_path: Path, keyhatch: str, wrong: str) -> None:
    assert run(f"{SHELL}{wrong}\ntrue\n{END}", tmp_path, {"KEYHATCH": keyhatch}).returncode != 0


FENCES = [fence for path in PATHS for fence in document(path).fences()]


@pytest.mark.parametrize("fence", [fence for fence in FENCES if fence.kind == "yaml"], ids=str)
def test_every_configuration_loads_without_a_warning(fence: Fence, tmp_path: Path) -> None:
    written = yaml.safe_load(fence.text)
    if not set(written) <= _SECTIONS:
        return  # somebody else's, such as Prometheus'
    file = tmp_path / "config.yaml"
    file.write_text(fence.text)
    write_pair(tmp_path, name="keyhatch")
    (tmp_path / "vault.key").touch()
    assert load(file, {}, {}, need_upstream="routes" in written).warnings == ()


@pytest.mark.parametrize("fence", [fence for fence in FENCES if fence.note], ids=str)
def test_every_comment_before_a_fence_is_one_that_means_something(fence: Fence) -> None:
    assert fence.file or fence.note.startswith("not run: ")
