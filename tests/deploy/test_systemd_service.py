"""The service as systemd runs it: hardened as it is, it starts, reloads, comes back, stops in its grace.

A real systemd, the first process of a machine of its own (`systemd_machine`), runs the unit as it is shipped,
installed by the commands of docs/systemd.md; only some times are made shorter. Where no such machine can be
made these tests are skipped and say why, and what `test_systemd_unit` verifies of the unit has to do.
"""

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.service.gateway import STOP_S
from tests.arch.sources import committed_files
from tests.arch.sources import text as text_of
from tests.deploy.systemd_machine import Machine, NoMachine
from tests.docs.documents import document
from tests.support.lasting_upstream import LastingUpstream
from tests.support.plain_caller import Answer, ask, open_stream
from tests.support.real_upstreams import free_ports
from tests.support.running_gateway import eventually, listens, samples

DEPLOYED = "deploy/systemd/"
SOURCE = "/srv/source"
UNITS = "/etc/systemd/system"
VAULT_KEY = "bm90IGEgc2VjcmV0LCBidXQgMzIgYnl0ZXMgbG9uZy4=\n"
ROUTE = {"id": "all", "path": "/**", "upstream": "main", "scopes": []}
OPEN = {"id": "open", "path": "/v1/models", "upstream": "main", "public": True}
TIMES = "[Service]\nWatchdogSec=6s\nRestartSec=100ms\nTimeoutStopSec=3s\n"
"""Long enough for a machine under load, short enough for a test."""
PAUSE_S = 0.05
"""Each question takes two processes."""

pytestmark = pytest.mark.timeout(90)


class Service:
    """The service on a machine, and what a person with root's rights would do."""

    def __init__(self, machine: Machine, upstream: LastingUpstream) -> None:
        self.machine = machine
        self.port, self.admin_port = free_ports(2)
        self.upstream = upstream
        self.config = "/etc/keyhatch/config.yaml"
        self.key = ""

    def configure(self, *routes: dict[str, Any], **sections: Any) -> None:
        """Write the configuration, as editors do: beside it, then in its place."""
        settings = {
            "server": {"proxy": f"127.0.0.1:{self.port}", "admin": f"127.0.0.1:{self.admin_port}"},
            "upstreams": {"main": {"url": self.upstream.url}},
            "routes": [ROUTE, *routes],
            **sections,
        }
        file = self.machine.path(self.config)
        draft = file.with_name("draft")
        draft.write_text(json.dumps(settings))
        draft.rename(file)

    def systemctl(self, verb: str, *options: str, code: int = 0) -> str:
        """`systemctl VERB keyhatch`; what it printed."""
        ran = self.machine.run("systemctl", verb, *options, "keyhatch", within_s=60)
        assert ran.code == code, f"{ran}\n{self.journal()}"
        return ran.out.strip()

    def start(self) -> None:
        """Have it serve; harmless where it does."""
        self.machine.run("systemctl", "reset-failed")
        self.systemctl("start")

    def show(self, name: str) -> str:
        """One property of the unit."""
        return self.systemctl("show", "-P", name)

    def pid(self) -> int:
        """The process's number in the machine."""
        return int(self.show("MainPID"))

    def process(self) -> Path:
        """The process, as this machine sees it while it lives."""
        return self.machine.path(f"/proc/{self.pid()}")

    def hang_up(self) -> None:
        """SIGHUP: a reload."""
        self.systemctl("kill", "--signal=HUP")

    def until_back(self, before: Path) -> None:
        """Wait until another process serves in the place of this one."""
        eventually(lambda: not before.exists(), "it ended", 30)
        eventually(lambda: listens(self.port), "it is back", 30)

    def until_told(self, status: str) -> str:
        """Wait until `systemctl status` says this among the rest; what it says."""

        def told() -> str | None:
            time.sleep(PAUSE_S)
            said = self.show("StatusText")
            return said if status in said else None

        return eventually(told, f"{status!r} is told", 20)

    def journal(self) -> str:
        """What the service and systemd said about it."""
        return self.machine.run("journalctl", "--no-pager", "-o", "cat", "-u", "keyhatch").out

    def until_logged(self, *texts: str) -> None:
        """Wait until all of this stands in the journal, which takes its time."""

        def is_logged() -> bool:
            time.sleep(PAUSE_S)
            journal = self.journal()
            return all(text in journal for text in texts)

        eventually(is_logged, f"{texts} in the journal", 20)

    def keyhatch(self, *arguments: str, user: str = "root") -> str:
        """The command, as the documents install it."""
        become = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups"]
        ran = self.machine.run(*become, "/usr/local/bin/keyhatch", *arguments)
        assert ran.code == 0, ran
        return ran.out

    def ask(self, path: str, key: str | None = None) -> Answer:
        """A caller's request."""
        return ask(self.port, path, key=key)


@pytest.fixture(scope="module")
def upstream() -> Iterator[LastingUpstream]:
    with LastingUpstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine with the program in its place, and the rest as it was unpacked."""
    files = {f"{SOURCE}/{path}": text_of(path) for path in committed_files() if path.startswith(DEPLOYED)}
    files[f"{UNITS}/keyhatch.service.d/times.conf"] = TIMES
    files["/etc/keyhatch/secrets/vault.key"] = VAULT_KEY
    try:
        with Machine(tmp_path_factory.mktemp("machine"), files) as machine:
            machine.path("/etc/keyhatch/secrets").chmod(0o700)
            yield machine
    except NoMachine as why:
        pytest.skip(f"no systemd can be run here: {why}")


@pytest.fixture(scope="module")
def installed(machine: Machine, upstream: LastingUpstream) -> Service:
    """The service, installed and started as the page says, from top to bottom."""
    service = Service(machine, upstream)
    here = {
        "0.0.0.0:8080\n": f"127.0.0.1:{service.port}\n  admin: 127.0.0.1:{service.admin_port}\n",
        "127.0.0.1:8080": f"127.0.0.1:{service.port}",
        "http://127.0.0.1:11434": upstream.url,
    }
    script = [f"set -eux\ncd {SOURCE}\n"]
    for fence in document("docs/systemd.md").fences():
        if fence.file is not None:
            machine.path(f"{SOURCE}/{fence.file}").write_text(put(here, fence.text))
        elif fence.note.endswith("by tests/deploy"):
            script.append(put(here, fence.text))
    ran = machine.run("sh", given="".join(script), within_s=60)
    assert ran.code == 0, ran
    assert "\tLiving room\t" in ran.out
    assert '"id": "tiny"' in ran.out, "the page's caller was answered"
    service.key = ran.err.partition("+ KEY=")[2].split()[0]
    service.configure()
    service.hang_up()
    service.until_told("configuration reloaded")
    return service


def put(replaced: Mapping[str, str], text: str) -> str:
    """The text with what a page says for everybody replaced by what holds here."""
    for said, meant in replaced.items():
        text = text.replace(said, meant)
    return text


@pytest.fixture
def service(installed: Service) -> Service:
    """The service, serving."""
    installed.configure()
    installed.start()
    return installed


def test_once_started_it_serves_and_says_where(service: Service) -> None:
    assert service.systemctl("is-active") == "active"
    assert service.ask("/v1/models").reason == "credential_missing"
    assert service.ask("/v1/models", service.key).status == 200
    where = f"Serving callers on 127.0.0.1:{service.port}, admin on 127.0.0.1:{service.admin_port}"
    assert service.show("StatusText").startswith(where)


def test_it_runs_with_nothing_but_what_it_needs(service: Service) -> None:
    process = service.process()
    status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines())
    user = service.machine.run("id", "-u", "keyhatch").out.strip()
    assert status["Uid"].split() == [user] * 4
    assert {status[name] for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    mapped = (process / "maps").read_text()
    assert "uvloop" in mapped
    assert "httptools" in mapped
    assert [line for line in mapped.splitlines() if "wx" in line.split()[1]] == []
    state = service.machine.path("/var/lib/keyhatch")
    for file in (state, *state.iterdir()):
        found = file.stat()
        assert (found.st_mode & 0o077, str(found.st_uid)) == (0, user), file
    told = {name for name, _, _ in samples(ask(service.admin_port, "/metrics").body.decode())}
    assert "process_resident_memory_bytes" in told, "ProcSubset=pid would hide what it is made of"


def test_a_reload_puts_in_force_what_is_whole_and_refuses_the_rest(service: Service) -> None:
    process = service.process()
    service.configure(OPEN)
    service.systemctl("reload")
    assert service.ask("/v1/models").status == 200, "once systemctl is back, it is in force"
    service.configure(limits={"hed": "1KiB"})
    service.systemctl("reload", code=1)
    service.until_logged("limits.hed: unknown key")
    assert service.until_told("reload failed").endswith("see the log (1 problem)")
    assert service.systemctl("is-active") == "active"
    assert service.ask("/v1/models").status == 200, "what was in force stays"
    assert service.process() == process


def test_killed_it_is_back_with_every_key(service: Service) -> None:
    process, restarts = service.process(), int(service.show("NRestarts"))
    service.systemctl("kill", "--signal=KILL")
    service.until_back(process)
    assert int(service.show("NRestarts")) == restarts + 1
    assert service.ask("/v1/models", service.key).status == 200


def test_hanging_it_is_ended_by_the_watchdog_and_is_back(service: Service) -> None:
    process = service.process()
    config = service.machine.path(service.config)
    config.unlink()
    os.mkfifo(config)  # to open it waits for a writer, and so does the loop
    service.hang_up()
    service.until_told("Reading the configuration anew")
    service.configure()
    service.until_back(process)
    where_it_hung = 'load.py", line'
    service.until_logged("Watchdog timeout", "Fatal Python error: Aborted", where_it_hung)
    assert service.ask("/v1/models", service.key).status == 200


def test_it_stops_within_its_grace_and_lets_finish_what_is_under_way(service: Service) -> None:
    process = service.process()
    with open_stream(service.port, "/ticks", key=service.key) as stream:
        assert stream.read1()
        service.systemctl("stop", "--no-block")
        eventually(lambda: not listens(service.port), "it takes no new callers")
        assert service.show("StatusText").startswith("Stopping: exchanges under way may finish")
        beyond = time.monotonic() + 3.5
        while time.monotonic() < beyond:
            assert stream.read1(), "the gateway asked for the time of its grace, and has it"
        assert process.exists()
    eventually(lambda: not process.exists(), "it stopped", STOP_S)
    service.systemctl("stop")
    assert (service.show("Result"), service.show("ExecMainStatus")) == ("success", "0")


def test_an_admin_finds_the_keys_whether_or_not_it_runs(installed: Service) -> None:
    installed.systemctl("stop")
    assert "\tLiving room\t" in installed.keyhatch("keys", "list")
    installed.configure()
    installed.start()
    found = installed.keyhatch("keys", "show", "Living room", user="keyhatch")
    assert "Living room" in found, "root left nothing that the service's user could not open"


def test_a_configuration_that_does_not_load_is_not_tried_again_and_again(installed: Service) -> None:
    installed.configure(limits={"hed": "1KiB"})
    installed.systemctl("restart", code=1)
    assert (installed.show("ActiveState"), installed.show("ExecMainStatus")) == ("failed", "2")
    assert installed.show("NRestarts") == "0"


def test_the_drop_ins_do_what_they_say(installed: Service) -> None:
    machine = installed.machine
    for drop_in in machine.path(f"{SOURCE}/{DEPLOYED}drop-ins").iterdir():
        shutil.copy(drop_in, machine.path(f"{UNITS}/keyhatch.service.d"))
    machine.run("systemctl", "daemon-reload")
    low = next(port for port in range(900, 1024) if not listens(port))
    server = {"proxy": f"127.0.0.1:{low}", "admin": f"127.0.0.1:{installed.admin_port}"}
    installed.configure(server=server)
    installed.systemctl("restart")
    assert ask(low, "/v1/models").reason == "credential_missing", "low-ports"
    given = installed.process() / "root/run/credentials/keyhatch.service/vault.key"
    assert given.read_text() == VAULT_KEY, "secrets"
    assert "vault" not in installed.journal().rpartition("Starting keyhatch")[2], "and it is not locked"
    installed.configure(OPEN, server=server)
    eventually(lambda: ask(low, "/v1/models").status == 200, "watch-config")
