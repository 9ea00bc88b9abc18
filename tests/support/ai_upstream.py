"""A stub that speaks as OpenAI, Anthropic, Ollama, ElevenLabs and Gemini do, so that their SDKs can call it.

What it answers follows the providers' references: of platform.openai.com, docs.anthropic.com (Messages),
elevenlabs.io, ai.google.dev (generateContent), and Ollama's own `api.md` at github.com/ollama/ollama. It
asks for no key: that is the gateway's part. The model decides how it goes on:

- `held`: the answer never begins, be it streamed or whole;
- `endless`: the stream never ends;
- any other: the answer is `REPLY`, word by word where it is streamed.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from aiohttp import web

from tests.support.watched_upstream import Handler, WatchedUpstream

REPLY = "A key opened the way here."
WORDS = REPLY.split(" ")
AUDIO = bytes(range(256)) * 64
AUDIO_PIECE = 1024
HELD, ENDLESS, READY = "held", "endless", "ready"
PAUSE_S = 0.01

Json = dict[str, Any]


def ai_upstream() -> WatchedUpstream:
    """The stub, to be entered."""
    return WatchedUpstream([*_openai(), *_anthropic(), *_ollama(), *_elevenlabs(), *_gemini()])


async def _hold(model: str) -> None:
    """Never return, if that is what the model is for."""
    if model == HELD:
        await asyncio.Event().wait()


async def _words(model: str) -> AsyncIterator[str]:
    """The reply, piece by piece; without an end where the model is endless."""
    for number, word in enumerate(WORDS):
        yield f" {word}" if number else word
    while model == ENDLESS:
        await asyncio.sleep(PAUSE_S)
        yield " and"


async def _begin(request: web.Request, content_type: str) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": content_type, "Cache-Control": "no-cache"})
    await response.prepare(request)
    return response


async def _event(response: web.StreamResponse, data: Json, name: str = "") -> None:
    head = f"event: {name}\n" if name else ""
    await response.write(f"{head}data: {json.dumps(data)}\n\n".encode())


async def _sound(request: web.Request, model: str, content_type: str) -> web.StreamResponse:
    """Audio in pieces, chunked: its length is not known before."""
    await _hold(model)
    response = await _begin(request, content_type)
    for at in range(0, len(AUDIO), AUDIO_PIECE):
        await response.write(AUDIO[at : at + AUDIO_PIECE])
    while model == ENDLESS:
        await asyncio.sleep(PAUSE_S)
        await response.write(AUDIO[:AUDIO_PIECE])
    return response


def _always(data: Json) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response(data)

    return answer


# --- OpenAI ---------------------------------------------------------------------------------------


def _openai() -> Iterator[web.RouteDef]:
    model = {"id": READY, "object": "model", "created": 1, "owned_by": "stub"}
    yield web.get("/v1/models", _always({"object": "list", "data": [model]}))
    yield web.post("/v1/chat/completions", _chat)
    yield web.post("/openai/deployments/{deployment}/chat/completions", _chat)
    yield web.post("/v1/responses", _respond)
    yield web.post("/v1/embeddings", _embed)
    yield web.post("/v1/audio/speech", _speak)
    yield web.post("/v1/audio/transcriptions", _transcribe)
    yield web.get("/v1/realtime", _converse)


async def _chat(request: web.Request) -> web.StreamResponse:
    asked = await request.json()
    model = asked["model"]
    await _hold(model)
    whole = {"id": "chatcmpl-1", "created": 1, "model": model}
    if not asked.get("stream"):
        message = {"role": "assistant", "content": REPLY}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return web.json_response({**whole, "object": "chat.completion", "choices": [choice]})
    response = await _begin(request, "text/event-stream")
    async for word in _words(model):
        choice = {"index": 0, "delta": {"content": word}, "finish_reason": None}
        await _event(response, {**whole, "object": "chat.completion.chunk", "choices": [choice]})
    await response.write(b"data: [DONE]\n\n")
    return response


async def _respond(request: web.Request) -> web.StreamResponse:
    asked = await request.json()
    await _hold(asked["model"])
    text = {"type": "output_text", "text": REPLY, "annotations": []}
    message = {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [text],
    }
    whole = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": asked["model"],
        "output": [message],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }
    if not asked.get("stream"):
        return web.json_response(whole)
    response = await _begin(request, "text/event-stream")
    number = 0
    part = {"item_id": "msg_1", "output_index": 0, "content_index": 0, "logprobs": []}
    async for word in _words(asked["model"]):
        kind = "response.output_text.delta"
        await _event(response, {"type": kind, "sequence_number": number, "delta": word, **part}, kind)
        number += 1
    kind = "response.completed"
    await _event(response, {"type": kind, "sequence_number": number, "response": whole}, kind)
    return response


async def _embed(request: web.Request) -> web.Response:
    asked = await request.json()
    data = [{"object": "embedding", "index": 0, "embedding": [0.25, -0.5]}]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return web.json_response({"object": "list", "model": asked["model"], "data": data, "usage": usage})


async def _speak(request: web.Request) -> web.StreamResponse:
    return await _sound(request, (await request.json())["model"], "audio/mpeg")


async def _transcribe(request: web.Request) -> web.Response:
    form = await request.post()
    upload = form["file"]
    assert isinstance(upload, web.FileField)
    await _hold(str(form["model"]))
    return web.json_response({"text": f"{len(upload.file.read())} bytes of {upload.filename}"})


async def _converse(request: web.Request) -> web.WebSocketResponse:
    """Realtime: a session, and a response whenever one is asked for."""
    socket = web.WebSocketResponse(protocols=["realtime"])
    await socket.prepare(request)
    session = {"type": "realtime", "model": request.query.get("model")}
    await socket.send_json({"type": "session.created", "event_id": "event_1", "session": session})
    async for message in socket:
        asked = json.loads(message.data)
        if asked["type"] == "response.create":
            response = {"id": "resp_1", "object": "realtime.response", "status": "completed", "output": []}
            await socket.send_json({"type": "response.done", "event_id": "event_2", "response": response})
    return socket


# --- Anthropic ------------------------------------------------------------------------------------


def _anthropic() -> Iterator[web.RouteDef]:
    yield web.post("/v1/messages", _message)


async def _message(request: web.Request) -> web.StreamResponse:
    asked = await request.json()
    model = asked["model"]
    await _hold(model)
    whole: Json = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    if not asked.get("stream"):
        done = {"content": [{"type": "text", "text": REPLY}], "stop_reason": "end_turn"}
        return web.json_response({**whole, **done})
    response = await _begin(request, "text/event-stream")
    block = {"index": 0, "content_block": {"type": "text", "text": ""}}
    await _event(response, {"type": "message_start", "message": whole}, "message_start")
    await _event(response, {"type": "content_block_start", **block}, "content_block_start")
    async for word in _words(model):
        delta = {"index": 0, "delta": {"type": "text_delta", "text": word}}
        await _event(response, {"type": "content_block_delta", **delta}, "content_block_delta")
    await _event(response, {"type": "content_block_stop", "index": 0}, "content_block_stop")
    end = {"delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 6}}
    await _event(response, {"type": "message_delta", **end}, "message_delta")
    await _event(response, {"type": "message_stop"}, "message_stop")
    return response


# --- Ollama ---------------------------------------------------------------------------------------


def _ollama() -> Iterator[web.RouteDef]:
    model = {"name": READY, "model": READY, "modified_at": "2026-01-01T00:00:00Z", "size": 1, "digest": "d"}
    yield web.get("/api/tags", _always({"models": [model]}))
    yield web.get("/api/ps", _always({"models": []}))
    yield web.post(
        "/api/chat", _ollama_answer(lambda text: {"message": {"role": "assistant", "content": text}})
    )
    yield web.post("/api/generate", _ollama_answer(lambda text: {"response": text}))
    yield web.delete("/api/delete", _always({}))
    yield web.post("/api/pull", _always({"status": "success"}))


def _ollama_answer(said: Callable[[str], Json]) -> Handler:
    """Streams lines of JSON unless told not to, as Ollama does."""

    async def answer(request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        model = asked["model"]
        await _hold(model)
        base = {"model": model, "created_at": "2026-01-01T00:00:00Z"}
        if asked.get("stream") is False:
            return web.json_response({**base, **said(REPLY), "done": True})
        response = await _begin(request, "application/x-ndjson")
        async for word in _words(model):
            await response.write(json.dumps({**base, **said(word), "done": False}).encode() + b"\n")
        await response.write(json.dumps({**base, **said(""), "done": True}).encode() + b"\n")
        return response

    return answer


# --- ElevenLabs -----------------------------------------------------------------------------------


def _elevenlabs() -> Iterator[web.RouteDef]:
    async def sound(request: web.Request) -> web.StreamResponse:
        return await _sound(request, (await request.json())["model_id"], "audio/mpeg")

    voice = {"voice_id": "v1", "name": "Stub", "category": "premade", "labels": {}}
    yield web.get("/v1/voices", _always({"voices": [voice]}))
    yield web.get("/v1/text-to-speech/{voice}/stream-input", _speak_as_it_comes)
    yield web.post("/v1/text-to-speech/{voice}", sound)
    yield web.post("/v1/text-to-speech/{voice}/stream", sound)


async def _speak_as_it_comes(request: web.Request) -> web.WebSocketResponse:
    """Text comes in pieces, an empty one ends it; sound goes out in pieces, base64 in JSON."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        if not json.loads(message.data)["text"]:
            for at in range(0, len(AUDIO), AUDIO_PIECE):
                piece = base64.b64encode(AUDIO[at : at + AUDIO_PIECE]).decode()
                await socket.send_json({"audio": piece, "isFinal": False})
            await socket.send_json({"audio": None, "isFinal": True})
            await socket.close()
    return socket


# --- Gemini ---------------------------------------------------------------------------------------


def _gemini() -> Iterator[web.RouteDef]:
    yield web.post("/v1beta/models/{model}:generateContent", _generate)
    yield web.post("/v1beta/models/{model}:streamGenerateContent", _generate)


async def _generate(request: web.Request) -> web.StreamResponse:
    model = request.match_info["model"]
    await _hold(model)

    def part(text: str) -> Json:
        return {"candidates": [{"index": 0, "content": {"role": "model", "parts": [{"text": text}]}}]}

    if not request.path.endswith(":streamGenerateContent"):
        return web.json_response(part(REPLY))
    response = await _begin(request, "text/event-stream")
    async for word in _words(model):
        await _event(response, part(word))
    return response
