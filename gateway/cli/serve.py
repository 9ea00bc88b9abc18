"""`keyhatch serve`: the gateway, until it is told to stop. Thin: the house is built in `gateway.service`.

What a person should know goes to a terminal as prose; where stderr is no terminal it is an event of the log,
so that whoever reads the log never meets a line of another form.
"""

import logging
import sys
from contextlib import suppress
from typing import Final

import click

from gateway.cli.everywhere import Command
from gateway.cli.first_steps import create_command, first_steps, program, sources
from gateway.cli.listening import listening
from gateway.cli.loading import door, load
from gateway.cli.missing import NO_MANAGER, Missing, missing_among
from gateway.cli.output import is_terminal, say, warn
from gateway.cli.preset_hint import preset_hint
from gateway.cli.surroundings import Surroundings, pass_surroundings
from gateway.config.fields import Address
from gateway.config.load import Loaded
from gateway.keeper.desk import KeyDesk
from gateway.keeper.ports import StoreUnavailable
from gateway.service.gateway import Addresses, Gateway
from gateway.service.run import run_gateway

NO_CALLER: Final = "there is no key for callers yet, so every caller is refused; make one: %s"
KEYS_FEW: Final = 1_000
"""Of so many keys it is looked who is missing among them: to read a million would take ten seconds."""

_log: Final = logging.getLogger("gateway.cli")


@click.command(cls=Command)
@click.option("--upstream", metavar="URL", help="The server behind the gateway: http://127.0.0.1:11434")
@click.option("--preset", metavar="NAME", help="What kind of server that is: keyhatch presets list.")
@click.option("--proxy", metavar="HOST:PORT", help="Where callers knock. Default: 127.0.0.1:8080.")
@click.option("--admin", metavar="HOST:PORT", help="Health, metrics, management. Default: 127.0.0.1:8081.")
@click.option("--demo", is_flag=True, help="Stand before a built-in demo server, and say what to paste.")
@pass_surroundings
def serve(
    surroundings: Surroundings,
    upstream: str | None,
    preset: str | None,
    proxy: str | None,
    admin: str | None,
    *,
    demo: bool,
) -> int:
    """Run the gateway. SIGTERM and Ctrl-C drain and stop it, SIGHUP reads the configuration anew.

    Without a configuration file, --upstream URL lets every valid key pass to that server; with --preset NAME
    only what keyhatch presets show NAME lists, each with its scope.
    """
    if demo and (upstream is not None or preset is not None):
        raise click.UsageError("--demo brings a server of its own: leave it out, or --upstream and --preset.")
    said = {"upstream": upstream, "preset": preset, "server.proxy": proxy, "server.admin": admin}
    flags = {name: value for name, value in said.items() if value is not None}
    if not demo:
        return _serve(surroundings, flags)
    from gateway.cli.demo import serve_demo  # noqa: PLC0415 - a gateway in earnest does without

    return serve_demo(surroundings, flags)


def _serve(surroundings: Surroundings, flags: dict[str, str]) -> int:
    def read() -> Loaded:
        return load(surroundings, flags, need_upstream=True)

    loaded = read()
    for_people = is_terminal(sys.stderr)
    for warning in loaded.warnings if for_people else ():
        warn(str(warning))
    if for_people and (hint := preset_hint(loaded.settings.upstreams)):
        say(hint)

    async def on_empty(desk: KeyDesk) -> None:
        from gateway.cli.admin_key import make_first_key  # noqa: PLC0415 - once in the life of a store

        await make_first_key(desk, loaded, for_people=for_people)

    async def announce(gateway: Gateway, addresses: Addresses) -> None:
        _log.info("%s", sources(loaded))
        for warning in () if for_people else loaded.warnings:
            _log.warning("%s", warning)
        missing = await _missing_in(gateway, surroundings.clock.now())
        if missing.manager:
            _log.warning("%s", NO_MANAGER)
        if missing.caller:
            called = program(sys.argv[0], sys.executable)
            if for_people:
                at = door(Address(*addresses.proxy[:2]), tls=loaded.settings.server.tls.is_on)
                say(first_steps(at, loaded, called))
            else:
                _log.warning(NO_CALLER, create_command(loaded, called))

    with listening(loaded.settings.server):
        return run_gateway(loaded, surroundings.clock, reload=read, announce=announce, on_empty=on_empty)


async def _missing_in(gateway: Gateway, now: float) -> Missing:
    """Who is missing from the store. What is wrong with it is told elsewhere, and no reason not to serve."""
    if gateway.keys_counted <= KEYS_FEW:
        with suppress(StoreUnavailable):
            return missing_among(await gateway.keys(), now)
    return Missing(caller=False, manager=False)
