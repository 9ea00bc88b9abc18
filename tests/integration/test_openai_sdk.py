"""The real OpenAI SDK before the demo upstream: it works with our key, and its exceptions say what to do."""

import re
from collections.abc import Callable, Iterator

import pytest
from openai import APIStatusError, AuthenticationError, OpenAI, PermissionDeniedError

from gateway.core.keys import compose_secret
from tests.support.running_gateway import Home, RunningGateway

ALL = ("models:read", "chat:write")
SAID = "good morning"
ECHOED = f"You said: {SAID} - and a key opened the way here."


@pytest.fixture(scope="module")
def good_key(demo_gateway: RunningGateway, demo_home: Home) -> str:
    return demo_home.make_key("SDK", *ALL)


@pytest.fixture
def client(demo_gateway: RunningGateway, good_key: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{demo_gateway.url}/v1", api_key=good_key) as client:
        yield client


def complete(client: OpenAI) -> str | None:
    answer = client.chat.completions.create(model="demo-small", messages=[{"role": "user", "content": SAID}])
    content: str | None = answer.choices[0].message.content
    return content


def test_the_sdk_lists_models(client: OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["demo-small", "demo-large"]


def test_the_sdk_gets_a_plain_completion(client: OpenAI) -> None:
    assert complete(client) == ECHOED


def test_the_sdk_gets_a_streamed_completion_piece_by_piece(client: OpenAI) -> None:
    stream = client.chat.completions.create(
        model="demo-small",
        messages=[{"role": "user", "content": SAID}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    words = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(words) == ECHOED
    assert len(words) > 5
    assert chunks[-1].usage is not None


def revoked(home: Home) -> str:
    key = home.make_key("Revoked", *ALL)
    home.manage(lambda desk: desk.revoke("Revoked"))
    return key


def disabled(home: Home) -> str:
    key = home.make_key("Disabled", *ALL)
    home.manage(lambda desk: desk.disable("Disabled"))
    return key


def scope_lacking(home: Home) -> str:
    return home.make_key("Reader", "models:read")


def foreign(home: Home) -> str:
    return "sk-proj-" + "A1b2C3d4" * 12


def truncated(home: Home) -> str:
    return home.make_key("Truncated", *ALL)[:-3]


def unknown(home: Home) -> str:
    return compose_secret("kh", b"of another gateway".ljust(32)).reveal()


MOMENT = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"
REFUSED = [
    pytest.param(
        revoked,
        AuthenticationError,
        "key_revoked",
        rf"This key was revoked at {MOMENT} and will not work again\. Ask for a new one\.",
        id="revoked",
    ),
    pytest.param(
        disabled,
        AuthenticationError,
        "key_disabled",
        rf"This key was disabled at {MOMENT}\. Ask whoever runs this server to enable it\.",
        id="disabled",
    ),
    pytest.param(
        foreign,
        AuthenticationError,
        "credential_foreign",
        r"The credential in .* looks like an OpenAI key\. This server needs a key of its own, which begins "
        r"with 'kh_'\. Ask whoever runs it for one\.",
        id="foreign",
    ),
    pytest.param(
        scope_lacking,
        PermissionDeniedError,
        "scope_missing",
        r"This key lacks a scope\. Needed here: chat:write\. The key has: models:read\. "
        r"Use a key with the scope, or ask for it to be added\.",
        id="scope-lacking",
    ),
    pytest.param(
        truncated,
        AuthenticationError,
        "credential_malformed",
        r"The key is mistyped or truncated: it has 49 characters\. A key is 'kh_' and then letters and "
        r"digits, 52 characters in all\. Copy it again, whole\.",
        id="truncated",
    ),
    pytest.param(
        unknown,
        AuthenticationError,
        "key_unknown",
        r"This key was not issued by this gateway, or it was deleted\. .* ask for a new one\.",
        id="unknown",
    ),
]


@pytest.mark.parametrize(("key_of", "kind", "code", "sentence"), REFUSED)
def test_the_exception_tells_a_person_what_to_do(
    demo_gateway: RunningGateway,
    demo_home: Home,
    key_of: Callable[[Home], str],
    kind: type[APIStatusError],
    code: str,
    sentence: str,
) -> None:
    key = key_of(demo_home)
    with OpenAI(base_url=f"{demo_gateway.url}/v1", api_key=key) as client, pytest.raises(kind) as caught:
        complete(client)
    assert re.search(sentence, str(caught.value)), str(caught.value)
    assert caught.value.code == code
    assert key not in str(caught.value)


def test_a_client_that_shows_its_key_like_anthropics_gets_through(
    demo_gateway: RunningGateway, good_key: str
) -> None:
    answer = demo_gateway.ask(
        "/v1/models", headers={"x-api-key": good_key, "anthropic-version": "2023-06-01"}
    )
    assert answer.status == 200
    told = demo_gateway.ask("/headers", headers={"x-api-key": good_key}).data
    assert told["credentials"] == []
    assert told["identity"]["x-keyhatch-key-name"] == "SDK"


def test_a_refusal_is_in_the_envelope_that_anthropics_sdk_reads(demo_gateway: RunningGateway) -> None:
    answer = demo_gateway.ask("/v1/models", headers={"x-api-key": "sk-ant-api03-" + "A1b2C3d4" * 11})
    assert answer.status == 401
    assert answer.data["type"] == "error"
    assert answer.data["error"]["type"] == "authentication_error"
    assert "looks like an Anthropic key" in answer.message
    assert answer.data["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["www-authenticate"] == 'Bearer realm="keyhatch", error="invalid_token"'
