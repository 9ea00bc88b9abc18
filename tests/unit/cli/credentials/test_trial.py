"""Guarantees of gateway/cli/credentials/trial.py: what each upstream said is told, as exit code too."""

import json

import pytest

from gateway.keeper.credentials import Trial, TrialResult
from gateway.service import trial
from gateway.wire.upstream import Upstream
from tests.support.vaults import VALUE
from tests.unit.cli.command_line import CommandLine


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[Trial]:
    """What the upstream says; nobody is asked."""
    answers: list[Trial] = []

    async def say(_upstream: Upstream, _preset: str | None) -> Trial:
        return answers[0]

    monkeypatch.setattr(trial, "try_upstream", say)
    return answers


@pytest.mark.parametrize(
    ("result", "status", "sentence", "code"),
    [
        (TrialResult.ACCEPTED, 200, "accepted: GET /v1/models was answered 200.", 0),
        (TrialResult.REFUSED, 401, "refused: GET /v1/models was answered 401. Set another credential.", 1),
        (TrialResult.UNREACHABLE, None, "unreachable: GET /v1/models had no answer.", 1),
        (TrialResult.UNCLEAR, 404, "which tells neither way.", 1),
        (TrialResult.LOCKED, None, "locked: it cannot be opened.", 1),
    ],
)
@pytest.mark.usefixtures("terminal")
def test_people_read_a_sentence(
    house: CommandLine, said: list[Trial], result: TrialResult, status: int | None, sentence: str, code: int
) -> None:
    house("credentials", "set", "openai", stdin=VALUE)
    said.append(Trial("main", result, "GET /v1/models", status))
    told = house("credentials", "test", "openai")
    assert (told.exit_code, sentence in told.stdout) == (code, True)


def test_programs_get_rows_or_json(house: CommandLine, said: list[Trial]) -> None:
    house("credentials", "set", "openai", stdin=VALUE)
    said.append(Trial("main", TrialResult.ACCEPTED, "GET /v1/models", 200))
    assert house("credentials", "test", "openai").stdout == "main\taccepted\tGET /v1/models\t200\n"
    [told] = json.loads(house("credentials", "test", "openai", "-o", "json").stdout)
    assert told == {"upstream": "main", "result": "accepted", "asked": "GET /v1/models", "status": 200}


def test_one_that_nobody_is_lent_is_not_tried(house: CommandLine) -> None:
    house("credentials", "set", "other", stdin=VALUE)
    told = house("credentials", "test", "other")
    assert (told.exit_code, "nobody was asked" in told.stderr) == (1, True)
