"""SIGTERM drains, SIGINT says 130, a second signal cuts; SIGHUP reloads everything or nothing."""

import http.client
import signal
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.support.lasting_upstream import LastingUpstream
from tests.support.plain_caller import open_socket, open_stream
from tests.support.running_gateway import ANY_KEY, Home, eventually, listens


@pytest.fixture
def upstream() -> Iterator[LastingUpstream]:
    with LastingUpstream() as upstream:
        yield upstream


@pytest.fixture
def home(home: Home, upstream: LastingUpstream) -> Home:
    home.configure(upstream.url)
    return home


class Waiting:
    """A request that waits for its answer in a thread."""

    def __init__(self, port: int, key: str) -> None:
        self.body: bytes | None = None
        self._thread = threading.Thread(target=self._ask, args=(port, key))
        self._thread.start()

    def _ask(self, port: int, key: str) -> None:
        with open_stream(port, "/held", key=key) as response:
            self.body = response.read()

    def answered(self) -> bytes | None:
        """The answer, when it is there."""
        self._thread.join(5)
        return self.body


def test_sigterm_lets_requests_under_way_finish_and_takes_no_new_ones(
    home: Home, upstream: LastingUpstream
) -> None:
    with home.serve() as gateway:
        key = home.make_key("Busy")
        with closing(http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)) as idle:
            idle.request("GET", "/.keyhatch/health")
            assert idle.getresponse().read()
            waiting = Waiting(gateway.port, key)
            eventually(lambda: upstream.open_now["/held"] == 1, "the request reaches the upstream")
            gateway.signal(signal.SIGTERM)
            gateway.wait_for_log("no new connections")
            eventually(lambda: not listens(gateway.port), "the listener closes")
            assert idle.sock is not None
            assert idle.sock.recv(1) == b"", "an idle connection is closed"
            assert gateway.process.poll() is None
            upstream.let_go()
            assert waiting.answered() == b"at last"
        assert gateway.end() == 0
    assert gateway.lines(event="stopped")
    assert [line["cut"] for line in gateway.lines(path="/held")] == [None]


def test_sigterm_keeps_a_stream_open_until_it_ends_by_itself(home: Home, demo_home: Home) -> None:
    with demo_home.serve() as gateway:
        key = demo_home.make_key("Streaming", "audio:speech")
        with open_stream(gateway.port, "/audio", key=key) as stream:
            first = stream.read1()
            gateway.signal(signal.SIGTERM)
            gateway.wait_for_log("no new connections")
            rest = stream.read()
        size = int.from_bytes((first + rest)[4:8], "little") + 8
        assert len(first + rest) == size
        assert gateway.end() == 0


def test_a_second_signal_cuts_what_is_under_way(home: Home, upstream: LastingUpstream) -> None:
    with home.serve() as gateway:
        key = home.make_key("Endless")
        with open_stream(gateway.port, "/ticks", key=key) as stream:
            assert stream.read1()
            gateway.signal(signal.SIGTERM)
            gateway.wait_for_log("no new connections")
            gateway.signal(signal.SIGTERM)
            with pytest.raises(http.client.IncompleteRead):
                stream.read()
        assert gateway.end(5.0) == 0
        assert gateway.lines(event="told to stop again: exchanges under way were cut")
        assert [line["cut"] for line in gateway.lines(path="/ticks")] == ["shutdown"]
        assert [each.use_count for each in home.manage(lambda desk: desk.list_keys())] == [1, 0]


def test_sigint_ends_with_130(home: Home) -> None:
    with home.serve() as gateway:
        assert gateway.stop(signal.SIGINT) == 130
        assert gateway.lines(event="stopped")


def test_sighup_puts_a_good_configuration_in_force_without_touching_what_is_open(
    home: Home, upstream: LastingUpstream
) -> None:
    with home.serve() as gateway:
        key = home.make_key("Staying")
        with (
            open_stream(gateway.port, "/ticks", key=key) as stream,
            open_socket(gateway.port, "/ws", key=key) as socket,
        ):
            assert stream.read1()
            more = {"id": "shut", "path": "/ticks", "upstream": "main", "scopes": ["chat:write"]}
            home.configure(upstream.url, [*ANY_KEY, more])
            gateway.signal(signal.SIGHUP)
            gateway.wait_for_log("configuration reloaded")
            assert gateway.ask("/ticks", key=key).reason == "scope_missing"
            socket.send("still here")
            assert socket.recv(timeout=5) == "still here"
            assert stream.read1()
        assert gateway.metric("keyhatch_config_reloads_total", outcome="success") == 1
        assert gateway.lines(cut="key_ended") == []


def test_sighup_with_a_bad_configuration_changes_nothing_and_tells_every_problem(
    home: Home, upstream: LastingUpstream
) -> None:
    with home.serve() as gateway:
        key = home.make_key("Staying")
        upstream.let_go()
        home.configure(
            upstream.url,
            [{"id": "all", "path": "/**", "upstream": "nowhere", "scopes": []}],
            limits={"head_timout": "5s"},
            logging={"level": "loud"},
        )
        gateway.signal(signal.SIGHUP)
        gateway.wait_for_log("logging.level")
        told = [line["event"] for line in gateway.lines(level="error")]
        for path in ("routes[0].upstream", "limits.head_timout", "logging.level"):
            (problem,) = [each for each in told if path in each]
            assert f"{home.config.name}:" in problem
        assert gateway.ask("/held", key=key).status == 200
        assert gateway.metric("keyhatch_config_reloads_total", outcome="failure") == 1
        ready = gateway.ask_admin("/readyz")
        assert (ready.status, "reload failed since" in ready.body.decode()) == (200, True)
        assert gateway.metric("keyhatch_config_reloads_total", outcome="success") == 0
        home.configure(upstream.url)
        gateway.signal(signal.SIGHUP)
        gateway.wait_for_log("configuration reloaded")


def test_sighup_says_what_takes_a_restart(home: Home, upstream: LastingUpstream) -> None:
    with home.serve() as gateway:
        home.configure(upstream.url, keys={"prefix": "zz"})
        gateway.signal(signal.SIGHUP)
        gateway.wait_for_log("keys.prefix changed, which takes a restart")
        assert home.make_key("As before").startswith("kh_")
