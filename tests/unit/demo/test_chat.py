"""Guarantees of gateway/demo/chat.py: what OpenAI's own SDK expects, whole or word by word."""

import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
from openai import AsyncOpenAI, BadRequestError

from gateway.demo import Demo
from gateway.demo.chat import MODELS


@pytest.fixture
async def ai(demo: Demo) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=demo.url + "/v1", api_key="unused", max_retries=0) as client:
        yield client


async def test_the_sdk_lists_the_models(ai: AsyncOpenAI) -> None:
    assert tuple([model.id async for model in ai.models.list()]) == MODELS


async def test_a_plain_completion_answers_what_was_said(ai: AsyncOpenAI) -> None:
    done = await ai.chat.completions.create(
        model="demo-small", messages=[{"role": "user", "content": "good morning"}]
    )
    assert done.model == "demo-small"
    assert done.choices[0].finish_reason == "stop"
    assert "good morning" in (done.choices[0].message.content or "")
    assert done.usage is not None
    assert done.usage.total_tokens == done.usage.prompt_tokens + done.usage.completion_tokens


async def test_a_stream_joins_to_the_plain_answer_and_ends_with_stop(ai: AsyncOpenAI) -> None:
    plain = await ai.chat.completions.create(model="m", messages=[{"role": "user", "content": "one two"}])
    stream = await ai.chat.completions.create(
        model="m", messages=[{"role": "user", "content": "one two"}], stream=True
    )
    chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == plain.choices[0].message.content
    assert len({chunk.id for chunk in chunks}) == 1
    assert len(chunks) > 5
    assert [chunk.choices[0].finish_reason for chunk in chunks][-1] == "stop"


async def test_the_usage_comes_last_in_a_stream_that_asked_for_it(ai: AsyncOpenAI) -> None:
    stream = await ai.chat.completions.create(
        model="m",
        messages=[{"role": "user", "content": "one two"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    *others, last = [chunk async for chunk in stream]
    assert all(chunk.usage is None for chunk in others)
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.prompt_tokens == 2


async def test_a_stream_is_framed_as_server_sent_events_and_ends_with_done(demo: Demo) -> None:
    body = {"stream": True, "messages": [{"role": "user", "content": "hi"}]}
    async with (
        aiohttp.ClientSession() as caller,
        caller.post(demo.url + "/v1/chat/completions", json=body) as reply,
    ):
        assert reply.content_type == "text/event-stream"
        *events, rest = (await reply.text()).split("\n\n")
    assert rest == ""
    assert events[-1] == "data: [DONE]"
    assert all(json.loads(event.removeprefix("data: "))["model"] == MODELS[0] for event in events[:-1])


@pytest.mark.parametrize(
    ("content", "heard"),
    [
        pytest.param("plain", "You said: plain -", id="text"),
        pytest.param(
            [{"type": "text", "text": "in parts"}, {"type": "image_url", "image_url": {}}, "odd"],
            "You said: in parts -",
            id="parts",
        ),
        pytest.param(None, "You said:  -", id="nothing"),
        pytest.param("x" * 1000, f"You said: {'x' * 200} -", id="long-text-is-cut"),
    ],
)
async def test_every_form_of_content_is_heard(demo: Demo, content: object, heard: str) -> None:
    body = {"messages": [{"role": "user", "content": content}]}
    async with (
        aiohttp.ClientSession() as caller,
        caller.post(demo.url + "/v1/chat/completions", json=body) as reply,
    ):
        answer = await reply.json()
    assert answer["choices"][0]["message"]["content"].startswith(heard)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"not json", id="not-json"),
        pytest.param(b"\xff\xfe\xfd", id="not-text"),
        pytest.param(b"[]", id="a-list"),
        pytest.param(b"{}", id="no-messages"),
        pytest.param(b'{"messages": []}', id="empty-messages"),
        pytest.param(b'{"messages": ["hi"]}', id="a-message-that-is-text"),
    ],
)
async def test_a_body_that_is_no_chat_request_is_400_with_a_sentence(demo: Demo, body: bytes) -> None:
    async with (
        aiohttp.ClientSession() as caller,
        caller.post(demo.url + "/v1/chat/completions", data=body) as reply,
    ):
        assert reply.status == 400
        assert (await reply.json())["error"]["message"].startswith("The body ")


async def test_the_sdk_shows_the_sentence_of_an_error(ai: AsyncOpenAI) -> None:
    with pytest.raises(BadRequestError, match="at least one message"):
        await ai.chat.completions.create(model="m", messages=[])
