"""Checks, before anything is measured, that a peer does the whole job.

Five statements, each checked over one real connection: the right key is answered with the
upstream's bytes; a wrong key and no key are refused with 401 or 403; the upstream does not see
the key; the connection stays open after an answer. That it may close after a refusal is told in
the report, because it makes refusing dearer.
"""

from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

from bench.upstream import ANSWER

TIMEOUT_S = 5
CHAT_PATH = "/v1/chat/completions"
CHAT_BODY = '{"model":"bench","messages":[{"role":"user","content":"Say hello."}]}'


class NotTheSame(Exception):
    """This peer does not do the job that is compared; the message says what it did instead."""


@dataclass(frozen=True)
class Reply:
    """What came back: status, body, and whether the connection stayed open."""

    status: int
    body: str
    kept: bool


def check(port: int, *, key: str, wrong_key: str) -> bool:
    """Raise NotTheSame unless the peer on ``port`` does the job; True if refusals keep the connection."""
    try:
        allowed = ask(port, "/v1/models", key)
        seen = ask(port, "/v1/seen", key)
        refused = [ask(port, "/v1/models", other) for other in (wrong_key, None)]
    except (OSError, HTTPException) as error:
        raise NotTheSame(f"no answer: {error!r}") from error
    if allowed.status != 200:
        raise NotTheSame(f"answered {allowed.status} to the right key")
    if allowed.body != ANSWER:
        raise NotTheSame("answered 200 with other bytes than the upstream's")
    if seen.status != 200 or key in seen.body:
        raise NotTheSame("passed the key on to the upstream")
    if not allowed.kept:
        raise NotTheSame("closed the connection after an allowed request")
    for reply, sent in zip(refused, ("a wrong key", "no key"), strict=True):
        if reply.status not in {401, 403}:
            raise NotTheSame(f"answered {reply.status} to {sent}")
    return all(reply.kept for reply in refused)


def check_chat(port: int, *, key: str, wrong_key: str) -> bool:
    """The same for a chat completion, whose answer a peer may write anew.

    Any error is a refusal here: LiteLLM without a database says 400 to a wrong key, and 500 to none.
    """
    try:
        allowed = ask(port, CHAT_PATH, key, CHAT_BODY)
        refused = [ask(port, CHAT_PATH, other, CHAT_BODY) for other in (wrong_key, None)]
    except (OSError, HTTPException) as error:
        raise NotTheSame(f"no answer to a chat completion: {error!r}") from error
    if allowed.status != 200 or '"content":"Hello.' not in allowed.body.replace('": "', '":"'):
        raise NotTheSame(f"answered {allowed.status} to a chat completion, without the upstream's text")
    if key in allowed.body:
        raise NotTheSame("passed the key on to the upstream of a chat completion")
    if any(reply.status < 400 or "Hello." in reply.body for reply in refused):
        raise NotTheSame(f"answered {[reply.status for reply in refused]} to a wrong key and to none")
    return all(reply.kept for reply in refused)


def check_witness(port: int, *, key: str) -> None:
    """Raise NotTheSame unless the upstream on ``port``, asked directly, tells which key it saw."""
    if key not in ask(port, "/v1/seen", key).body:
        raise NotTheSame("the upstream cannot tell which key it saw")


def ask(port: int, path: str, key: str | None, body: str | None = None) -> Reply:
    """One GET, or POST of a JSON body, on a connection of its own."""
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        headers = {"X-API-Key": key} if key else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection.request("GET" if body is None else "POST", path, body, headers)
        response = connection.getresponse()
        kept = not response.will_close
        return Reply(response.status, response.read().decode(errors="replace"), kept)
    finally:
        connection.close()
