"""The configuration: its warnings, and what is lawful and opens more than most people want."""

from collections.abc import Iterator

from gateway.cli.doctor.finding import Finding, Patient, ok, warn
from gateway.cli.doctor.running import runs
from gateway.config.advice import is_near
from gateway.config.compile import table
from gateway.config.model import Settings


def look(patient: Patient) -> Iterator[Finding]:
    """What deserves a look, or one finding that nothing does."""
    settings = patient.loaded.settings
    warnings = [warn("configuration", str(each), "mend it there") for each in patient.loaded.warnings]
    found = [*warnings, *_nowhere(patient), *_open_doors(settings), *_listeners(settings)]
    yield from found or [ok("configuration", str(patient.loaded.path))]


def _nowhere(patient: Patient) -> Iterator[Finding]:
    settings = patient.loaded.settings
    if not table(settings).routes and not runs(patient):
        mend = "write one in config.yaml, or say `keyhatch serve --upstream URL`"
        yield warn("configuration", "no upstream with a route, so nothing would be served", mend)


def _open_doors(settings: Settings) -> Iterator[Finding]:
    for route in settings.routes:
        if route.public and route.path == "/**":
            found = f"route {route.id} is public over every path: nobody needs a key"
            yield warn("configuration", found, "name the paths that are for everybody, and guard the rest")


def _listeners(settings: Settings) -> Iterator[Finding]:
    server = settings.server
    if not is_near(server.proxy) and not server.tls.is_on:
        found = f"{server.proxy} (server.proxy) can be reached from elsewhere, with keys in clear text"
        mend = "set server.tls, or put Caddy or nginx with TLS in front, unless the network is yours"
        yield warn("configuration", found, mend)
    if not is_near(server.admin) and not server.tls.admin:
        found = f"{server.admin} (server.admin) can be reached from elsewhere without TLS"
        yield warn("configuration", found, f"127.0.0.1:{server.admin.port} keeps it on this machine")
