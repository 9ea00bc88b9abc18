"""Guarantees of gateway/admin/health.py: alive is not ready, and asking never hangs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from gateway.admin.app import build_admin_app
from gateway.admin.health import Check, Readiness, State
from gateway.core.hosts import Hosts
from gateway.keeper.ports import StoreUnavailable
from tests.unit.admin.conftest import make_pages

Client = TestClient[web.Request, web.Application]
Serve = Callable[[web.Application], Awaitable[Client]]


async def well() -> None:
    """A check that passes."""


async def broken() -> None:
    raise StoreUnavailable("/srv/keyhatch/keyhatch.db cannot be read: chmod it")


async def silent() -> None:
    await asyncio.Event().wait()


def app(checks: Mapping[str, Check], deadline_s: float = 0.05) -> web.Application:
    return build_admin_app(make_pages(checks, deadline_s), Hosts())


@pytest.mark.parametrize("check", [well, broken, silent])
async def test_alive_is_not_ready(aiohttp_client: Serve, check: Check) -> None:
    client = await aiohttp_client(app({"store": check}))
    response = await client.get("/healthz")
    assert (response.status, await response.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("checks", "status", "body"),
    [
        pytest.param({}, 200, {"status": "ready", "checks": []}, id="nothing-to-check"),
        pytest.param(
            {"configuration": well, "store": well},
            200,
            {
                "status": "ready",
                "checks": [{"name": "configuration", "state": "ok"}, {"name": "store", "state": "ok"}],
            },
            id="all-well",
        ),
        pytest.param(
            {"configuration": silent, "store": broken, "serving": well},
            503,
            {
                "status": "not_ready",
                "checks": [
                    {"name": "configuration", "state": "timeout"},
                    {"name": "store", "state": "failed"},
                    {"name": "serving", "state": "ok"},
                ],
            },
            id="each-in-its-way",
        ),
    ],
)
async def test_ready_says_which_check_stands_how_and_nothing_more(
    aiohttp_client: Serve, checks: Mapping[str, Check], status: int, body: dict[str, Any]
) -> None:
    client = await aiohttp_client(app(checks))
    response = await client.get("/readyz")
    assert (response.status, await response.json()) == (status, body)
    assert response.content_type == "application/json"


async def test_a_warning_is_told_and_is_no_reason_to_send_callers_elsewhere(
    aiohttp_client: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    said: list[str | None] = ["reload failed since 2027-01-15T08:00:00Z"]

    async def warned() -> str | None:
        return said[0]

    client = await aiohttp_client(app({"configuration": warned}))
    for _ in range(2):
        response = await client.get("/readyz")
        assert (response.status, await response.json()) == (
            200,
            {
                "status": "ready",
                "checks": [{"name": "configuration", "state": "warning", "detail": said[0]}],
            },
        )
    said[0] = None
    with caplog.at_level(logging.INFO, "gateway"):
        assert (await (await client.get("/readyz")).json())["checks"] == [
            {"name": "configuration", "state": "ok"}
        ]
    assert [record.getMessage() for record in caplog.records if record.name == "gateway.health"] == [
        "ready, but for configuration: reload failed since 2027-01-15T08:00:00Z",
        "ready again: configuration",
    ]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_head_is_get_without_its_body(aiohttp_client: Serve, path: str) -> None:
    client = await aiohttp_client(app({"store": broken}))
    got, headed = await client.get(path), await client.head(path)
    assert headed.status == got.status
    assert headed.headers["Content-Type"] == got.headers["Content-Type"]
    assert await headed.read() == b""


@pytest.mark.parametrize(
    ("accept", "content_type", "end"),
    [
        ([], "text/plain; version=0.0.4; charset=utf-8", b"\n"),
        (["text/html, */*"], "text/plain; version=0.0.4; charset=utf-8", b"\n"),
        (
            ["text/html", "application/openmetrics-text; version=1.0.0"],
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
            b"# EOF\n",
        ),
    ],
    ids=["nothing-said", "browser", "openmetrics-in-a-second-field"],
)
async def test_metrics_come_in_the_format_that_was_asked_for(
    aiohttp_client: Serve, accept: list[str], content_type: str, end: bytes
) -> None:
    client = await aiohttp_client(app({}))
    response = await client.get("/metrics", headers=[("Accept", each) for each in accept])
    body = await response.read()
    assert response.headers["Content-Type"] == content_type
    assert b'keyhatch_build_info{plane="lean"' in body
    assert body.endswith(end)


async def test_a_check_that_hangs_is_asked_once_however_many_wait() -> None:
    release, asked = asyncio.Event(), []

    async def slow() -> None:
        asked.append(1)
        await release.wait()

    readiness = Readiness({"store": slow}, deadline_s=0.02)
    answers = await asyncio.gather(*(readiness.ask() for _ in range(20)))
    assert answers == [{"store": State.TIMEOUT}] * 20
    assert await readiness.ask() == {"store": State.TIMEOUT}
    assert len(asked) == 1
    release.set()
    await asyncio.sleep(0)
    assert await readiness.ask() == {"store": State.OK}


async def test_each_question_is_a_new_one_once_the_last_was_answered() -> None:
    answers = [broken, well, broken]

    async def changing() -> None:
        await answers.pop()()

    readiness = Readiness({"store": changing}, deadline_s=5)
    states = [(await readiness.ask())["store"] for _ in range(3)]
    assert states == [State.FAILED, State.OK, State.FAILED]


async def test_a_check_may_fail_before_it_awaits_anything() -> None:
    def at_once() -> Awaitable[None]:
        raise RuntimeError("at once")

    assert await Readiness({"store": at_once}, deadline_s=5).ask() == {"store": State.FAILED}


async def test_a_check_that_was_cancelled_failed() -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    assert await Readiness({"store": cancelled}, deadline_s=5).ask() == {"store": State.FAILED}


async def test_what_is_wrong_is_logged_when_it_changes(caplog: pytest.LogCaptureFixture) -> None:
    answers: list[Check] = [well, silent, broken, broken, well]

    async def changing() -> None:
        await answers.pop()()

    readiness = Readiness({"store": changing}, deadline_s=0.02)
    with caplog.at_level(logging.INFO):
        for _ in range(4):
            await readiness.ask()
        await readiness.close()
        await asyncio.sleep(0)
        await readiness.ask()
    assert [record.getMessage() for record in caplog.records] == [
        "not ready: store failed: /srv/keyhatch/keyhatch.db cannot be read: chmod it",
        "not ready: store did not answer within 0.02 s",
        "ready again: store",
    ]


async def test_closing_leaves_no_check_behind() -> None:
    ended = asyncio.Event()

    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    readiness = Readiness({"store": slow}, deadline_s=0.02)
    assert await readiness.ask() == {"store": State.TIMEOUT}
    assert not ended.is_set()
    await readiness.close()
    assert ended.is_set()
