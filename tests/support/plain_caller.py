"""A caller of the plainest kind: Python's own `http.client`, one request at a time; and one for WebSockets.

`ask` reads a whole answer; `open_stream` returns while the answer is still coming, for streams and for
answers that break off (`http.client` then raises IncompleteRead). `open_socket` is the real `websockets`
client.
"""

import http.client
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

TIMEOUT_S = 20.0

Body = bytes | Iterable[bytes] | None


@dataclass(frozen=True)
class Answer:
    """A whole answer. Names of headers are in lower case; of those that stand twice the last one counts."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def reason(self) -> str | None:
        """Why the gateway refused; None where the upstream answered."""
        return self.headers.get("x-keyhatch-reason")

    @property
    def data(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)

    @property
    def message(self) -> str:
        """The sentence for a person in a refusal."""
        return str(self.data["error"]["message"])


def ask(
    port: int,
    path: str,
    method: str = "GET",
    *,
    key: str | None = None,
    headers: Mapping[str, str] | None = None,
    body: Body = None,
) -> Answer:
    """One request on a connection of its own. `key` goes into `Authorization: Bearer`."""
    with open_stream(port, path, method, key=key, headers=headers, body=body) as response:
        return read(response)


@contextmanager
def open_stream(
    port: int,
    path: str,
    method: str = "GET",
    *,
    key: str | None = None,
    headers: Mapping[str, str] | None = None,
    body: Body = None,
) -> Iterator[http.client.HTTPResponse]:
    """The answer as soon as its head is there; leaving the context hangs up."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)) as connection:
        shown = {} if key is None else {"Authorization": f"Bearer {key}"}
        connection.request(method, path, body, {**shown, **(headers or {})})
        yield connection.getresponse()


def read(response: http.client.HTTPResponse) -> Answer:
    """The rest of an answer."""
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, response.read())


@contextmanager
def open_socket(
    port: int,
    path: str,
    *,
    key: str | None = None,
    subprotocols: Sequence[str] = (),
    headers: Mapping[str, str] | None = None,
) -> Iterator[ClientConnection]:
    """A WebSocket; `key` goes into `X-API-Key`. Leaving the context closes it in order."""
    shown = {} if key is None else {"X-API-Key": key}
    with connect(
        f"ws://127.0.0.1:{port}{path}",
        additional_headers={**shown, **(headers or {})},
        subprotocols=[Subprotocol(name) for name in subprotocols] or None,
        proxy=None,
        max_size=None,
        close_timeout=5,
    ) as socket:
        yield socket
