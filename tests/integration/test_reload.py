"""A reload with the real command: what is under way goes on, what is broken changes nothing, whoever asks."""

from collections.abc import Iterator

import pytest

from tests.support.lasting_upstream import LastingUpstream
from tests.support.management import first_key
from tests.support.plain_caller import open_socket, open_stream
from tests.support.running_gateway import ANY_KEY, Home

LISTENERS = {"proxy": "127.0.0.1:0", "admin": "127.0.0.1:0"}


@pytest.fixture
def first() -> Iterator[LastingUpstream]:
    with LastingUpstream() as upstream:
        yield upstream


@pytest.fixture
def second() -> Iterator[LastingUpstream]:
    with LastingUpstream() as upstream:
        yield upstream


@pytest.fixture(params=["lean", "aiohttp"])
def plane(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_streams_and_websockets_go_on_while_their_upstream_moves(
    home: Home, first: LastingUpstream, second: LastingUpstream, plane: str
) -> None:
    home.configure(first.url, server={**LISTENERS, "plane": plane})
    with home.serve() as gateway:
        key = home.make_key("Caller")
        with (
            open_socket(gateway.port, "/ws", key=key) as talk,
            open_stream(gateway.port, "/ticks", key=key) as stream,
        ):
            talk.send("before")
            assert talk.recv(timeout=10) == "before"
            assert stream.readline() == b"data: tick\n"
            home.configure(second.url, server={**LISTENERS, "plane": plane})
            told = home.keyhatch("reload", "-o", "json")
            assert (told.code, told.data["changed"]) == (0, ["upstreams.main.url"])
            assert gateway.ask("/v1/models", key=key).status == 200
            assert second.arrived["/v1/models"] == 1
            talk.send("after")
            assert talk.recv(timeout=10) == "after"
            assert [stream.readline() for _ in range(4)][1] == b"data: tick\n"
            assert first.open_now["/ws"] == first.open_now["/ticks"] == 1


def test_a_broken_file_changes_nothing_and_everybody_is_told(home: Home, first: LastingUpstream) -> None:
    home.configure(first.url)
    with home.serve() as gateway:
        key = home.make_key("Caller")
        good = home.config.read_text()
        home.config.write_text(good.replace('"path"', '"pth"'))
        ran = home.keyhatch("reload")
        assert ran.code == 2
        assert any("routes[0].pth: unknown key" in line for line in ran.out.splitlines())
        told = gateway.ask_admin("/api/v1/reload", "POST", key=first_key(home.folder))
        assert (told.status, told.data["code"]) == (422, "configuration_invalid")
        assert len(told.data["errors"]) == len(ran.out.splitlines())
        assert gateway.metric("keyhatch_config_reloads_total", outcome="failure") == 2
        assert gateway.ask("/v1/models", key=key).status == 200
        home.config.write_text(good)
        assert home.keyhatch("reload").code == 0


def test_a_burst_of_reloads_is_harmless(home: Home, first: LastingUpstream) -> None:
    home.configure(first.url)
    with home.serve() as gateway:
        key, admin = home.make_key("Caller"), first_key(home.folder)
        with open_stream(gateway.port, "/ticks", key=key) as stream:
            for number in range(60):
                home.configure(first.url, limits={"fields": 50 + number})
                told = gateway.ask_admin("/api/v1/reload", "POST", key=admin)
                assert told.data["changed"] == ["limits.fields"]
                assert gateway.ask("/v1/models", key=key).status == 200
            assert stream.readline().startswith(b"data") or stream.readline()
        assert gateway.metric("keyhatch_config_reloads_total", outcome="success") == 60


def test_what_takes_a_restart_is_named(home: Home, first: LastingUpstream) -> None:
    home.configure(first.url)
    with home.serve() as gateway:
        home.configure(first.url, keys={"prefix": "acme"}, limits={"head": "16KiB"})
        ran = home.keyhatch("reload", "-o", "json")
        assert (ran.data["changed"], ran.data["takes_restart"]) == (["limits.head"], ["keys.prefix"])
        assert gateway.lines(
            level="warning", event="keys.prefix changed, which takes a restart; the old value stays"
        )


def test_a_watched_file_is_read_by_itself_and_so_is_what_it_names(
    home: Home, first: LastingUpstream, second: LastingUpstream
) -> None:
    where = home.folder / "where"
    where.write_text(first.url)
    home.configure("${file:where}", server={**LISTENERS, "watch_config": "on"})
    with home.serve() as gateway:
        key = home.make_key("Caller")
        assert gateway.ask("/v1/models", key=key).status == 200
        where.write_text(second.url)
        gateway.wait_for_log("changed: upstreams.main.url")
        assert gateway.ask("/v1/models", key=key).status == 200
        assert (first.arrived["/v1/models"], second.arrived["/v1/models"]) == (1, 1)
        home.configure(
            "${file:where}", server={**LISTENERS, "watch_config": "on"}, routes=[ANY_KEY[0] | {"id": "x"}]
        )
        gateway.wait_for_log("changed: routes")


def test_where_no_gateway_runs_there_is_nothing_to_reload(home: Home) -> None:
    home.configure("http://127.0.0.1:9")
    ran = home.keyhatch("reload")
    assert (ran.code, ran.out) == (1, "")
    assert "nothing to reload" in ran.err
