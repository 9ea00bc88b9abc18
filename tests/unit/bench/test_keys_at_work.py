"""What is told about keys at work: only what happened after the answer, and never of a peer without keys."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest

from bench import keys_at_work
from bench.keyring import Keyring
from bench.keys_at_work import Knock, knock_until, off, passed_after, stored_use, took_s
from bench.load import LoadError
from bench.peers.nginx import Nginx
from bench.scenarios import Contender, Means, Scenario
from bench.tools import Tool

MEANS = Means(Tool("wrk", "1.0", {}), frozenset({0}), seconds=1)


class Told(Keyring):
    """A keyring whose store says what the test wants, one after the other."""

    def __init__(self, *told: float | None) -> None:
        super().__init__(Path())
        self.__dict__["told"] = list(told)

    def last_used_at(self, name: str = "bench") -> float | None:
        told: list[float | None] = self.__dict__["told"]
        return told.pop(0) if len(told) > 1 else told[0]


@pytest.mark.parametrize("scenario", keys_at_work.ALL, ids=lambda scenario: scenario.name)
def test_a_peer_without_a_store_is_out_with_the_reason(scenario: Scenario) -> None:
    contender = Contender(Nginx(), "1.0", 1, 1, "right", "wrong", refusal_keeps=True)
    with pytest.raises(LoadError, match="keys stand in its configuration"):
        scenario.measure(contender, MEANS)


def test_only_requests_sent_after_the_answer_count() -> None:
    knocks = [Knock(1.0, 200), Knock(1.9, 200), Knock(2.1, 401), Knock(2.2, 200)]
    assert passed_after(knocks, 2.0) == [False, True]


@pytest.mark.parametrize(
    ("knocks", "reason"),
    [
        pytest.param([Knock(1.0, 200)], "no request was sent after", id="nobody knocked afterwards"),
        pytest.param([Knock(1.0, 401), Knock(3.0, 401)], "answered 401 before", id="never let through"),
    ],
)
def test_knocks_that_prove_nothing_are_no_measurement(knocks: list[Knock], reason: str) -> None:
    with pytest.raises(LoadError, match=reason):
        passed_after(knocks, 2.0)


def test_the_last_stream_counts_and_none_that_ended_by_itself() -> None:
    assert took_s([10.5, 12.0, 11.0], 10.0) == 2.0
    with pytest.raises(LoadError, match="before their key was revoked"):
        took_s([9.9, 11.0], 10.0)


@pytest.mark.parametrize(("stored", "most"), [(10.0, 0.5), (10.5, 0.5), (9.0, 1.5), (12.0, 2.0)], ids=str)
def test_a_time_is_as_far_off_as_it_may_be(stored: float, most: float) -> None:
    assert off(stored, sent_at=10.0, answered_at=10.5) == most


def test_an_earlier_use_in_the_store_is_not_the_last_one() -> None:
    assert stored_use(Told(None, 9.0, 10.2), 10.0) == 10.2


def test_a_use_that_is_never_stored_is_not_waited_for_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys_at_work, "WRITTEN_MAX_S", 0.0)
    with pytest.raises(LoadError, match="was not stored"):
        stored_use(Told(9.0), 10.0)


def test_knocking_goes_on_until_it_is_told_to_stop() -> None:
    stop = Event()

    class Handler(BaseHTTPRequestHandler):
        asked = 0

        def do_GET(self) -> None:
            Handler.asked += 1
            if Handler.asked == 3:
                stop.set()
            self.send_response(401 if Handler.asked == 3 else 200)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    Handler.protocol_version = "HTTP/1.1"
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            knocks = knock_until(stop, server.server_port, "key")
        finally:
            server.shutdown()
            thread.join()
    assert [knock.status for knock in knocks] == [200, 200, 401]
    assert [knock.sent_at for knock in knocks] == sorted(knock.sent_at for knock in knocks)
