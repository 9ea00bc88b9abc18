"""Guarantees of gateway/demo/plain.py: a hello, an honest mirror of the identity headers, and 404."""

import aiohttp
import pytest
from openai import AsyncOpenAI, NotFoundError

from gateway.demo import Demo


async def test_hello_names_every_door(demo: Demo) -> None:
    async with aiohttp.ClientSession() as caller, caller.get(demo.url + "/") as reply:
        text = await reply.text()
    assert reply.content_type == "text/plain"
    assert all(
        door in text for door in ("/v1/models", "/v1/chat/completions", "/audio", "/ws/echo", "/headers")
    )


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        pytest.param({}, {"identity": {}, "credentials": []}, id="nothing"),
        pytest.param(
            {"X-Keyhatch-Key-Name": "VaM Plugin", "X-Other": "1"},
            {"identity": {"x-keyhatch-key-name": "VaM Plugin"}, "credentials": []},
            id="identity",
        ),
        pytest.param(
            {"Authorization": "Bearer x", "X-API-Key": "y"},
            {"identity": {}, "credentials": ["authorization", "x-api-key"]},
            id="credentials-by-name-only",
        ),
    ],
)
async def test_headers_mirrors_identity_and_names_credentials(
    demo: Demo, sent: dict[str, str], seen: dict[str, object]
) -> None:
    async with aiohttp.ClientSession() as caller, caller.get(demo.url + "/headers", headers=sent) as reply:
        assert await reply.json() == seen


async def test_any_other_path_is_a_404_whose_sentence_the_sdk_shows(demo: Demo) -> None:
    async with AsyncOpenAI(base_url=demo.url + "/v1", api_key="unused", max_retries=0) as ai:
        with pytest.raises(NotFoundError, match="nothing at GET /v1/models/gpt-0"):
            await ai.models.retrieve("gpt-0")
