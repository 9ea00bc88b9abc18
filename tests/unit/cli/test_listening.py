"""Guarantees of gateway/cli/listening.py: a listener that is not to be had is told by address and flag."""

import asyncio
import errno
from socket import gaierror

import click
import pytest

from gateway.cli.listening import listening
from gateway.config.sections import ServerSettings
from gateway.service.run import _loop_factory


def told(trouble: OSError, proxy: str = "127.0.0.1:8080", admin: str = "127.0.0.1:8081") -> str:
    with (
        pytest.raises(click.ClickException) as refused,
        listening(ServerSettings.model_validate({"proxy": proxy, "admin": admin})),
    ):
        raise trouble
    return refused.value.format_message()


def bind(host: str, port: int, why: str = "address already in use") -> OSError:
    return OSError(errno.EADDRINUSE, f"error while attempting to bind on address ({host!r}, {port}): {why}")


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (
            bind("127.0.0.1", 8080),
            (
                "127.0.0.1:8080 (server.proxy): address already in use. "
                "Choose another with --proxy HOST:PORT, or stop what listens there"
            ),
        ),
        (
            bind("127.0.0.1", 8081, "[errno 98] address already in use"),
            (
                "127.0.0.1:8081 (server.admin): address already in use. "
                "Choose another with --admin HOST:PORT, or stop what listens there"
            ),
        ),
        (
            OSError(errno.EACCES, "permission denied"),
            (
                "127.0.0.1:8080 (server.proxy) or 127.0.0.1:8081 (server.admin): permission denied. "
                "Choose another with --proxy HOST:PORT or --admin HOST:PORT, or stop what listens there"
            ),
        ),
    ],
    ids=["proxy", "admin", "either"],
)
def test_the_address_its_setting_and_its_flag_are_named(trouble: OSError, said: str) -> None:
    assert told(trouble) == said


def test_a_name_is_found_by_the_port_that_it_stood_for() -> None:
    said = told(bind("::1", 80), proxy="localhost:80")
    assert said.startswith("localhost:80 (server.proxy): address already in use")


def test_listeners_on_one_port_are_told_apart_by_their_hosts() -> None:
    assert told(bind("::1", 80), "127.0.0.1:80", "[::1]:80").startswith("[::1]:80 (server.admin): ")


def test_a_name_that_cannot_be_found_is_the_listener_that_has_one() -> None:
    said = told(gaierror(-2, "Name or service not known"), admin="gate.local:1")
    assert said.startswith(
        "gate.local:1 (server.admin): Name or service not known. Choose another with --admin"
    )


def test_other_trouble_of_the_system_is_not_blamed_on_an_address() -> None:
    with pytest.raises(OSError, match="too many"), listening(ServerSettings()):
        raise OSError(errno.EMFILE, "too many open files")


@pytest.mark.parametrize("factory", [asyncio.new_event_loop, None], ids=["asyncio", "as-served"])
def test_the_systems_own_words_are_understood(factory: object) -> None:
    async def twice() -> tuple[int, OSError]:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(OSError, match="in use") as taken:
                await asyncio.start_server(lambda *_: None, "127.0.0.1", port)
        return port, taken.value

    with asyncio.Runner(
        loop_factory=_loop_factory() if factory is None else asyncio.new_event_loop
    ) as runner:
        port, taken = runner.run(twice())
    assert told(taken, f"127.0.0.1:{port}").startswith(
        f"127.0.0.1:{port} (server.proxy): address already in use. "
    )
