"""Guarantees of gateway/cli: one entry point, the same for `keyhatch` and `python -m gateway`."""

import sys

import pytest

from gateway import cli


def test_main_runs_what_stands_in_argv_and_leaves_with_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(cli, "keep_plugins_out", lambda: asked.append(True))  # it is for a process of its own
    monkeypatch.setattr(sys, "argv", ["anything", "keys", "lisst"])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 2
    assert "keyhatch keys --help" in capsys.readouterr().err
    assert asked
