"""The shell in which a page's commands run: from its top to its bottom, in one folder, on a terminal.

What runs is what the page says, with the words for everybody replaced by some for here (`adapted`). What
would fill a terminal of its own goes into the background, and the shell goes on when it serves: `keyhatch
serve` and `python3 FILE`. A command whose comment says `exit code 4` must end with it, all others with 0; a
curl whose comment begins with a status must be answered with it.
"""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
import tty
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from tests.arch.sources import ROOT
from tests.docs.documents import Fence
from tests.support.real_upstreams import free_ports

# What a page says for everybody, and what it is replaced with so that a test can run it.
PROXY, ADMIN, APP, UPSTREAM = "127.0.0.1:8080", "127.0.0.1:8081", "127.0.0.1:9000", "http://127.0.0.1:11434"
SHOWN_COLUMNS: Final = "120"

SHELL: Final = """\
set -eu
server= app=
keyhatch() {
    if [ "${1-}" != serve ]; then
        $KEYHATCH "$@"
        return
    fi
    stop
    $KEYHATCH "$@" >serve.out 2>serve.log &
    server=$!
    await
}
await() {
    until grep -qs 'serving callers on' serve.log; do
        kill -0 "$server"
        sleep 0.02
    done
}
stop() {
    [ -z "$server" ] || { kill -TERM "$server"; wait "$server"; }
    server=
    rm -f serve.log  # what the one before said is not for the next
}
python3() {
    case $1 in *.py) ;; *) "$PYTHON" "$@"; return ;; esac
    "$PYTHON" "$@" >app.log 2>&1 &
    app=$!
    until command curl -s -o app.out "http://$APP/"; do
        kill -0 "$app"
        sleep 0.02
    done
}
status() {
    wanted=$1
    shift
    command curl -sS "$@" -w '%{stderr}%{http_code}' 2>curl.err || [ "$wanted" -ge 400 ]
    [ "$(tail -c 3 curl.err)" = "$wanted" ] || { echo "answered $(cat curl.err), not $wanted"; exit 1; }
}
end() {
    [ -z "$app" ] || kill "$app"
    [ -z "$server" ] || { cat serve.log; kill -KILL "$server"; }
}
trap end EXIT
"""
END: Final = "stop\n"

_STYLE: Final = re.compile(r"\x1b\[[0-9;]*m|\r")
_SPACES: Final = re.compile(r" +")
_MARK: Final = "\x1e"
_ASKED: Final = re.compile(
    r"^(keyhatch keys (?:revoke|delete)) (?!.*--yes)", re.MULTILINE
)  # a terminal is asked
_EXIT_CODE: Final = re.compile(r"^(?P<command>[^#\n]+)#[^\n]*exit code (?P<code>\d+).*$", re.MULTILINE)
_STATUS: Final = re.compile(r"^curl (?P<rest>(?:[^#\n]|\\\n)+?) +# (?P<status>[1-5]\d\d)\b", re.MULTILINE)


class Ran(NamedTuple):
    """What came of a script: how it ended, and what its terminal showed."""

    code: int
    shown: str


class Place:
    """Where things listen for a page: what it says for everybody, and what that is here."""

    def __init__(self, upstream: str) -> None:
        proxy, admin, self._app = (f"127.0.0.1:{port}" for port in free_ports(3))
        self._replaced = {PROXY: proxy, ADMIN: admin, APP: self._app, UPSTREAM: upstream}
        self.listeners = {"KEYHATCH_SERVER__PROXY": proxy, "KEYHATCH_SERVER__ADMIN": admin}

    def here(self, text: str) -> str:
        """The text as it can be run here."""
        for said, meant in self._replaced.items():
            text = text.replace(said, meant)
        return _ASKED.sub(r"\1 --yes ", text)

    def for_everybody(self, text: str) -> str:
        """What was shown here, as the page says it, and without the terminal's own signs."""
        text = _STYLE.sub("", text)
        for said, meant in self._replaced.items():
            text = text.replace(meant, said)
        return text

    def play(self, fences: Iterable[Fence], folder: Path, keyhatch: str, *, within_s: float = 50) -> Ran:
        """Run some fences in a folder. `keyhatch` are the words that run the command."""
        variables = {"KEYHATCH": keyhatch, "APP": self._app, **self.listeners}
        ran = run(self._script(fences, folder), folder, variables, within_s=within_s)
        return Ran(ran.code, self.for_everybody(ran.shown))

    def _script(self, fences: Iterable[Fence], folder: Path) -> str:
        script = [SHELL]
        for number, fence in enumerate(fences):
            if fence.file is not None:
                (folder / f"{number}.file").write_text(self.here(fence.text), "utf-8")
                script.append(f"cp {number}.file {fence.file}\n")
            elif fence.is_run:
                text = _STATUS.sub(r"status \g<status> \g<rest>  # ", self.here(fence.text))
                script.append(f"printf '{_MARK}{fence}\\n'\n{_EXIT_CODE.sub(_expecting, text)}")
        return "".join([*script, END])


def _expecting(match: re.Match[str]) -> str:
    wrong = f'echo "exit code $code, not {match["code"]}"; exit 1'
    return f"code=0; {match['command'].strip()} || code=$?; [ $code = {match['code']} ] || {{ {wrong}; }}"


def outputs(shown: str) -> dict[str, str]:
    """What each fence made the terminal show."""
    pieces = (piece.partition("\n") for piece in shown.split(_MARK)[1:])
    return {fence: text for fence, _, text in pieces}


def differs(wanted: str, shown: str) -> bool:
    """Whether something else came than a page shows: `…` is any part of a line, or alone any lines.

    How many spaces there are does not count, as the columns of a table are as wide as what stands in them.
    """
    wanted, shown = _SPACES.sub(" ", wanted), _SPACES.sub(" ", shown.strip("\n") + "\n")
    lines = [".*".join(map(re.escape, line.split("…"))) + r" ?\n" for line in wanted.splitlines()]
    pattern = "".join(r"(?:.*\n)*" if line == r".* ?\n" else line for line in lines)
    return re.fullmatch(pattern, shown) is None


def run(script: str, folder: Path, variables: Mapping[str, str], *, within_s: float = 50) -> Ran:
    """Run a shell script on a terminal that nobody types at, with nothing configured but these variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KEYHATCH_")}
    path = os.pathsep.join(filter(None, (str(ROOT), kept.get("PYTHONPATH"))))
    plain = {"PYTHONPATH": path, "PYTHON": sys.executable, "NO_COLOR": "1", "COLUMNS": SHOWN_COLUMNS}
    mine, its = pty.openpty()
    tty.setraw(its)
    process = subprocess.Popen(
        ["sh", "-c", script],
        cwd=folder,
        env={**kept, **plain, **variables},
        stdin=subprocess.DEVNULL,
        stdout=its,
        stderr=its,
        start_new_session=True,
    )
    os.close(its)
    try:
        shown = _read(mine, time.monotonic() + within_s)
    finally:
        os.close(mine)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
    return Ran(process.wait(), shown)


def _read(terminal: int, deadline: float) -> str:
    """All that is shown until nobody holds the other end any more, or the time is over."""
    shown = b""
    while (left := deadline - time.monotonic()) > 0:
        ready, _, _ = select.select([terminal], [], [], left)
        if not ready:
            break
        try:
            read = os.read(terminal, 65_536)
        except OSError:  # how Linux says it
            read = b""
        if not read:
            break
        shown += read
    return shown.decode(errors="replace")
