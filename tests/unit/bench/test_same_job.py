"""Work that is not the same is not compared."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from bench.process import free_port
from bench.same_job import NotTheSame, check, check_chat, check_witness
from bench.upstream import ANSWER


@dataclass(frozen=True)
class Manner:
    """How a stand-in peer behaves."""

    wrong_key_status: int = 401
    no_key_status: int = 401
    right_key_status: int = 200
    answer: str = ANSWER
    refusal: str | None = None
    strips: bool = True
    closes_after: frozenset[int] = frozenset()


@contextmanager
def peer(manner: Manner) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            key = self.headers["X-API-Key"]
            status = {None: manner.no_key_status, "right": manner.right_key_status}.get(
                key, manner.wrong_key_status
            )
            seen = f"{self.path} {'' if manner.strips else key}"
            answer = manner.answer if status < 400 or manner.refusal is None else manner.refusal
            body = (seen if self.path == "/v1/seen" else answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if status in manner.closes_after:
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("manner", "keeps"),
    [
        pytest.param(Manner(), True, id="refuses with 401"),
        pytest.param(Manner(wrong_key_status=403, no_key_status=403), True, id="refuses with 403"),
        pytest.param(Manner(closes_after=frozenset({401})), False, id="closes when it refuses"),
    ],
)
def test_a_peer_that_does_the_job_is_compared(manner: Manner, keeps: bool) -> None:
    with peer(manner) as port:
        assert check(port, key="right", wrong_key="wrong") is keeps


@pytest.mark.parametrize(
    ("manner", "reason"),
    [
        pytest.param(
            Manner(wrong_key_status=200), "answered 200 to a wrong key", id="lets a wrong key through"
        ),
        pytest.param(Manner(no_key_status=200), "answered 200 to no key", id="lets everybody through"),
        pytest.param(Manner(wrong_key_status=502), "answered 502 to a wrong key", id="fails"),
        pytest.param(
            Manner(right_key_status=401), "answered 401 to the right key", id="refuses the right key"
        ),
        pytest.param(Manner(answer="{}"), "answered 200 with other bytes", id="changes the answer"),
        pytest.param(Manner(strips=False), "passed the key on", id="shows the key to the upstream"),
        pytest.param(
            Manner(closes_after=frozenset({200})), "closed the connection", id="keeps no connection"
        ),
    ],
)
def test_a_peer_that_does_other_work_is_not_compared(manner: Manner, reason: str) -> None:
    with peer(manner) as port, pytest.raises(NotTheSame, match=reason):
        check(port, key="right", wrong_key="wrong")


def test_a_peer_that_does_not_answer_is_not_compared() -> None:
    with pytest.raises(NotTheSame, match="no answer"):
        check(free_port(), key="right", wrong_key="wrong")


def test_an_upstream_that_cannot_see_a_key_proves_nothing_about_stripping() -> None:
    with peer(Manner(strips=False)) as port:
        check_witness(port, key="right")
    with peer(Manner(strips=True)) as port, pytest.raises(NotTheSame, match="cannot tell"):
        check_witness(port, key="right")


COMPLETION = '{"choices": [{"message": {"content": "Hello. "}}]}'


@pytest.mark.parametrize("status", [400, 401, 403, 500])
def test_a_chat_completion_may_be_written_anew_and_refused_in_any_words(status: int) -> None:
    refused = "{}"
    with peer(Manner(answer=COMPLETION, refusal=refused, wrong_key_status=status)) as port:
        assert check_chat(port, key="right", wrong_key="wrong")


@pytest.mark.parametrize(
    ("manner", "reason"),
    [
        pytest.param(Manner(), "without the upstream's text", id="answers something else"),
        pytest.param(Manner(answer=COMPLETION, right_key_status=401), "answered 401", id="refuses"),
        pytest.param(
            Manner(answer=COMPLETION.replace(". ", ". right"), refusal=""), "passed the key on", id="shows it"
        ),
        pytest.param(
            Manner(answer=COMPLETION, refusal="", no_key_status=200), r"\[401, 200\]", id="lets all in"
        ),
        pytest.param(Manner(answer=COMPLETION), r"\[401, 401\]", id="answers those it refuses"),
    ],
)
def test_a_gateway_for_models_that_does_other_work_is_not_compared(manner: Manner, reason: str) -> None:
    with peer(manner) as port, pytest.raises(NotTheSame, match=reason):
        check_chat(port, key="right", wrong_key="wrong")


def test_a_gateway_for_models_that_does_not_answer_is_not_compared() -> None:
    with pytest.raises(NotTheSame, match="no answer to a chat completion"):
        check_chat(free_port(), key="right", wrong_key="wrong")
