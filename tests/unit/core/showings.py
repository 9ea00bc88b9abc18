"""How callers show a key: every accepted header in the spellings people send, and requests that show none."""

import base64

import pytest

from gateway.core.request import Kind
from tests.unit.core.samples import A

PLAIN, STREAM, SOCKET = Kind.PLAIN, Kind.EVENT_STREAM, Kind.WEBSOCKET
FOREIGN = "sk-proj-" + "f" * 40


def basic(text: str) -> str:
    """The value of `Authorization` that a browser or curl makes of `user:password`."""
    return "Basic " + base64.b64encode(text.encode()).decode()


ACCEPTED: list[tuple[str, str | bytes]] = [
    ("authorization", f"Bearer {A}"),
    ("authorization", f"bearer {A}"),
    ("authorization", f"BEARER   {A}"),
    ("authorization", f"Bearer\t{A}"),
    ("authorization", f"Bearer: {A}"),
    ("authorization", f"Bearer Bearer {A}"),
    ("authorization", f"Bearer bearer: Bearer {A}"),
    ("authorization", f'Bearer "{A}"'),
    ("authorization", f'"Bearer {A}"'),
    ("authorization", f"Bearer <{A}>"),
    ("authorization", f"Bearer “{A}”"),
    ("authorization", f"Token {A}"),
    ("authorization", f"ApiKey {A}"),
    ("authorization", f"api-key {A}"),
    ("authorization", f"Key {A}"),
    ("authorization", A),
    ("authorization", f" {A} "),
    ("authorization", basic(f"{A}:")),
    ("authorization", basic(f"x:{A}")),
    ("authorization", basic(A)),
    ("authorization", basic(f":{A}")),
    ("authorization", basic(f"{A}:{A}")),
    ("authorization", basic(f"x: {A} ")),
    ("authorization", basic(f"x:{A}").replace("Basic ", "basic   ")),
    ("authorization", basic(f"x:{A}").replace("Basic ", "Basic\t")),
    ("authorization", basic(f"xy:{A}").rstrip("=")),
    ("authorization", basic(f"\u00fc\u00fe\u00ff:{A}").replace("+", "-").replace("/", "_")),
    ("x-api-key", A),
    ("x-api-key", f"Bearer {A}"),
    ("x-api-key", f"'{A}'"),
    ("x-api-key", f"{A},"),
    ("x-api-key", f"\u200b{A}\ufeff"),
    ("x-api-key", f"\u00a0{A}\u00a0"),
    ("x-api-key", b"\xa0" + A.encode()),
    ("api-key", A),
    ("xi-api-key", A),
    ("x-goog-api-key", A),
]

NOTHING_SHOWN = [
    pytest.param([], "", PLAIN, id="nothing"),
    pytest.param([("authorization", "")], "", PLAIN, id="empty"),
    pytest.param([("authorization", "Bearer")], "", PLAIN, id="scheme-alone"),
    pytest.param([("authorization", "Bearer  ")], "", PLAIN, id="scheme-and-blanks"),
    pytest.param([("authorization", "Basic Og==")], "", PLAIN, id="basic-of-a-colon"),
    pytest.param([("authorization", "Basic")], "", PLAIN, id="basic-alone"),
    pytest.param([("authorization", "Basic A")], "", PLAIN, id="basic-of-nonsense"),
    pytest.param([("authorization", "Basic \u00fc")], "", PLAIN, id="basic-not-ascii"),
    pytest.param([("x-api-key", '""')], "", PLAIN, id="quotes-around-nothing"),
    pytest.param([("cookie", "session=1"), ("x-other", FOREIGN)], "", PLAIN, id="other-headers"),
    pytest.param([], f"api_key={FOREIGN}&key={FOREIGN}", PLAIN, id="foreign-query-of-a-plain-request"),
    pytest.param([], f"key={FOREIGN}", STREAM, id="another-name-in-the-query"),
    pytest.param([], "api_key=&access_token", STREAM, id="empty-in-the-query"),
    pytest.param([("sec-websocket-protocol", "graphql-ws")], "", SOCKET, id="other-subprotocol"),
    pytest.param([("cookie", f"k={A}")], "", PLAIN, id="only-in-a-cookie"),
]
