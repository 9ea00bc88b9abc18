"""Keyhatch itself: the real command with a store of its own, on a chosen data plane.

Scopes, metrics, last-used and request ids are on, as they are by default; the access log is off
unless it is asked for.
The key that is refused was issued and deleted again: it is well formed, so the store is asked.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.keyring import Keyring
from bench.many_keys import fill_store
from bench.peers.contract import Setup, Site
from bench.process import free_port
from bench.text import fill
from bench.tools import Absent, Tool, version_in

CHECKOUT = Path(__file__).parents[2]

CONFIG = """\
server:
  proxy: 127.0.0.1:@port@
  admin: 127.0.0.1:@admin_port@
  plane: @plane@
store:
  url: sqlite:///bench.db
logging: {level: info, format: json, access: @access@}
scopes:
  models:read: List models
  chat:write: Ask for completions
upstreams:
  behind:
    url: http://127.0.0.1:@upstream_port@
routes:
  - id: models
    path: /v1/models
    methods: [GET]
    upstream: behind
    scopes: [models:read]
  - id: rest
    path: /v1/**
    upstream: behind
    scopes: [chat:write]
"""


class CommandError(Exception):
    """A ``keyhatch`` command failed; the message holds what it said."""


@dataclass(frozen=True)
class Keyhatch:
    """The gateway of this checkout, on the data plane ``plane``."""

    plane: str
    keys: int = 0

    @property
    def name(self) -> str:
        """The plane is part of the name, so that two of them can be compared."""
        return f"keyhatch-{self.plane}-{self.keys}" if self.keys else f"keyhatch-{self.plane}"

    @property
    def title(self) -> str:
        """The name in the report."""
        many = f", {self.keys:,} keys" if self.keys else ""
        return f"Keyhatch ({self.plane} plane{many})"

    @property
    def manner(self) -> str:
        """What is switched on."""
        return f"`plane: {self.plane}`; scopes, metrics, last-used and request id on, access log off"

    def find(self, *, fetch: bool) -> Tool:  # noqa: ARG002 (there is nothing to fetch)
        """The command of this checkout, run by this interpreter."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("KEYHATCH_")}
        tool = Tool(sys.executable, "", env)
        try:
            return Tool(tool.path, version_in(_keyhatch(tool, "version")), env)
        except CommandError as error:
            raise Absent(f"the command does not run: {error}") from error

    def set_up(self, tool: Tool, site: Site) -> Setup:
        """A store with one key that may read models; another one was deleted."""
        if self.keys and site.logs_access:
            raise Absent("the access log does not depend on the number of keys")
        file = site.place / "config.yaml"
        file.write_text(
            fill(
                CONFIG,
                port=site.port,
                admin_port=free_port(),
                plane=self.plane,
                upstream_port=site.upstream_port,
                access="on" if site.logs_access else "off",
            )
        )
        config = ["--config", str(file)]
        create = ["keys", "create", "-q", *config, "--scope", "models:read", "--scope", "chat:write"]
        key = _keyhatch(tool, *create, "bench").strip()
        wrong_key = _keyhatch(tool, *create, "deleted").strip()
        for act in ("revoke", "delete"):
            _keyhatch(tool, "keys", act, *config, "deleted", "--yes")
        if self.keys:
            fill_store(site.place / "bench.db", self.keys)
        keyring = Keyring(site.place / "bench.db")
        if site.cold_keys:
            keyring.lay_in(site.cold_keys)
        command = [tool.path, "-m", "gateway", "serve", *config]
        access_log = site.output if site.logs_access else None
        return Setup(command, key, wrong_key, tool.env, CHECKOUT, access_log, keyring)


def _keyhatch(tool: Tool, *args: str) -> str:
    command = [tool.path, "-m", "gateway", *args]
    try:
        done = subprocess.run(
            command,
            cwd=CHECKOUT,
            env=dict(tool.env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().splitlines() or ["it said nothing"]
        raise CommandError(f"{' '.join(args[:2])}: {said[-1]}") from error
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"{' '.join(args[:2])}: no answer within 30 s") from error
    return done.stdout
