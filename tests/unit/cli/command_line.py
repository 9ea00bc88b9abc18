"""`keyhatch` as a test calls it: a desk that keeps its records in memory, a clock that stands still."""

import asyncio

import click.testing

from gateway.cli.root import root
from gateway.cli.surroundings import Surroundings
from gateway.core.keys import ApiKey
from gateway.keeper.keyring import Keyring
from gateway.keeper.ports import Use
from gateway.store.memory import MemoryKeyStore

NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z


class StandingClock:
    """Moves only when it is told to."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at


class Entropy:
    """Bytes that differ from call to call and are the same in every run."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, count: int) -> bytes:
        self.calls += 1
        return bytes((self.calls * 37 + at * 11) % 256 for at in range(count))


class CommandLine:
    """`keyhatch`, called with arguments: `line("keys", "list")`."""

    def __init__(self) -> None:
        self.clock = StandingClock()
        self.environ: dict[str, str] = {}
        self.signing: bytes | None = bytes(range(32))
        self.store = MemoryKeyStore()
        self.desk = Keyring(
            self.store,
            self.clock,
            prefix="kh",
            default_expiry_s=90 * 86_400.0,
            max_active_per_owner=50,
            catalogue={"models:read": "List models", "chat:write": "Ask for completions"},
            entropy=Entropy(),
            on_change=lambda _key_id, _key: None,
            signing=lambda: self.signing,
        )

    def __call__(
        self,
        *args: str,
        stdin: str | bytes = "",
        color: bool = False,
        surroundings: Surroundings | None = None,
    ) -> click.testing.Result:
        own = Surroundings(clock=self.clock, environ=self.environ, desk=self.desk)
        runner = click.testing.CliRunner(catch_exceptions=False)
        return runner.invoke(
            root, args, input=stdin, color=color, obj=surroundings or own, prog_name="keyhatch"
        )

    def make(self, name: str, *options: str) -> str:
        """Make a key; the secret."""
        result = self("keys", "create", name, "-q", *options)
        assert result.exit_code == 0, result.stderr
        return result.stdout.strip()

    def record(self, name: str) -> ApiKey:
        """The record of this name, straight from the store."""
        (found,) = [key for key in self.store._keys.values() if key.name == name]
        return found

    def use(self, name: str, seconds_ago: float, peer: str) -> None:
        """Let the key of this name have been used."""
        self.use_id(self.record(name).id, seconds_ago, peer)

    def use_previous(self, name: str, seconds_ago: float, peer: str) -> None:
        """Let the secret before the last rotation have been used."""
        at = self.clock.at - seconds_ago
        asyncio.run(self.store.record_uses([Use(self.record(name).id, at, peer, 1, at, peer)]))

    def use_id(self, key_id: str, seconds_ago: float, peer: str) -> None:
        """Let the key with this id have been used."""
        use = Use(key_id, self.clock.at - seconds_ago, peer, 1)
        asyncio.run(self.store.record_uses([use]))
