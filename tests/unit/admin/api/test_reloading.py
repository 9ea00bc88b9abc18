"""Guarantees of gateway/admin/api/reloading.py: admins reload; all problems are told, each at its place."""

import pytest

from gateway.config.problems import ConfigError, Problem
from gateway.config.reloaded import CannotReload, Reloaded
from tests.unit.admin.api.stand import Held, Stand

PROBLEM = Problem("config.yaml", 3, 5, "server.prxy", "unknown key")
MISSING = Problem(None, None, None, "", "no route")


async def test_what_changed_is_told_and_who_asked(stand: Stand, admin: Held) -> None:
    stand.reloaded = Reloaded(("limits.head",), ("server.proxy",), (PROBLEM,))
    told = await stand.ask(admin, "POST", "/reload")
    assert told.status == 200
    assert told.json == {
        "changed": ["limits.head"],
        "takes_restart": ["server.proxy"],
        "warnings": ["config.yaml:3:5: server.prxy: unknown key"],
    }
    assert stand.reloaded_by == [admin.id]


@pytest.mark.parametrize("count", [1, 2])
async def test_every_problem_is_told_at_its_place(stand: Stand, admin: Held, count: int) -> None:
    stand.reloaded = ConfigError([PROBLEM, MISSING][:count])
    told = await stand.ask(admin, "POST", "/reload")
    assert (told.status, told.json["code"]) == (422, "configuration_invalid")
    assert (
        told.json["errors"]
        == [
            {"field": "server.prxy", "message": "config.yaml:3:5: server.prxy: unknown key"},
            {"field": "", "message": "no route"},
        ][:count]
    )
    assert ("a problem" if count == 1 else "2 problems") in told.json["detail"]


async def test_trouble_is_told_in_a_sentence(stand: Stand, admin: Held) -> None:
    stand.reloaded = CannotReload("the gateway's log says why")
    told = await stand.ask(admin, "POST", "/reload")
    assert (told.status, told.json["errors"]) == (422, [])
    assert told.json["detail"] == "The configuration before stays in force: the gateway's log says why."


@pytest.mark.parametrize("scope", ["keyhatch:read", "keyhatch:write", "keyhatch:own"])
async def test_only_admins_reload(stand: Stand, scope: str) -> None:
    held = await stand.make("ann's", scope, owner="ann")
    assert (await stand.ask(held, "POST", "/reload")).status == 403
    assert (await stand.ask(None, "POST", "/reload")).status == 401
    assert stand.reloaded_by == []
