"""The SDKs that people really use, each asked in the same three ways: whole, piece by piece, and to leave.

Every one gets its key where its own users put it, in `api_key` or what stands for it there. Gemini's own SDK
is left out for its weight: its two requests are made by httpx, with the key where that SDK sends it.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    aclosing,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar, cast

import anthropic
import elevenlabs.client
import elevenlabs.core
import httpx
import ollama
import openai

ASKED: Final[list[Any]] = [{"role": "user", "content": "good morning"}]
T = TypeVar("T")
API_VERSION: Final = "2024-10-21"


@dataclass(frozen=True)
class Door:
    """Where an SDK is pointed to, and what it shows there."""

    url: str
    key: str
    patience_s: float = 10.0
    retries: int = 0

    def but(self, **other: Any) -> "Door":
        """The same, but for this."""
        return replace(self, **other)


@dataclass(frozen=True)
class Sdk:
    """One SDK, called and waited for."""

    name: str
    open: Callable[[Door], AbstractContextManager[Any]]
    ask: Callable[[Any, str], str]
    pieces: Callable[[Any, str], Iterator[str]]
    paths: tuple[str, str]  # of `ask` and of `pieces`
    refused: type[Exception]
    gives_up: type[Exception]


@dataclass(frozen=True)
class AsyncSdk:
    """The same one on an event loop."""

    name: str
    open: Callable[[Door], AbstractAsyncContextManager[Any]]
    ask: Callable[[Any, str], Awaitable[str]]
    pieces: Callable[[Any, str], AsyncIterator[str]]
    paths: tuple[str, str]
    refused: type[Exception]


def _closing(pieces: AsyncIterator[T]) -> "aclosing[AsyncGenerator[T, None]]":
    """What an SDK gives, left in order: a generator that nobody closes ends when memory is tidied."""
    return aclosing(cast("AsyncGenerator[T, None]", pieces))


# --- OpenAI, and Azure by the same SDK ------------------------------------------------------------


def _openai(door: Door) -> openai.OpenAI:
    return openai.OpenAI(
        base_url=f"{door.url}/v1", api_key=door.key, timeout=door.patience_s, max_retries=door.retries
    )


def _openai_async(door: Door) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(
        base_url=f"{door.url}/v1", api_key=door.key, timeout=door.patience_s, max_retries=door.retries
    )


def _azure(door: Door) -> openai.AzureOpenAI:
    return openai.AzureOpenAI(
        azure_endpoint=door.url,
        api_key=door.key,
        api_version=API_VERSION,
        timeout=door.patience_s,
        max_retries=door.retries,
    )


def _openai_ask(client: openai.OpenAI, model: str) -> str:
    return client.chat.completions.create(model=model, messages=ASKED).choices[0].message.content or ""


def _openai_pieces(client: openai.OpenAI, model: str) -> Iterator[str]:
    with client.chat.completions.create(model=model, messages=ASKED, stream=True) as stream:
        for chunk in stream:
            yield chunk.choices[0].delta.content or ""


async def _openai_ask_async(client: openai.AsyncOpenAI, model: str) -> str:
    answer = await client.chat.completions.create(model=model, messages=ASKED)
    return answer.choices[0].message.content or ""


async def _openai_pieces_async(client: openai.AsyncOpenAI, model: str) -> AsyncIterator[str]:
    async with await client.chat.completions.create(model=model, messages=ASKED, stream=True) as stream:
        async for chunk in stream:
            yield chunk.choices[0].delta.content or ""


# --- Anthropic ------------------------------------------------------------------------------------


def _anthropic(door: Door) -> anthropic.Anthropic:
    return anthropic.Anthropic(
        base_url=door.url, api_key=door.key, timeout=door.patience_s, max_retries=door.retries
    )


def _anthropic_async(door: Door) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(
        base_url=door.url, api_key=door.key, timeout=door.patience_s, max_retries=door.retries
    )


def _anthropic_ask(client: anthropic.Anthropic, model: str) -> str:
    answer = client.messages.create(model=model, max_tokens=10, messages=ASKED)
    return "".join(block.text for block in answer.content if block.type == "text")


def _anthropic_pieces(client: anthropic.Anthropic, model: str) -> Iterator[str]:
    with client.messages.stream(model=model, max_tokens=10, messages=ASKED) as stream:
        yield from stream.text_stream


async def _anthropic_ask_async(client: anthropic.AsyncAnthropic, model: str) -> str:
    answer = await client.messages.create(model=model, max_tokens=10, messages=ASKED)
    return "".join(block.text for block in answer.content if block.type == "text")


async def _anthropic_pieces_async(client: anthropic.AsyncAnthropic, model: str) -> AsyncIterator[str]:
    async with client.messages.stream(model=model, max_tokens=10, messages=ASKED) as stream:
        async for text in stream.text_stream:
            yield text


# --- Ollama ---------------------------------------------------------------------------------------


def _bearer(door: Door) -> dict[str, str]:
    return {"Authorization": f"Bearer {door.key}"}


@contextmanager
def _ollama(door: Door) -> Iterator[ollama.Client]:
    with ollama.Client(host=door.url, headers=_bearer(door), timeout=door.patience_s) as client:
        yield client


@asynccontextmanager
async def _ollama_async(door: Door) -> AsyncIterator[ollama.AsyncClient]:
    async with ollama.AsyncClient(host=door.url, headers=_bearer(door), timeout=door.patience_s) as client:
        yield client


def _ollama_ask(client: ollama.Client, model: str) -> str:
    return client.chat(model, ASKED).message.content or ""


def _ollama_pieces(client: ollama.Client, model: str) -> Iterator[str]:
    for part in client.chat(model, ASKED, stream=True):
        yield part.message.content or ""


async def _ollama_ask_async(client: ollama.AsyncClient, model: str) -> str:
    return (await client.chat(model, ASKED)).message.content or ""


async def _ollama_pieces_async(client: ollama.AsyncClient, model: str) -> AsyncIterator[str]:
    async with _closing(await client.chat(model, ASKED, stream=True)) as parts:
        async for part in parts:
            yield part.message.content or ""


# --- ElevenLabs: what it says is sound, told here as latin-1 --------------------------------------


@contextmanager
def _elevenlabs(door: Door) -> Iterator[elevenlabs.client.ElevenLabs]:
    with httpx.Client(timeout=door.patience_s) as http:
        yield elevenlabs.client.ElevenLabs(
            base_url=door.url, api_key=door.key, timeout=door.patience_s, httpx_client=http
        )


@asynccontextmanager
async def _elevenlabs_async(door: Door) -> AsyncIterator[elevenlabs.client.AsyncElevenLabs]:
    async with httpx.AsyncClient(timeout=door.patience_s) as http:
        yield elevenlabs.client.AsyncElevenLabs(
            base_url=door.url, api_key=door.key, timeout=door.patience_s, httpx_client=http
        )


def _elevenlabs_ask(client: elevenlabs.client.ElevenLabs, model: str) -> str:
    sound = client.text_to_speech.convert("v1", text="good morning", model_id=model)
    return b"".join(sound).decode("latin-1")


def _elevenlabs_pieces(client: elevenlabs.client.ElevenLabs, model: str) -> Iterator[str]:
    for piece in client.text_to_speech.stream("v1", text="good morning", model_id=model):
        yield piece.decode("latin-1")


async def _elevenlabs_ask_async(client: elevenlabs.client.AsyncElevenLabs, model: str) -> str:
    sound = client.text_to_speech.convert("v1", text="good morning", model_id=model)
    return b"".join([piece async for piece in sound]).decode("latin-1")


async def _elevenlabs_pieces_async(
    client: elevenlabs.client.AsyncElevenLabs, model: str
) -> AsyncIterator[str]:
    sound = client.text_to_speech.stream("v1", text="good morning", model_id=model)
    async with _closing(sound) as pieces:
        async for piece in pieces:
            yield piece.decode("latin-1")


# --- Gemini, by httpx -----------------------------------------------------------------------------


class GeminiError(Exception):
    """What Google's SDK makes of a refusal: the status, and what stands under `error`."""


_GEMINI_BODY = {"contents": [{"role": "user", "parts": [{"text": "good morning"}]}]}


def _gemini(door: Door) -> httpx.Client:
    shown = {"x-goog-api-key": door.key}
    return httpx.Client(base_url=f"{door.url}/v1beta", headers=shown, timeout=door.patience_s)


def _gemini_text(answer: Any) -> str:
    return str(answer["candidates"][0]["content"]["parts"][0]["text"])


def _gemini_ask(client: httpx.Client, model: str) -> str:
    response = client.post(f"/models/{model}:generateContent", json=_GEMINI_BODY)
    if response.is_error:
        raise GeminiError(f"{response.status_code}: {response.json()['error']['message']}")
    return _gemini_text(response.json())


def _gemini_pieces(client: httpx.Client, model: str) -> Iterator[str]:
    url = f"/models/{model}:streamGenerateContent?alt=sse"
    with client.stream("POST", url, json=_GEMINI_BODY) as response:
        for line in response.iter_lines():
            if line.startswith("data: "):
                yield _gemini_text(json.loads(line.removeprefix("data: ")))


# --- All of them ----------------------------------------------------------------------------------

_CHAT = "/v1/chat/completions"
_DEPLOYED = "/openai/deployments/{model}/chat/completions"
_SPEECH = "/v1/text-to-speech/v1"
_GEMINI = "/v1beta/models/{model}"

SDKS: Final = (
    Sdk(
        "openai",
        *(_openai, _openai_ask, _openai_pieces),
        paths=(_CHAT, _CHAT),
        refused=openai.APIStatusError,
        gives_up=openai.APITimeoutError,
    ),
    Sdk(
        "azure",
        *(_azure, _openai_ask, _openai_pieces),
        paths=(_DEPLOYED, _DEPLOYED),
        refused=openai.APIStatusError,
        gives_up=openai.APITimeoutError,
    ),
    Sdk(
        "anthropic",
        *(_anthropic, _anthropic_ask, _anthropic_pieces),
        paths=("/v1/messages", "/v1/messages"),
        refused=anthropic.APIStatusError,
        gives_up=anthropic.APITimeoutError,
    ),
    Sdk(
        "ollama",
        *(_ollama, _ollama_ask, _ollama_pieces),
        paths=("/api/chat", "/api/chat"),
        refused=ollama.ResponseError,
        gives_up=httpx.ReadTimeout,
    ),
    Sdk(
        "elevenlabs",
        *(_elevenlabs, _elevenlabs_ask, _elevenlabs_pieces),
        paths=(_SPEECH, f"{_SPEECH}/stream"),
        refused=elevenlabs.core.ApiError,
        gives_up=httpx.ReadTimeout,
    ),
    Sdk(
        "gemini",
        *(_gemini, _gemini_ask, _gemini_pieces),
        paths=(f"{_GEMINI}:generateContent", f"{_GEMINI}:streamGenerateContent"),
        refused=GeminiError,
        gives_up=httpx.ReadTimeout,
    ),
)

ASYNC_SDKS: Final = (
    AsyncSdk(
        "openai",
        *(_openai_async, _openai_ask_async, _openai_pieces_async),
        paths=(_CHAT, _CHAT),
        refused=openai.APIStatusError,
    ),
    AsyncSdk(
        "anthropic",
        *(_anthropic_async, _anthropic_ask_async, _anthropic_pieces_async),
        paths=("/v1/messages", "/v1/messages"),
        refused=anthropic.APIStatusError,
    ),
    AsyncSdk(
        "ollama",
        *(_ollama_async, _ollama_ask_async, _ollama_pieces_async),
        paths=("/api/chat", "/api/chat"),
        refused=ollama.ResponseError,
    ),
    AsyncSdk(
        "elevenlabs",
        *(_elevenlabs_async, _elevenlabs_ask_async, _elevenlabs_pieces_async),
        paths=(_SPEECH, f"{_SPEECH}/stream"),
        refused=elevenlabs.core.ApiError,
    ),
)
