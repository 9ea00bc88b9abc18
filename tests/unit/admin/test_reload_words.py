"""Guarantees of gateway/admin/reload_words.py: what came of a reload goes over the control socket whole."""

from pathlib import Path

import pytest

from gateway.admin.control import ControlServer
from gateway.admin.control_client import RemoteKeyring
from gateway.admin.reload_words import ASKED_BY, TellReload
from gateway.config.problems import ConfigError, Problem
from gateway.config.reloaded import CannotReload, Reloaded
from gateway.keeper.desk import NotAllowed, RuleBroken
from tests.unit.admin.conftest import as_desk, make_keyring, send

PROBLEM = Problem("config.yaml", 3, 5, "server.prxy", "unknown key")
MISSING = Problem(None, None, None, "", "no route")


async def told(path: Path, outcome: Reloaded | Exception) -> TellReload:
    """What a caller is told of this outcome."""
    asked: list[str] = []

    def reload(who: str) -> Reloaded:
        asked.append(who)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    server = ControlServer(make_keyring, path, reload=reload)
    await server.start()
    answer = await RemoteKeyring(path).reload()
    await server.stop()
    assert asked == [ASKED_BY]
    return answer


async def test_what_changed_is_told(path: Path) -> None:
    answer = await told(path, Reloaded(("limits.head",), ("server.proxy",), (PROBLEM,)))
    assert (answer.done, answer.changed, answer.takes_restart) == (True, ("limits.head",), ("server.proxy",))
    assert [each.problem() for each in answer.warnings] == [PROBLEM]


async def test_every_problem_is_told_with_its_place(path: Path) -> None:
    answer = await told(path, ConfigError([PROBLEM, MISSING], [PROBLEM]))
    assert not answer.done
    assert [each.problem() for each in answer.problems] == [PROBLEM, MISSING]
    assert [each.problem() for each in answer.warnings] == [PROBLEM]


async def test_trouble_is_told_in_a_sentence(path: Path) -> None:
    answer = await told(path, CannotReload("see the log"))
    assert (answer.done, answer.trouble) == (False, "see the log")


async def test_who_may_not_ask_reloads_nothing(path: Path) -> None:
    server = ControlServer(lambda: as_desk(None), path, peer_uid=lambda _: 12_345, reload=pytest.fail)
    await server.start()
    with pytest.raises(NotAllowed):
        await RemoteKeyring(path).reload()
    await server.stop()


async def test_a_server_that_cannot_reload_does_not_know_the_act(path: Path, server: ControlServer) -> None:
    with pytest.raises(RuleBroken, match="does not know this act"):
        await RemoteKeyring(path).reload()
    assert (await send(path, "GET", "/v1/reload"))[0] == 422
