"""A caller of the plainest kind: Python's own `http.client`, one request at a time.

`ask` reads a whole answer; `open_stream` returns while the answer is still coming, for streams and for
answers that break off (`http.client` raises IncompleteRead, or ends a chunked body without its last chunk).
"""

import http.client
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

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
