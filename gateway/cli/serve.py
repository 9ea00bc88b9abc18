"""`keyhatch serve`: the gateway, until it is told to stop. Thin: the house is built in `gateway.service`."""

import errno
import re
from socket import gaierror
from typing import Final

import click

from gateway.cli.demo import serve_demo
from gateway.cli.everywhere import Command
from gateway.cli.loading import load
from gateway.cli.output import say, warn
from gateway.cli.surroundings import Surroundings, pass_surroundings
from gateway.config.fields import Address
from gateway.config.load import Loaded
from gateway.service.gateway import Addresses, Gateway
from gateway.service.run import run_gateway

NOT_TO_BE_HAD: Final = frozenset({errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES, errno.EAFNOSUPPORT})
CHOOSE: Final = "Choose another address with --proxy or --admin, or stop what listens there"
_BIND: Final = re.compile(r"bind on address \('(.+?)', (\d+).*?\): (?:\[errno \d+\] )?(.+)")


@click.command(cls=Command)
@click.option("--upstream", metavar="URL", help="The server behind the gateway: http://127.0.0.1:11434")
@click.option("--proxy", metavar="HOST:PORT", help="Where callers knock. Default: 127.0.0.1:8080.")
@click.option("--admin", metavar="HOST:PORT", help="Health, metrics. Default: 127.0.0.1:8081.")
@click.option("--demo", is_flag=True, help="Stand before a built-in demo server, and say what to paste.")
@pass_surroundings
def serve(
    surroundings: Surroundings, upstream: str | None, proxy: str | None, admin: str | None, *, demo: bool
) -> int:
    """Run the gateway. SIGTERM and Ctrl-C drain and stop it, SIGHUP reads the configuration anew.

    Without a configuration file, --upstream URL lets every valid key pass to that server.
    """
    if demo and upstream is not None:
        raise click.UsageError("--demo brings a server of its own: leave out --demo, or --upstream.")
    said = {"upstream": upstream, "server.proxy": proxy, "server.admin": admin}
    flags = {name: value for name, value in said.items() if value is not None}
    try:
        if demo:
            return serve_demo(surroundings, flags)
        return _serve(surroundings, flags)
    except OSError as trouble:
        if trouble.errno not in NOT_TO_BE_HAD and not isinstance(trouble, gaierror):
            raise
        raise click.ClickException(f"{_taken(trouble)}. {CHOOSE}") from trouble


def _taken(trouble: OSError) -> str:
    """Which address it is, and what is wrong with it."""
    said = trouble.strerror or str(trouble)
    found = _BIND.search(said)
    return said if found is None else f"{Address(found[1], int(found[2]))}: {found[3]}"


def _serve(surroundings: Surroundings, flags: dict[str, str]) -> int:
    def read() -> Loaded:
        return load(surroundings, flags, need_upstream=True)

    loaded = read()
    for warning in loaded.warnings:
        warn(str(warning))
    return run_gateway(loaded, surroundings.clock, reload=read, announce=announce)


async def announce(gateway: Gateway, _addresses: Addresses) -> None:
    """Tell a person who has no key yet how to make one."""
    if not await gateway.keyring.list_keys("all"):
        say("There are no keys yet, so every caller is refused. Make one: keyhatch keys create NAME")
