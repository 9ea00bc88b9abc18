"""A provider's key in the vault, from its first day to its last, as somebody with the OpenAI SDK sees it."""

from collections.abc import Iterator
from dataclasses import dataclass

import openai
import pytest
from aiohttp import web

from tests.support.client_stand import ClientStand, preset_settings, standing
from tests.support.running_gateway import Home, eventually
from tests.support.watched_upstream import WatchedUpstream

PATH = "/v1/embeddings"
FIRST, SECOND = "sk-proj-" + "F1rst" * 10, "sk-proj-" + "Sec0nd" * 10


class Provider(WatchedUpstream):
    """A provider who knows one key, and quotes any other in the answer, as providers do."""

    def __init__(self) -> None:
        super().__init__([web.post(PATH, self._embed)])
        self.accepted = FIRST

    async def _embed(self, request: web.Request) -> web.Response:
        shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if shown != self.accepted:
            message = f"Incorrect API key provided: {shown}."
            return web.json_response({"error": {"message": message, "code": "invalid_api_key"}}, status=401)
        data = [{"object": "embedding", "index": 0, "embedding": [0.5]}]
        return web.json_response({"object": "list", "model": "m", "data": data, "usage": {}})


@dataclass
class Rig:
    stand: ClientStand
    provider: Provider

    def embed(self) -> list[float]:
        """As an application does it, which would try three times."""
        stand = self.stand
        with openai.OpenAI(
            base_url=f"{stand.gateway.url}/v1", api_key=stand.key("embeddings:write"), max_retries=2
        ) as client:
            made = client.embeddings.create(model="m", input="x", encoding_format="float")
        embedding: list[float] = made.data[0].embedding
        return embedding

    def is_told(self, sentence: str, asked: int) -> None:
        """One request is made, which says this, and the provider is asked that many times."""
        before = self.provider.count(PATH)
        with self.stand.exactly(1, 502), pytest.raises(openai.InternalServerError, match=sentence) as caught:
            self.embed()
        assert "sk-" not in str(caught.value)
        assert self.provider.count(PATH) == before + asked

    def set(self, credential: str) -> None:
        """As the operator does, while the gateway runs."""
        ran = self.stand.home.keyhatch("credentials", "set", "openai", given=credential)
        assert ran.code == 0, ran.err
        assert credential not in ran.out + ran.err


@pytest.fixture
def rig(home: Home) -> Iterator[Rig]:
    assert home.keyhatch("credentials", "new-key", "vault.key").code == 0
    with Provider() as provider:
        settings = preset_settings(provider.url, "openai")
        settings["upstreams"]["main"]["credential"] = "vault:openai"
        home.write({**settings, "vault": {"key_file": "vault.key"}})
        with home.serve() as gateway, standing(home, gateway, provider) as stand:
            yield Rig(stand, provider)


def test_a_providers_key_is_set_and_replaced_while_callers_keep_theirs(rig: Rig) -> None:
    rig.is_told("Your key is fine; tell whoever runs this gateway", asked=0)
    rig.set(FIRST)
    assert eventually(rig.embed, "the first one counts") == [0.5]
    rig.provider.accepted = SECOND
    rig.is_told("Your key is fine; tell whoever runs this gateway", asked=1)
    rig.set(SECOND)
    assert rig.embed() == [0.5]
    for secret in (FIRST, SECOND):
        assert secret not in rig.stand.gateway.log
