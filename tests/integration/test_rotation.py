"""A rotation that ends with the first use of the new secret, on the real server: at once, and for good."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.last_bytes import LastBytes
from tests.support.lasting_upstream import LastingUpstream
from tests.support.running_gateway import Home, RunningGateway, eventually


@pytest.fixture(scope="module")
def upstream() -> Iterator[LastingUpstream]:
    with LastingUpstream() as upstream:
        yield upstream


@pytest.fixture
def at_home(upstream: LastingUpstream, tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.configure(upstream.url)
    return home


def reason(gateway: RunningGateway, key: str) -> str | None:
    return gateway.ask("/.keyhatch/me", key=key).reason


def acts(at_home: Home) -> list[str]:
    lines = at_home.keyhatch("audit", "export").out.splitlines()
    return [json.loads(line)["act"] for line in lines]


def test_the_first_use_ends_the_old_secret_and_its_streams_and_is_on_record(at_home: Home) -> None:
    old = at_home.make_key("Plugin")
    with at_home.serve() as gateway:
        new = at_home.keys("rotate", "Plugin", "-q", "--until-first-use").out.strip()
        with LastBytes(gateway.port, old, ["/ticks", "/ws-ticks"]) as opened:
            assert reason(gateway, old) is None
            assert reason(gateway, new) is None
            assert reason(gateway, old) == "key_rotated"
            eventually(lambda: len(opened.ended) == 2, "what the old secret opened ends", 1.0)
        eventually(lambda: acts(at_home)[-1] == "first_use", "it is on record")
        shown = at_home.keys("show", "Plugin", "-o", "json").data
        assert shown["previous_until_first_use"] is False
        assert shown["previous_secret_last_used_from"] == "127.0.0.1"
    with at_home.serve() as gateway:
        assert [reason(gateway, old), reason(gateway, new)] == ["key_rotated", None]
    assert acts(at_home).count("first_use") == 1


def test_after_a_kill_one_secret_works_at_least_and_the_next_use_ends_the_old_one(at_home: Home) -> None:
    old = at_home.make_key("Plugin")
    new = at_home.keys("rotate", "Plugin", "-q", "--until-first-use").out.strip()
    gateway = at_home.serve()
    assert reason(gateway, new) is None
    gateway.kill()
    with at_home.serve() as gateway:
        assert reason(gateway, new) is None
        assert reason(gateway, old) == "key_rotated"
    assert acts(at_home).count("first_use") == 1
