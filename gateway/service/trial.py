"""Trying a credential: one cheap request to an upstream, as a caller's would be sent, and what came of it.

The request is a GET that needs the credential and changes nothing. Nothing of the answer is kept but its
status: its body may hold anything.
"""

import asyncio
import re
import ssl
from contextlib import suppress
from typing import Final

from gateway.keeper.credentials import Trial, TrialResult
from gateway.wire.upstream import Upstream

PATIENCE_S: Final = 8.0
PLAIN: Final = "/v1/models"
PATHS: Final = {
    "anthropic": PLAIN,
    "automatic1111": "/sdapi/v1/options",
    "azure-openai": "/openai/models?api-version=2024-10-21",
    "elevenlabs": "/v1/user",
    "gemini": "/v1beta/models",
    "homeassistant": "/api/",
    "koboldcpp": "/api/v1/model",
    "llamacpp": "/props",
    "novelai": "/user/information",
    "ollama": "/api/tags",
    "openai": PLAIN,
    "openrouter": "/api/v1/key",
    "openwebui": "/api/models",
}
"""What to ask for, by preset, where `/v1/models` would not tell: it is elsewhere, or needs no credential."""

_MORE: Final = {"anthropic": b"anthropic-version: 2023-06-01\r\n"}
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([0-9]{3})[ \r]")
_LINE_MAX: Final = 4_096


async def try_upstream(upstream: Upstream, preset: str | None) -> Trial:
    """Show the upstream what it is lent, and tell what it says."""
    path = PATHS.get(preset or "", PLAIN)
    asked = f"GET {path}"
    if upstream.injection is None or not upstream.injection.fields:
        return Trial(upstream.name, TrialResult.LOCKED)
    target = upstream.targets[0]
    fields = b"".join(b"%b: %b\r\n" % each for each in upstream.injection.fields)
    head = f"{asked} HTTP/1.1\r\nHost: {target.authority}\r\nAccept: */*\r\nUser-Agent: keyhatch\r\n"
    more = _MORE.get(preset or "", b"")
    question = head.encode("ascii") + more + fields + b"Connection: close\r\n\r\n"
    try:
        async with asyncio.timeout(PATIENCE_S):
            status = await _ask(upstream, question)
    except (OSError, TimeoutError, ValueError):
        return Trial(upstream.name, TrialResult.UNREACHABLE, asked)
    return Trial(upstream.name, _result(status), asked, status)


def _result(status: int | None) -> TrialResult:
    if status in (401, 403):
        return TrialResult.REFUSED
    if status is not None and 200 <= status < 300:
        return TrialResult.ACCEPTED
    return TrialResult.UNCLEAR if status is not None else TrialResult.UNREACHABLE


async def _ask(upstream: Upstream, question: bytes) -> int | None:
    """The status of the final answer; None if what comes is no HTTP."""
    target = upstream.targets[0]
    if target.path:
        reader, writer = await asyncio.open_unix_connection(target.path, limit=_LINE_MAX)
    elif target.scheme == "https":
        tls = target.tls
        context = (tls and tls.context) or ssl.create_default_context()
        name = (tls and tls.server_name) or target.host
        reader, writer = await asyncio.open_connection(
            target.host, target.port, ssl=context, server_hostname=name, limit=_LINE_MAX
        )
    else:
        reader, writer = await asyncio.open_connection(target.host, target.port, limit=_LINE_MAX)
    try:
        writer.write(question)
        found = _STATUS.match(await reader.readline())
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    return None if found is None else int(found[1])
