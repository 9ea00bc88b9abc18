"""Every SDK that people use: with our key in its own field it works, and it says what we have to say.

Whoever leaves stops the upstream's work, in every phase: before the first byte, while the answer streams, and
while it waits for a whole one.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.ai_upstream import AUDIO, ENDLESS, HELD, READY, REPLY, ai_upstream
from tests.support.client_stand import UNKNOWN, ClientStand, client_stand
from tests.support.sdks import SDKS, Door, Sdk

SCOPES = {"chat:write": "Ask", "audio:speech": "Listen", "models:read": "List"}
ROUTES: list[dict[str, Any]] = [
    {"id": "listen", "path": "/v1/text-to-speech/**", "upstream": "main", "scopes": ["audio:speech"]},
    {"id": "ask", "path": "/**", "upstream": "main", "scopes": ["chat:write"]},
]
ALL = ("audio:speech", "chat:write")
LACKING = ("models:read",)
IMPATIENT_S = 0.3

every_sdk = pytest.mark.parametrize("sdk", SDKS, ids=[sdk.name for sdk in SDKS])


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClientStand]:
    folder = tmp_path_factory.mktemp("home")
    with client_stand(folder, ai_upstream(), ROUTES, scopes=SCOPES) as stand:
        yield stand


def door(stand: ClientStand, key: str = "", **other: Any) -> Door:
    return Door(stand.gateway.url, key or stand.key(*ALL), **other)


def expected(sdk: Sdk) -> str:
    return AUDIO.decode("latin-1") if sdk.name == "elevenlabs" else REPLY


@every_sdk
def test_it_gets_a_whole_answer(stand: ClientStand, sdk: Sdk) -> None:
    with sdk.open(door(stand)) as client:
        assert sdk.ask(client, READY) == expected(sdk)


@every_sdk
def test_it_gets_a_stream_piece_by_piece(stand: ClientStand, sdk: Sdk) -> None:
    with sdk.open(door(stand)) as client:
        pieces = list(sdk.pieces(client, READY))
    assert "".join(pieces) == expected(sdk)
    assert len(pieces) > 5


@every_sdk
def test_a_wrong_key_takes_one_request_and_the_error_says_what_is_wrong(stand: ClientStand, sdk: Sdk) -> None:
    with (
        stand.exactly(1, 401),
        sdk.open(door(stand, UNKNOWN, retries=2)) as client,
        pytest.raises(sdk.refused) as caught,
    ):
        sdk.ask(client, READY)
    assert "This key was not issued by this gateway, or it was deleted." in str(caught.value)
    assert UNKNOWN not in str(caught.value)


@every_sdk
def test_a_missing_scope_takes_one_request_and_the_error_names_it(stand: ClientStand, sdk: Sdk) -> None:
    with (
        stand.exactly(1, 403),
        sdk.open(door(stand, stand.key(*LACKING), retries=2)) as client,
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
        sdk.open(door(stand, patience_s=IMPATIENT_S)) as client,
        pytest.raises(sdk.gives_up),
    ):
        next(sdk.pieces(client, HELD))


@every_sdk
def test_whoever_leaves_while_it_streams_stops_the_work(stand: ClientStand, sdk: Sdk) -> None:
    with stand.left_once(sdk.paths[1].format(model=ENDLESS)), sdk.open(door(stand)) as client:
        pieces = sdk.pieces(client, ENDLESS)
        assert next(pieces)
        pieces.close()  # type: ignore[attr-defined] # they are generators


@every_sdk
def test_whoever_does_not_wait_for_a_whole_answer_stops_the_work(stand: ClientStand, sdk: Sdk) -> None:
    with (
        stand.left_once(sdk.paths[0].format(model=HELD)),
        sdk.open(door(stand, patience_s=IMPATIENT_S)) as client,
        pytest.raises(sdk.gives_up),
    ):
        sdk.ask(client, HELD)
