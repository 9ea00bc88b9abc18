"""Guarantees of gateway/wire/websocket.py: only a true WebSocket handshake is passed on."""

import pytest

from gateway.core.request import Headers
from gateway.wire.websocket import handshake_fault

# The example of RFC 6455 §1.3.
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
ASKED: Headers = ((b"sec-websocket-key", KEY), (b"sec-websocket-protocol", b"chat, superchat"))

ANOTHER_PROTOCOL = "switched to another protocol than WebSocket"
WRONG_HANDSHAKE = "answered the WebSocket handshake wrongly"
UNOFFERED = "chose a WebSocket subprotocol that was not offered"


def answered(**fields: list[bytes]) -> Headers:
    """The upstream's 101 with some of its fields replaced."""
    usual = {"upgrade": [b"websocket"], "connection": [b"Upgrade"], "sec_websocket_accept": [ACCEPT]}
    return tuple(
        (name.replace("_", "-").encode(), value)
        for name, values in (usual | fields).items()
        for value in values
    )


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({}, id="plain"),
        pytest.param({"upgrade": [b"WebSocket"], "connection": [b"keep-alive, upgrade"]}, id="other-case"),
        pytest.param({"sec_websocket_protocol": [b"superchat"]}, id="one-of-the-offered"),
        pytest.param({"sec_websocket_extensions": [b"permessage-deflate"]}, id="with-an-extension"),
    ],
)
def test_a_true_handshake_passes(fields: dict[str, list[bytes]]) -> None:
    assert handshake_fault(ASKED, answered(**fields)) is None


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        pytest.param({"upgrade": []}, ANOTHER_PROTOCOL, id="no-upgrade"),
        pytest.param({"upgrade": [b"h2c"]}, ANOTHER_PROTOCOL, id="h2c"),
        pytest.param({"upgrade": [b"websocket, h2c"]}, ANOTHER_PROTOCOL, id="websocket-and-h2c"),
        pytest.param({"upgrade": [b"websocket", b"h2c"]}, ANOTHER_PROTOCOL, id="two-upgrades"),
        pytest.param({"connection": []}, ANOTHER_PROTOCOL, id="no-connection"),
        pytest.param({"connection": [b"close"]}, ANOTHER_PROTOCOL, id="connection-close"),
        pytest.param({"sec_websocket_accept": []}, WRONG_HANDSHAKE, id="no-accept"),
        pytest.param({"sec_websocket_accept": [b""]}, WRONG_HANDSHAKE, id="empty-accept"),
        pytest.param({"sec_websocket_accept": [KEY]}, WRONG_HANDSHAKE, id="the-key-itself"),
        pytest.param({"sec_websocket_accept": [ACCEPT.lower()]}, WRONG_HANDSHAKE, id="another-case"),
        pytest.param({"sec_websocket_accept": [ACCEPT, ACCEPT]}, WRONG_HANDSHAKE, id="twice"),
        pytest.param({"sec_websocket_protocol": [b"other"]}, UNOFFERED, id="not-offered"),
        pytest.param({"sec_websocket_protocol": [b"chat, superchat"]}, UNOFFERED, id="two-of-the-offered"),
        pytest.param({"sec_websocket_protocol": [b"chat", b"chat"]}, UNOFFERED, id="one-twice"),
    ],
)
def test_anything_else_is_the_upstreams_fault(fields: dict[str, list[bytes]], fault: str) -> None:
    assert handshake_fault(ASKED, answered(**fields)) == fault


def test_who_offered_no_subprotocol_is_given_none() -> None:
    assert handshake_fault(ASKED[:1], answered()) is None
    assert handshake_fault(ASKED[:1], answered(sec_websocket_protocol=[b"chat"])) == UNOFFERED
