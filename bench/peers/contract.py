"""What a peer is asked for: where its program is, and how to serve one key in front of one upstream.

A peer does the whole job on one core: it refuses a request whose ``X-API-Key`` it does not know,
strips the key from one that it does, and forwards it over kept-alive connections. It logs no
access, unless ``Site.logs_access`` asks for a line of JSON for each request. It writes nothing
outside its ``Site.place``.
"""

import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.keyring import Keyring
from bench.process import START_MAX_S
from bench.tools import Tool

_BASE62 = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Site:
    """Where a peer is set up: a private folder, its own port and its upstream's, all on 127.0.0.1."""

    place: Path
    port: int
    upstream_port: int
    logs_access: bool = False
    cold_keys: int = 0
    """How many keys to lay in that are first shown under measurement, where keys are in a store."""

    @property
    def output(self) -> Path:
        """The file that the peer's output goes to."""
        return self.place / "output.log"


@dataclass(frozen=True)
class Setup:
    """A peer that is ready to start: its command, a key that it lets through and one that it refuses.

    `access_log` is the file that it appends a line to for each request, if it was asked to. `keyring` is
    there where keys can be managed while it serves. `only` names the one scenario that a peer takes part in
    which does more than the others, and answers `/v1/models` itself.
    """

    command: list[str]
    key: str
    wrong_key: str
    env: Mapping[str, str]
    cwd: Path | None = None
    access_log: Path | None = None
    keyring: Keyring | None = None
    only: str | None = None
    start_max_s: float = START_MAX_S


class Peer(Protocol):
    """One gateway that can be measured."""

    @property
    def name(self) -> str:
        """A short name for the command line."""

    @property
    def title(self) -> str:
        """The name in the report, without a version."""

    @property
    def manner(self) -> str:
        """How it does the job, in a few words for the report."""

    def find(self, *, fetch: bool) -> Tool:
        """Its program, fetched if need be and allowed; raises tools.Absent."""

    def set_up(self, tool: Tool, site: Site) -> Setup:
        """Write its configuration into ``site.place``."""


def made_up_key() -> str:
    """A random string of the length of a Keyhatch key, for peers that take any."""
    return "kh_" + "".join(secrets.choice(_BASE62) for _ in range(49))
