"""Upgrades that would open a tunnel nobody judged, and WebSocket handshakes broken in each way."""

from tests.gauntlet.payloads.parts import CHUNKED_HELLO, CL, HELLO, TE, get, named, post
from tests.support.http_samples import WEBSOCKET_KEY, websocket

UPGRADE = b"Connection: Upgrade"
SETTINGS = b"HTTP2-Settings: AAMAAABkAAQAAP__"
H2C = {
    "plain": get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", SETTINGS),
    "without-settings": get(UPGRADE, b"Upgrade: h2c"),
    "without-settings-listed": get(UPGRADE, b"Upgrade: h2c", SETTINGS),
    "upper": get(b"Connection: UPGRADE, HTTP2-Settings", b"Upgrade: H2C", SETTINGS),
    "post": post(UPGRADE, b"Upgrade: h2c", SETTINGS, CL, body=HELLO),
    "tls": get(UPGRADE, b"Upgrade: h2"),
    "list": get(UPGRADE, b"Upgrade: h2c, websocket"),
    "list-last": get(UPGRADE, b"Upgrade: websocket, h2c"),
    "two-fields": get(UPGRADE, b"Upgrade: websocket", b"Upgrade: h2c"),
    "in-a-websocket": websocket(b"/any/ws", b"Upgrade: h2c"),
    "in-a-websocket-list": websocket().replace(b"Upgrade: websocket", b"Upgrade: websocket, h2c"),
    "first-in-a-websocket-list": websocket().replace(b"Upgrade: websocket", b"Upgrade: h2c, websocket"),
    "two-connections": get(b"Connection: keep-alive", UPGRADE, b"Upgrade: h2c", SETTINGS),
}
OTHERS = {
    "foo": get(UPGRADE, b"Upgrade: foo"),
    "tls-1.0": get(UPGRADE, b"Upgrade: TLS/1.0"),
    "tls-options": post(UPGRADE, b"Upgrade: TLS/1.2, HTTP/1.1"),
    "connect-udp": get(UPGRADE, b"Upgrade: connect-udp", b"Capsule-Protocol: ?1"),
    "connect-ip": get(UPGRADE, b"Upgrade: connect-ip"),
    "derp": get(UPGRADE, b"Upgrade: DERP"),
    "tcp": get(UPGRADE, b"Upgrade: tcp"),
    "spdy": post(UPGRADE, b"Upgrade: SPDY/3.1"),
    "http-2": get(UPGRADE, b"Upgrade: HTTP/2.0"),
    "quoted": websocket().replace(b"Upgrade: websocket", b'Upgrade: "websocket"'),
    "version": websocket().replace(b"Upgrade: websocket", b"Upgrade: websocket/13"),
    "parameter": websocket().replace(b"Upgrade: websocket", b"Upgrade: websocket; q=1"),
    "letter-behind": websocket().replace(b"Upgrade: websocket", b"Upgrade: websocketx"),
    "twice-in-list": websocket().replace(b"Upgrade: websocket", b"Upgrade: websocket, websocket"),
}
VERSIONS = {
    "8": b"8",
    "7": b"7",
    "0": b"0",
    "777": b"777",
    "14": b"14",
    "013": b"013",
    "plus": b"+13",
    "list": b"13, 8",
    "list-of-same": b"13, 13",
    "list-last": b"8, 13",
    "float": b"13.0",
    "word": b"thirteen",
    "empty": b"",
    "quoted": b'"13"',
    "hex": b"0xd",
}
KEYS = {
    "empty": b"",
    "short": b"AAAA",
    "15-bytes": b"AAAAAAAAAAAAAAAAAAAA",
    "17-bytes": b"AAAAAAAAAAAAAAAAAAAAAAA=",
    "18-bytes": b"AAAAAAAAAAAAAAAAAAAAAAAA",
    "no-padding": WEBSOCKET_KEY[:-2],
    "one-padding": WEBSOCKET_KEY[:-1],
    "padding-only": b"=" * 24,
    "not-base64": b"!" * 22 + b"==",
    "url-alphabet": b"dGhlIHNhbXBsZSBub2-_ZQ==",
    "space-inside": b"dGhlIHNhbXBs ZSBub25jZQ==",
    "list": WEBSOCKET_KEY + b", " + WEBSOCKET_KEY,
    "quoted": b'"' + WEBSOCKET_KEY + b'"',
    "long": b"A" * 1_000,
    "utf-8": "é".encode() * 11 + b"==",
}


def _without(name: bytes) -> bytes:
    return b"\r\n".join(part for part in websocket().split(b"\r\n") if not part.startswith(name + b":"))


BROKEN = {
    "post": websocket().replace(b"GET", b"POST", 1),
    "put": websocket().replace(b"GET", b"PUT", 1),
    "head": websocket().replace(b"GET", b"HEAD", 1),
    "options": websocket().replace(b"GET", b"OPTIONS", 1),
    "connect": websocket().replace(b"GET", b"CONNECT", 1),
    "http-1.0": websocket().replace(b"HTTP/1.1", b"HTTP/1.0", 1),
    "http-1.2": websocket().replace(b"HTTP/1.1", b"HTTP/1.2", 1),
    "http-2.0": websocket().replace(b"HTTP/1.1", b"HTTP/2.0", 1),
    "body-by-length": websocket(b"/any/ws", CL) + HELLO,
    "body-in-chunks": websocket(b"/any/ws", TE) + CHUNKED_HELLO,
    "both-framings": websocket(b"/any/ws", TE, CL) + CHUNKED_HELLO,
    "no-host": websocket().replace(b"Host: gate.example\r\n", b""),
    "bad-host": websocket().replace(b"gate.example", b"a/b"),
    "version-missing": _without(b"Sec-WebSocket-Version"),
    "key-missing": _without(b"Sec-WebSocket-Key"),
    "both-missing": get(UPGRADE, b"Upgrade: websocket"),
    "version-twice": websocket(b"/any/ws", b"Sec-WebSocket-Version: 13"),
    "version-twice-different": websocket(b"/any/ws", b"Sec-WebSocket-Version: 8"),
    "key-twice": websocket(b"/any/ws", b"Sec-WebSocket-Key: " + WEBSOCKET_KEY),
    "key-twice-different": websocket(b"/any/ws", b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="),
    "key-underscore": websocket(b"/any/ws", b"Sec_WebSocket_Key: AAAAAAAAAAAAAAAAAAAAAA=="),
    "space-before-colon": websocket().replace(b"Upgrade: websocket", b"Upgrade : websocket"),
    "folded": websocket().replace(b"Upgrade: websocket", b"Upgrade:\r\n websocket"),
    "nul": websocket().replace(b"Upgrade: websocket", b"Upgrade: websocket\x00"),
    "hixie-76": get(UPGRADE, b"Upgrade: WebSocket", b"Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5")
    + b"^n:ds[4U",
}
REFUSED = {
    **named("h2c", H2C),
    **named("upgrade", OTHERS),
    **named(
        "websocket-version",
        {name: websocket().replace(b"Version: 13", b"Version: " + value) for name, value in VERSIONS.items()},
    ),
    **named("websocket-key", {n: websocket().replace(WEBSOCKET_KEY, value) for n, value in KEYS.items()}),
    **named("websocket", BROKEN),
}
