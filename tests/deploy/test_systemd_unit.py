"""The unit, read without running it: systemd finds it right and well hardened, and it agrees with the code.

`test_systemd_service` runs it, where a systemd can be run.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.cli.failures import ExitCode
from gateway.config.load import load
from gateway.config.overlay import CONFIG_VARIABLE
from gateway.service.gateway import DRAIN_GRACE_S, STOP_S
from tests.arch.sources import ROOT, committed_files
from tests.docs.documents import document
from tests.support.programs import program

FOLDER = ROOT / "deploy/systemd"
UNIT = FOLDER / "keyhatch.service"
DROP_INS = sorted((FOLDER / "drop-ins").glob("*.conf"))
PROGRAM = "/opt/keyhatch/bin/keyhatch"
EXPOSURE_MAX = 2.0
WHOLE = (
    "upstreams: {ai: {url: http://127.0.0.1:9}}\nroutes: [{id: all, path: /**, upstream: ai, scopes: []}]\n"
)

Options = list[tuple[str, str]]


def options(file: Path) -> Options:
    """The options of a unit, in order."""
    lines = (line.strip() for line in file.read_text().splitlines())
    return [
        (name, value)
        for line in lines
        if line and line[0] not in "#["
        for name, _, value in [line.partition("=")]
    ]


def option(name: str, file: Path = UNIT) -> str:
    """The one value of an option."""
    (value,) = [value for found, value in options(file) if found == name]
    return value


def environment(*files: Path) -> dict[str, str]:
    """The variables that these files set."""
    written = " ".join(value for file in files for name, value in options(file) if name == "Environment")
    return dict(part.split("=", 1) for part in written.split())


def seconds(text: str) -> float:
    """`45s` as a number."""
    match = re.fullmatch(r"(\d+)s", text)
    assert match is not None, text
    return float(match[1])


@pytest.fixture
def analysed(tmp_path: Path) -> Iterator[Path]:
    """The unit in a folder of its own, with a program that exists."""
    copy = tmp_path / "keyhatch.service"
    copy.write_text(UNIT.read_text().replace(PROGRAM, sys.executable))
    (tmp_path / "keyhatch.service.d").mkdir()
    yield copy
    shutil.rmtree(tmp_path / "keyhatch.service.d")


def analyse(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run systemd-analyze, which needs no running systemd for this."""
    return subprocess.run(
        [program("systemd-analyze", "systemd"), "--no-pager", *arguments],
        env={"PATH": "/usr/bin:/bin", "LANG": "C"},
        capture_output=True,
        text=True,
        check=False,
    )


# --- What systemd makes of it


@pytest.mark.parametrize("drop_ins", [[], DROP_INS], ids=["alone", "with all drop-ins"])
def test_systemd_understands_every_line(analysed: Path, drop_ins: list[Path]) -> None:
    for drop_in in drop_ins:
        shutil.copy(drop_in, analysed.parent / "keyhatch.service.d")
    done = analyse("verify", "--man=no", str(analysed))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_line_that_systemd_does_not_understand_is_noticed(analysed: Path) -> None:
    analysed.write_text(analysed.read_text().replace("PrivateTmp=", "PrivateTemp="))
    assert "PrivateTemp" in analyse("verify", "--man=no", str(analysed)).stderr


@pytest.mark.parametrize("drop_ins", [[], DROP_INS], ids=["alone", "with all drop-ins"])
def test_it_is_exposed_to_little(analysed: Path, drop_ins: list[Path]) -> None:
    for drop_in in drop_ins:
        shutil.copy(drop_in, analysed.parent / "keyhatch.service.d")
    done = analyse("security", "--offline=true", str(analysed))
    found = re.search(r"Overall exposure level for keyhatch.service: (\d+\.\d+)", done.stdout)
    assert found is not None, done
    assert float(found[1]) <= EXPOSURE_MAX
    told = re.search(r"exposure of (\d\.\d) with systemd (\d+)", document("docs/systemd.md").text)
    assert told is not None
    if not drop_ins and analyse("--version").stdout.startswith(f"systemd {told[2]} "):
        assert told[1] == found[1], "the page tells the figure as it is"


# --- What the code makes of it


def test_systemd_waits_longer_than_a_stop_takes() -> None:
    assert DRAIN_GRACE_S < STOP_S < seconds(option("TimeoutStopSec")) <= STOP_S + 10
    said = f"finish for {DRAIN_GRACE_S:.0f} s, then writes what is left to write: {STOP_S:.0f} s in all"
    assert said in UNIT.read_text()


def test_exit_codes_mean_what_the_command_means() -> None:
    assert option("RestartPreventExitStatus") == str(int(ExitCode.USAGE))
    assert option("SuccessExitStatus") == str(int(ExitCode.INTERRUPTED))
    assert option("Restart") == "on-failure"


def test_the_gateway_is_asked_for_what_it_says() -> None:
    assert (option("Type"), option("NotifyAccess")) == ("notify", "main")
    assert seconds(option("WatchdogSec")) >= 30, "a reload of a large configuration is no hang"
    assert option("LimitCORE") == "0", "what it holds in memory is not written to disk"


def test_it_finds_its_configuration_and_keeps_its_state_where_it_may(tmp_path: Path) -> None:
    variables = environment(UNIT)
    assert variables[CONFIG_VARIABLE] == "/etc/keyhatch/config.yaml"
    config = tmp_path / "config.yaml"
    config.write_text(WHOLE)
    loaded = load(config, variables, {})
    assert loaded.warnings == ()
    assert loaded.store_path == Path("/var/lib") / option("StateDirectory") / "keyhatch.db"
    assert option("WorkingDirectory") == str(loaded.store_path.parent)
    assert option("StateDirectoryMode") == "0700"
    assert option("UMask") == "0077", "what it makes, such as admin.key, is its own user's alone"


def test_the_options_that_drop_ins_set_exist(tmp_path: Path) -> None:
    (tmp_path / "vault.key").touch()
    config = tmp_path / "config.yaml"
    config.write_text(WHOLE)
    variables = {name: value.replace("%d", str(tmp_path)) for name, value in environment(*DROP_INS).items()}
    assert variables
    settings = load(config, variables, {}).settings
    assert settings.server.watch_config
    assert settings.vault.key_file == str(tmp_path / "vault.key")


def test_the_command_for_admins_means_the_store_of_the_service() -> None:
    script = (FOLDER / "keyhatch").read_text()
    said = dict(re.findall(r'^export (\w+)="\$\{\1-(.+)\}"$', script, re.MULTILINE))
    assert said == {name: environment(UNIT)[name] for name in ("KEYHATCH_CONFIG", "KEYHATCH_STORE")}
    assert f'exec {PROGRAM} "$@"' in script
    assert (FOLDER / "keyhatch").stat().st_mode & 0o111


def test_its_user_is_the_one_that_is_made() -> None:
    (line,) = [line for line in (FOLDER / "keyhatch.sysusers").read_text().splitlines() if line[0] != "#"]
    assert line.split()[:2] == ["u", option("User")]
    assert option("Group") == option("User")


def test_the_documents_tell_of_every_file() -> None:
    page = document("docs/systemd.md").text
    shipped = [Path(path).name for path in committed_files() if path.startswith("deploy/systemd/")]
    assert [name for name in shipped if name not in page] == []
    assert len(shipped) == 3 + len(DROP_INS)
