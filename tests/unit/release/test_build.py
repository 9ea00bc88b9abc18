"""Guarantees of release/build.py: what is published is whole, holds nothing else, and tells its sums."""

import hashlib
import subprocess
import tarfile
import tomllib
import zipfile
from email import message_from_string
from email.message import Message
from pathlib import Path

import pytest

import gateway
from release import build as module
from release.build import build, main, strangers
from tests.arch.sources import ROOT, committed_files, text

VERSION = gateway.__version__
WHEEL = f"keyhatch-{VERSION}-py3-none-any.whl"
ARCHIVE = f"keyhatch-{VERSION}.tar.gz"
SBOM = f"keyhatch-{VERSION}.cdx.json"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", "1800000000")
        build(ROOT, folder)
    return folder


@pytest.fixture(scope="module")
def about(made: Path) -> Message:
    with zipfile.ZipFile(made / WHEEL) as wheel:
        return message_from_string(wheel.read(f"keyhatch-{VERSION}.dist-info/METADATA").decode("utf-8"))


def test_the_wheel_holds_the_gateway_as_committed_and_nothing_else(made: Path) -> None:
    with zipfile.ZipFile(made / WHEEL) as wheel:
        packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
        assert packed == {path for path in committed_files() if path.startswith("gateway/")}
        assert all(wheel.read(name) == (ROOT / name).read_bytes() for name in packed)
        assert f"keyhatch-{VERSION}.dist-info/licenses/LICENSE" in wheel.namelist()
        assert wheel.read(f"keyhatch-{VERSION}.dist-info/entry_points.txt") == (
            b"[console_scripts]\nkeyhatch = gateway.cli:main\n"
        )


def test_the_archive_holds_all_that_is_committed_and_nothing_else(made: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("without git nobody knows what is committed")
    with tarfile.open(made / ARCHIVE) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    assert packed == {*committed_files(), "PKG-INFO"}


def test_every_mode_is_plain_whoever_builds(made: Path) -> None:
    with tarfile.open(made / ARCHIVE) as archive:
        assert {(one.mode, one.uid, one.gid, one.uname, one.gname) for one in archive} <= {
            (0o644, 0, 0, "", ""),
            (0o755, 0, 0, "", ""),
        }


def test_an_index_shows_what_it_is_and_whom_it_is_for(about: Message) -> None:
    project = tomllib.loads(text("pyproject.toml"))["project"]
    assert (about["Name"], about["Version"], about["Summary"]) == (
        "keyhatch",
        VERSION,
        project["description"],
    )
    assert (about["License-Expression"], about["License-File"]) == ("Apache-2.0", "LICENSE")
    assert about["Requires-Python"] == project["requires-python"]
    assert about.get_all("Classifier") == sorted(project["classifiers"])
    assert about["Description-Content-Type"] == "text/markdown"
    assert str(about.get_payload()).startswith("# Keyhatch\n")


def test_the_sums_are_those_of_the_files(made: Path) -> None:
    lines = [line.split("  ") for line in (made / "SHA256SUMS").read_text().splitlines()]
    told = {name: digest for digest, name in lines}
    assert told == {
        name: hashlib.sha256((made / name).read_bytes()).hexdigest() for name in (ARCHIVE, WHEEL, SBOM)
    }


def test_a_tree_without_history_has_a_time_too(tmp_path: Path) -> None:
    assert module._last_commit(tmp_path) == 1_580_601_600


def test_the_command_says_what_it_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["build", str(tmp_path)])
    monkeypatch.setattr(module, "build", lambda root, folder: [folder / f"of-{root.name}"])
    monkeypatch.setattr(module, "ROOT", tmp_path)
    main()
    assert capsys.readouterr().out == f"{tmp_path}/of-{tmp_path.name}\n"


def test_nothing_is_built_while_a_file_lies_there_that_would_be_published_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text(text(".gitignore"))
    (tmp_path / "provider.txt").write_text("sk-1234")
    (tmp_path / "vault.key").write_text("ignored")
    subprocess.run(["git", "add", ".gitignore"], cwd=tmp_path, check=True)
    assert strangers(tmp_path) == ["provider.txt"]
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "build", lambda *_: pytest.fail("it was built"))
    with pytest.raises(SystemExit, match=r"git does not know provider\.txt"):
        main()


def test_of_a_tree_without_history_nobody_can_tell(tmp_path: Path) -> None:
    (tmp_path / "provider.txt").touch()
    assert strangers(tmp_path) == []


def test_what_a_gateway_and_its_pages_leave_in_a_checkout_is_never_committed_or_packed() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("without git nobody asks")
    left = [
        *("keyhatch.db", "keyhatch.db-wal", "keyhatch.db.lock", "keyhatch.db.schema-3", "keyhatch.db.copy"),
        *("keyhatch.db.before-restore-20261121T220000Z", "tonight.db", "admin.key", ".admin.key.123"),
        *(
            "vault.key",
            "openai.key",
            "keyhatch.key",
            "keyhatch.crt",
            ".keyhatch.key.123",
            "found.env",
            ".env",
        ),
        *("config.yaml", "gateway/vault.key"),
    ]
    asked = ["git", "check-ignore", "--no-index", *left]
    told = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    assert told == left
