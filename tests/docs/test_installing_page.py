"""Guarantees of docs/installing.md: it names this version's files, and no command goes unproved."""

import re

import gateway
from tests.arch.test_repository import pins
from tests.docs.documents import document
from tests.release.ways import PROVED, commands

PAGE = document("docs/installing.md")


def test_the_files_are_those_of_this_version() -> None:
    assert set(re.findall(r"keyhatch-(\d+\.\d+\.\d+)", PAGE.text)) == {gateway.__version__}


def test_it_counts_what_is_installed() -> None:
    assert f"{len(pins('requirements/run.txt'))} packages" in PAGE.text


def test_every_command_that_the_suite_does_not_run_the_release_check_does() -> None:
    left = [fence.text for fence in PAGE.fences() if fence.note.startswith("not run: ")]
    assert left == [text for heading in PROVED for text in commands(heading)]
