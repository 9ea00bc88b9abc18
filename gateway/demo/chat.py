"""Models and chat completions in the form of OpenAI's API, valid for its SDK, answered from fixed words.

A streamed completion is server-sent events: `data: {chunk}` per word after a short pause each, the usage
if it was asked for, then `data: [DONE]`. The caller's last message comes back in the answer, so that one
sees that it arrived; nothing is kept.
"""

import asyncio
import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from gateway.demo.errors import error_reply
from gateway.demo.settings import PAUSE_S

MODELS: Final = ("demo-small", "demo-large")
_MADE_AT: Final = 1_735_689_600  # 2025-01-01: models have a birthday, and it must not change
_ECHOED_CHARS_MAX: Final = 200
_numbers = itertools.count(1)


class _InvalidError(ValueError):
    """The body is not a chat request; the message says why."""


@dataclass(frozen=True, slots=True)
class _Ask:
    """One chat request, as far as the demo understands it."""

    model: str
    said: str
    stream: bool
    with_usage: bool

    @property
    def words(self) -> list[str]:
        """The answer's words, each with the blank before it, so that they join without loss."""
        text = f"You said: {self.said} - and a key opened the way here."
        first, *rest = text.split(" ")
        return [first, *(f" {word}" for word in rest)]

    @property
    def usage(self) -> dict[str, int]:
        """Words counted as if they were tokens."""
        asked, answered = len(self.said.split()), len(self.words)
        return {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered}


async def list_models(_request: web.Request) -> web.Response:
    """Answer `GET /v1/models`."""
    data = [
        {"id": name, "object": "model", "created": _MADE_AT, "owned_by": "keyhatch-demo"} for name in MODELS
    ]
    return web.json_response({"object": "list", "data": data})


async def complete(request: web.Request) -> web.StreamResponse:
    """Answer `POST /v1/chat/completions`, plain or streamed."""
    try:
        ask = _read_ask(await request.read())
    except _InvalidError as problem:
        return error_reply(400, str(problem), "invalid_body")
    if ask.stream:
        return await _stream(request, ask)
    message = {"role": "assistant", "content": "".join(ask.words), "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return web.json_response({**_envelope(ask, "chat.completion"), "choices": [choice], "usage": ask.usage})


async def _stream(request: web.Request, ask: _Ask) -> web.StreamResponse:
    headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    for chunk in _chunks(ask):
        await asyncio.sleep(request.app[PAUSE_S])
        await response.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
    await response.write(b"data: [DONE]\n\n")
    await response.write_eof()
    return response


def _chunks(ask: _Ask) -> Iterator[dict[str, Any]]:
    base = _envelope(ask, "chat.completion.chunk")
    first, *rest = ask.words
    deltas: list[tuple[dict[str, str], str | None]] = [
        ({"role": "assistant", "content": first}, None),
        *(({"content": word}, None) for word in rest),
        ({}, "stop"),
    ]
    for delta, finish in deltas:
        yield {**base, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]}
    if ask.with_usage:
        yield {**base, "choices": [], "usage": ask.usage}


def _envelope(ask: _Ask, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-demo-{next(_numbers)}",
        "object": kind,
        "created": int(time.time()),
        "model": ask.model,
    }


def _read_ask(body: bytes) -> _Ask:
    try:
        data = json.loads(body)
    except ValueError:
        raise _InvalidError("The body is not JSON.") from None
    messages = data.get("messages") if isinstance(data, dict) else None
    if not isinstance(messages, list) or not messages or not isinstance(messages[-1], dict):
        raise _InvalidError("The body needs 'messages': a list with at least one message.")
    options = data.get("stream_options")
    return _Ask(
        model=str(data.get("model") or MODELS[0]),
        said=_text_of(messages[-1].get("content"))[:_ECHOED_CHARS_MAX],
        stream=data.get("stream") is True,
        with_usage=isinstance(options, dict) and options.get("include_usage") is True,
    )


def _text_of(content: object) -> str:
    """A message's text, which is a string or a list of typed parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return " ".join(str(part.get("text", "")) for part in parts if isinstance(part, dict)).strip()
