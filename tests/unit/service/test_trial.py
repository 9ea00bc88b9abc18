"""Guarantees of gateway/service/trial.py: one request, and of its answer nothing but the status."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.keeper.credentials import Trial, TrialResult
from gateway.service import trial
from gateway.service.trial import PATHS, PLAIN, try_upstream
from gateway.wire.injection import Injection, injected
from gateway.wire.upstream import Upstream
from tests.support.vaults import VALUE

LENT = Injection(injected(VALUE, "bearer"))


@asynccontextmanager
async def answering(raw: bytes, asked: list[bytes], path: Path | None = None) -> AsyncIterator[Upstream]:
    """An upstream that answers so, and keeps what it was asked."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(raw)
        writer.close()
        await writer.wait_closed()

    if path is not None:
        async with await asyncio.start_unix_server(serve, path):
            yield Upstream("main", "http", "localhost", 80, injection=LENT, path=str(path))
        return
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield Upstream("main", "http", "127.0.0.1", port, injection=LENT)


@pytest.mark.parametrize(
    ("line", "result", "status"),
    [
        (b"HTTP/1.1 200 OK", TrialResult.ACCEPTED, 200),
        (b"HTTP/1.0 204 ", TrialResult.ACCEPTED, 204),
        (b"HTTP/1.1 401 Unauthorized", TrialResult.REFUSED, 401),
        (b"HTTP/1.1 403", TrialResult.REFUSED, 403),
        (b"HTTP/1.1 404 Not Found", TrialResult.UNCLEAR, 404),
        (b"HTTP/1.1 500 Oh", TrialResult.UNCLEAR, 500),
        (b"SSH-2.0-OpenSSH", TrialResult.UNREACHABLE, None),
    ],
)
async def test_the_status_tells_whether_it_is_taken(
    line: bytes, result: TrialResult, status: int | None
) -> None:
    async with answering(line + b"\r\n\r\n" + VALUE.encode(), []) as upstream:
        assert await try_upstream(upstream, None) == Trial("main", result, "GET /v1/models", status)


async def test_it_is_shown_as_a_callers_request_would_show_it() -> None:
    asked: list[bytes] = []
    async with answering(b"HTTP/1.1 200 OK\r\n\r\n", asked) as upstream:
        await try_upstream(upstream, "anthropic")
    [question] = asked
    assert question.startswith(b"GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nauthorization: Bearer " + VALUE.encode() + b"\r\n" in question
    assert b"\r\nanthropic-version: 2023-06-01\r\n" in question


async def test_a_unix_socket_is_asked_too(tmp_path: Path) -> None:
    asked: list[bytes] = []
    async with answering(b"HTTP/1.1 200 OK\r\n\r\n", asked, tmp_path / "s") as upstream:
        assert (await try_upstream(upstream, "llamacpp")).result is TrialResult.ACCEPTED
    assert asked[0].startswith(b"GET /props ")


async def test_one_that_is_locked_is_not_asked() -> None:
    for injection in (None, Injection(())):
        upstream = Upstream("main", "http", "127.0.0.1", 1, injection=injection)
        assert await try_upstream(upstream, None) == Trial("main", TrialResult.LOCKED)


async def test_nobody_there_is_told_so() -> None:
    async with answering(b"", []) as upstream:
        assert (await try_upstream(upstream, None)).result is TrialResult.UNREACHABLE  # an empty answer
    assert (await try_upstream(upstream, None)).result is TrialResult.UNREACHABLE
    too_long = answering(b"HTTP/1.1 200 " + b"x" * 9_000, [])
    async with too_long as upstream:
        assert (await try_upstream(upstream, None)).result is TrialResult.UNREACHABLE


async def close_at_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.close()
    await writer.wait_closed()


async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()  # to the end of the connection
    writer.close()
    await writer.wait_closed()


async def test_an_upstream_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "PATIENCE_S", 0.01)
    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        upstream = Upstream("main", "http", "127.0.0.1", port, injection=LENT)
        assert (await try_upstream(upstream, None)).result is TrialResult.UNREACHABLE


async def test_tls_is_spoken_to_an_https_upstream_and_nothing_else() -> None:
    async with await asyncio.start_server(close_at_end, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        upstream = Upstream("main", "https", "127.0.0.1", port, injection=LENT)
        assert (await try_upstream(upstream, None)).result is TrialResult.UNREACHABLE


@pytest.mark.parametrize("path", [*PATHS.values(), PLAIN])
def test_what_is_asked_changes_nothing(path: str) -> None:
    assert path.startswith("/")
    assert "completions" not in path
