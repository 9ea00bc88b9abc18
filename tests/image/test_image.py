"""What the image promises: small, quick, not root, nothing writable but /data, no secret and no compiler."""

import json
import statistics
from pathlib import Path

import pytest

from tests.image.conftest import LABELS
from tests.image.container import Container, status
from tests.image.workshop import BASE, PLANTED, Workshop
from tests.support.lasting_upstream import LastingUpstream

pytestmark = pytest.mark.timeout(900)

SIZE_MAX = 130_000_000
START_S_MAX = 2.0
STARTS = 5
BUILD_TOOLS = {"gcc", "cc", "c++", "g++", "clang", "tcc", "cpp", "ld", "as", "make", "pip", "pip3", "uv"}


def test_it_is_what_compose_and_kubernetes_are_told(workshop: Workshop, image: str) -> None:
    told = workshop.configuration(image)["config"]
    assert (told["User"], told["WorkingDir"]) == ("10001:10001", "/etc/keyhatch")
    assert (told["Entrypoint"], told["Cmd"], told["StopSignal"]) == (["keyhatch"], ["serve"], "SIGTERM")
    assert (set(told["ExposedPorts"]), set(told["Volumes"])) == ({"8080/tcp", "8081/tcp"}, {"/data"})
    assert told["Healthcheck"]["Test"] == ["CMD", "keyhatch", "health"]
    variables = dict(each.split("=", 1) for each in told["Env"])
    assert {name: value for name, value in variables.items() if name.startswith("KEYHATCH_")} == {
        "KEYHATCH_STORE": "sqlite:////data/keyhatch.db",
        "KEYHATCH_SERVER__PROXY": "0.0.0.0:8080",
        "KEYHATCH_SERVER__ADMIN": "0.0.0.0:8081",
    }


def test_it_says_what_it_is_and_of_which_sources(workshop: Workshop, image: str) -> None:
    labels = workshop.configuration(image)["config"]["Labels"]
    told = {name.upper(): labels[f"org.opencontainers.image.{name.lower()}"] for name in LABELS}
    assert told == LABELS
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"


def test_a_key_passes_and_nobody_passes_without(container: Container) -> None:
    assert status(f"{container.proxy}/v1/models") == 401
    made = container.execute("keyhatch", "keys", "create", "Caller", "-q")
    assert made.returncode == 0, made.stderr
    assert status(f"{container.proxy}/v1/models", made.stdout.strip()) == 200


def test_the_admin_key_of_the_first_start_lies_in_data_for_its_owner_alone(container: Container) -> None:
    file = container.data / "admin.key"
    assert (file.stat().st_mode & 0o777, file.stat().st_uid) == (0o600, 10001)
    key = file.read_text().strip()
    assert status(f"{container.admin}/api/v1/keys", key) == 200
    assert status(f"{container.admin}/api/v1/keys") == 401
    assert key not in container.log


def test_it_runs_as_nobody_in_particular_and_may_do_nothing_special(container: Container) -> None:
    told = dict(
        line.split(":\t", 1) for line in Path(f"/proc/{container.pid}/status").read_text().splitlines()
    )
    assert (told["Uid"].split(), told["Gid"].split()) == (["10001"] * 4, ["10001"] * 4)
    assert int(told["CapEff"], 16) == 0


@pytest.mark.parametrize("place", ["/", "/etc/keyhatch", "/opt/keyhatch", "/tmp", "/var/tmp", "/run"])  # noqa: S108
def test_nothing_can_be_written_but_data(container: Container, place: str) -> None:
    assert container.execute("touch", f"{place}/here").returncode != 0
    assert container.execute("sh", "-c", "touch /data/here && rm /data/here").returncode == 0
    (mount,) = [
        line.split()
        for line in Path(f"/proc/{container.pid}/mounts").read_text().splitlines()
        if " / " in line
    ]
    assert "ro" in mount[3].split(",")


def test_its_own_health_check_says_that_it_is_well(container: Container) -> None:
    kind, *command = container.check
    assert kind == "CMD"
    told = container.execute(*command)
    assert (told.returncode, told.stdout) == (0, f"ok: {container.admin}/healthz\n")


def test_large_answers_of_the_store_need_no_other_place_to_write(container: Container) -> None:
    told = container.execute("keyhatch", "backup", "/data/copy.db")
    assert told.returncode == 0, told.stderr
    assert container.execute("keyhatch", "doctor").stdout.count("fail ") == 0


def test_a_broken_gateway_is_told_as_unhealthy(container: Container) -> None:
    told = container.execute("keyhatch", "health", "--admin", "127.0.0.1:9")
    assert told.returncode == 1
    assert told.stdout.startswith("failed: http://127.0.0.1:9/healthz: ")


def test_no_layer_and_no_line_of_its_history_holds_a_secret(workshop: Workshop, image: str) -> None:
    secret = PLANTED.encode()
    files = dict(workshop.layers(image))
    assert any(name.endswith("bin/keyhatch") for name in files)
    assert [name for name, content in files.items() if secret in content] == []
    left = {"pip.conf", ".env", "admin.key", "keyhatch.db", "config.yaml", ".git"}
    assert [name for name in files if left.intersection(Path(name).parts)] == []
    assert PLANTED not in json.dumps(workshop.configuration(image))


def test_it_holds_no_compiler_and_nothing_that_installs(container: Container) -> None:
    folders = ("bin", "usr/bin", "usr/local/bin", "opt/keyhatch/bin")
    tools = {file.name for folder in folders for file in (container.root / folder).glob("*")}
    assert tools & BUILD_TOOLS == set()
    for python in ("python", "/opt/keyhatch/bin/python"):
        assert container.execute(python, "-m", "pip").returncode != 0
        assert container.execute(python, "-m", "ensurepip").returncode != 0


def test_nothing_is_compiled_at_the_start(container: Container) -> None:
    told = container.execute("python", "-vv", "-c", "import gateway.cli.serve, gateway.service.gateway")
    assert told.returncode == 0, told.stderr
    lines = told.stderr.splitlines()
    assert [line for line in lines if "could not create" in line or line.endswith(".py'")] == []
    assert any(line.endswith(".pyc'") for line in lines)


def test_it_is_small(workshop: Workshop, image: str) -> None:
    over = workshop.size(image) - workshop.size(BASE)
    print(f"image: {over / 1e6:.0f} MB over its base")  # noqa: T201 - the figure of docs/container.md
    assert over < SIZE_MAX


def test_it_starts_quickly_stops_when_told_and_begins_again_where_it_was(
    workshop: Workshop, image: str, upstream: LastingUpstream
) -> None:
    with Container(workshop, image, KEYHATCH_UPSTREAM=upstream.url) as container:
        took_s = [container.start()]
        key = container.execute("keyhatch", "keys", "create", "Caller", "-q").stdout.strip()
        first = (container.data / "admin.key").read_text()
        while len(took_s) < STARTS:
            assert container.stop() == 0
            assert "Traceback" not in container.log
            took_s.append(container.start())
            assert status(f"{container.proxy}/v1/models", key) == 200
        assert (container.data / "admin.key").read_text() == first
        assert container.stop() == 0
    clock_s, cpu_s = map(statistics.median, zip(*took_s, strict=True))
    print(f"start: {clock_s:.2f} s, of CPU {cpu_s:.2f} s; {took_s}")  # noqa: T201 - as above
    assert clock_s < START_S_MAX


def test_with_opentelemetry_it_is_still_small_and_starts(
    workshop: Workshop, upstream: LastingUpstream
) -> None:
    image = workshop.build("keyhatch-otel", EXTRA="otel")
    assert workshop.size(image) - workshop.size(BASE) < SIZE_MAX
    with Container(workshop, image, KEYHATCH_UPSTREAM=upstream.url) as container:
        container.start()
        told = container.execute("/opt/keyhatch/bin/python", "-c", "import opentelemetry.sdk.trace")
        assert told.returncode == 0, told.stderr
