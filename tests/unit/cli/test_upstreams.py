"""Guarantees of gateway/cli/upstreams.py: the running gateway is asked, and nobody else."""

import json

import pytest

from gateway.admin import target_client
from gateway.cli.failures import ExitCode
from gateway.keeper.draining import TargetNotFound, TargetSeen
from gateway.wire.targets import State
from tests.support.records import NOW
from tests.unit.cli.command_line import CommandLine

SEEN = [
    TargetSeen("ai", "big", State.EJECTED, 2, NOW - 60, "Connection refused"),
    TargetSeen("ai", "small", State.UP, 0, NOW - 3600, None),
]


class Desk:
    """Stands for the running gateway."""

    asked: list[tuple[str, str, str | None]]

    def __init__(self, _remote: object) -> None:
        pass

    async def list_targets(self) -> list[TargetSeen]:
        return SEEN

    async def drain(self, upstream: str, target: str | None = None) -> list[TargetSeen]:
        if upstream == "nobody":
            raise TargetNotFound("there is no upstream 'nobody'")
        Desk.asked.append(("drain", upstream, target))
        return [TargetSeen(each.upstream, each.target, State.DRAINED, each.busy, NOW, None) for each in SEEN]

    async def resume(self, upstream: str, target: str | None = None) -> list[TargetSeen]:
        Desk.asked.append(("resume", upstream, target))
        return SEEN[1:]


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> None:
    Desk.asked = []
    monkeypatch.setattr(target_client, "RemoteTargets", Desk)


@pytest.mark.usefixtures("running")
def test_programs_get_rows_or_json(line: CommandLine) -> None:
    assert line("upstreams", "list").stdout.splitlines() == [
        "ai\tbig\tejected\t2\t2027-01-15T07:59:00Z\tConnection refused",
        "ai\tsmall\tup\t0\t2027-01-15T07:00:00Z\t",
    ]
    told = json.loads(line("upstreams", "list", "-o", "json").stdout)
    assert [(each["target"], each["state"], each["busy"]) for each in told] == [
        ("big", "ejected", 2),
        ("small", "up", 0),
    ]


@pytest.mark.usefixtures("running", "terminal")
def test_people_get_a_table(line: CommandLine) -> None:
    told = line("upstreams", "list").stdout
    assert "LAST ERROR" in told
    assert "Connection refused" in told


@pytest.mark.usefixtures("running")
def test_a_target_is_drained_and_resumed_by_name(line: CommandLine) -> None:
    assert "Drained ai/big: 2 under way." in line("upstreams", "drain", "ai/big").stderr
    assert "Drained ai/small: nothing under way." in line("upstreams", "drain", "ai").stderr
    assert "Resumed ai/small: it is up." in line("upstreams", "resume", "ai/small").stderr
    assert Desk.asked == [("drain", "ai", "big"), ("drain", "ai", None), ("resume", "ai", "small")]


@pytest.mark.usefixtures("running")
def test_what_changed_is_told_to_programs_too(line: CommandLine) -> None:
    assert json.loads(line("upstreams", "drain", "ai", "-o", "json").stdout)[0]["state"] == "drained"
    assert json.loads(line("upstreams", "resume", "ai", "-o", "json").stdout)[0]["state"] == "up"


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("which", ["", "/", "/big", "ai/"])
def test_what_names_nobody_is_a_mistake_in_the_command(line: CommandLine, which: str) -> None:
    result = line("upstreams", "drain", which)
    assert result.exit_code == ExitCode.USAGE
    assert "UPSTREAM/TARGET" in result.stderr


@pytest.mark.usefixtures("running")
def test_who_is_not_there_is_exit_code_3(line: CommandLine) -> None:
    result = line("upstreams", "drain", "nobody")
    assert result.exit_code == ExitCode.NOT_FOUND
    assert "There is no upstream 'nobody'" in result.stderr


def test_where_no_gateway_runs_it_is_said(line: CommandLine) -> None:
    result = line("upstreams", "list")
    assert result.exit_code == ExitCode.FAILED
    assert "only a running gateway knows how its targets stand" in result.stderr


def test_a_store_in_memory_has_no_socket_to_ask(line: CommandLine) -> None:
    result = line("upstreams", "list", "--store", "memory:")
    assert result.exit_code == ExitCode.USAGE
