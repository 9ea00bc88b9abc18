"""Every SDK that people use: with our key in its own field it works, and it says what we have to say.

All that the gateway was told of each of their servers is one word, its preset, and the credential that the
server asks for. Whoever leaves stops the upstream's work, in every phase: before the first byte, while the
answer streams, and while it waits for a whole one.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.ai_upstream import AUDIO, ENDLESS, HELD, READY, REPLY, ai_upstream
from tests.support.client_stand import UNKNOWN, ClientStand, standing
from tests.support.running_gateway import Home
from tests.support.sdks import SDKS, Door, Sdk

PRESETS = {
    "openai": "openai",
    "azure": "azure-openai",
    "anthropic": "anthropic",
    "ollama": "ollama",
    "elevenlabs": "elevenlabs",
    "gemini": "gemini",
}
CREDENTIAL_IN = {
    "openai": ("authorization", "Bearer {}"),
    "azure": ("api-key", "{}"),
    "anthropic": ("x-api-key", "{}"),
    "ollama": ("authorization", "Bearer {}"),
    "elevenlabs": ("xi-api-key", "{}"),
    "gemini": ("x-goog-api-key", "{}"),
}
CREDENTIAL_HEADERS = ("authorization", "api-key", "x-api-key", "xi-api-key", "x-goog-api-key")
ALL = ("audio:speech", "chat:write")
LACKING = ("models:read",)
IMPATIENT_S = 0.3

every_sdk = pytest.mark.parametrize("sdk", SDKS, ids=[sdk.name for sdk in SDKS])


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClientStand]:
    upstream = ai_upstream()
    with upstream:
        home = Home(tmp_path_factory.mktemp("home"))
        home.write(
            {
                "server": {"proxy": "127.0.0.1:0", "admin": "127.0.0.1:0"},
                "upstreams": {
                    name: {
                        "url": upstream.url,
                        "preset": preset,
                        "mount": f"/{name}",
                        "credential": provided(name),
                    }
                    for name, preset in PRESETS.items()
                },
            }
        )
        with home.serve() as gateway, standing(home, gateway, upstream) as stand:
            yield stand


def provided(name: str) -> str:
    """What the server itself asks for."""
    return f"credential-of-{name}"


def door(stand: ClientStand, sdk: Sdk, key: str = "", **other: Any) -> Door:
    return Door(f"{stand.gateway.url}/{sdk.name}", key or stand.key(*ALL), **other)


def expected(sdk: Sdk) -> str:
    return AUDIO.decode("latin-1") if sdk.name == "elevenlabs" else REPLY


@every_sdk
def test_it_gets_a_whole_answer(stand: ClientStand, sdk: Sdk) -> None:
    with sdk.open(door(stand, sdk)) as client:
        assert sdk.ask(client, READY) == expected(sdk)


@every_sdk
def test_its_server_is_shown_the_credential_that_the_gateway_holds(stand: ClientStand, sdk: Sdk) -> None:
    with sdk.open(door(stand, sdk)) as client:
        sdk.ask(client, READY)
    name, spelled = CREDENTIAL_IN[sdk.name]
    seen = stand.upstream.last(sdk.paths[0].format(model=READY)).headers
    assert seen[name] == spelled.format(provided(sdk.name))
    assert [each for each in CREDENTIAL_HEADERS if each in seen] == [name]


@every_sdk
def test_it_gets_a_stream_piece_by_piece(stand: ClientStand, sdk: Sdk) -> None:
    with sdk.open(door(stand, sdk)) as client:
        pieces = list(sdk.pieces(client, READY))
    assert "".join(pieces) == expected(sdk)
    assert len(pieces) > 5


@every_sdk
def test_a_wrong_key_takes_one_request_and_the_error_says_what_is_wrong(stand: ClientStand, sdk: Sdk) -> None:
    with (
        stand.exactly(1, 401),
        sdk.open(door(stand, sdk, UNKNOWN, retries=2)) as client,
        pytest.raises(sdk.refused) as caught,
    ):
        sdk.ask(client, READY)
    assert "This key was not issued by this gateway, or it was deleted." in str(caught.value)
    assert UNKNOWN not in str(caught.value)


@every_sdk
def test_a_missing_scope_takes_one_request_and_the_error_names_it(stand: ClientStand, sdk: Sdk) -> None:
    with (
        stand.exactly(1, 403),
        sdk.open(door(stand, sdk, stand.key(*LACKING), retries=2)) as client,
        pytest.raises(sdk.refused) as caught,
    ):
        sdk.ask(client, READY)
    needed = "audio:speech" if sdk.name == "elevenlabs" else "chat:write"
    assert f"Needed here: {needed}. The key has: models:read." in str(caught.value)


@every_sdk
def test_whoever_leaves_before_the_first_byte_of_a_stream_stops_the_work(
    stand: ClientStand, sdk: Sdk
) -> None:
    with (
        stand.left_once(sdk.paths[1].format(model=HELD)),
        sdk.open(door(stand, sdk, patience_s=IMPATIENT_S)) as client,
        pytest.raises(sdk.gives_up),
    ):
        next(sdk.pieces(client, HELD))


@every_sdk
def test_whoever_leaves_while_it_streams_stops_the_work(stand: ClientStand, sdk: Sdk) -> None:
    with stand.left_once(sdk.paths[1].format(model=ENDLESS)), sdk.open(door(stand, sdk)) as client:
        pieces = sdk.pieces(client, ENDLESS)
        assert next(pieces)
        pieces.close()  # type: ignore[attr-defined] # they are generators


@every_sdk
def test_whoever_does_not_wait_for_a_whole_answer_stops_the_work(stand: ClientStand, sdk: Sdk) -> None:
    with (
        stand.left_once(sdk.paths[0].format(model=HELD)),
        sdk.open(door(stand, sdk, patience_s=IMPATIENT_S)) as client,
        pytest.raises(sdk.gives_up),
    ):
        sdk.ask(client, HELD)


@pytest.mark.parametrize(
    ("name", "path", "needed"),
    [
        ("openai", "/v1/files", "admin"),
        ("azure", "/openai/files", "admin"),
        ("anthropic", "/v1/files", "admin"),
        ("ollama", "/api/status", "admin"),
        ("elevenlabs", "/v1/history", "admin"),
        ("gemini", "/v1beta/tunedModels", "models:manage"),
    ],
)
def test_what_is_dangerous_and_what_is_unknown_stays_shut(
    stand: ClientStand, name: str, path: str, needed: str
) -> None:
    before = len(stand.upstream.seen)
    refused = stand.gateway.ask(f"/{name}{path}", key=stand.key(*ALL))
    assert (refused.status, refused.reason) == (403, "scope_missing")
    assert f"Needed here: {needed}." in refused.body.decode()
    unknown = stand.gateway.ask(f"/{name}/not-there", key=stand.key(*ALL))
    assert (unknown.status, unknown.reason) == (404, "no_route")
    assert len(stand.upstream.seen) == before
