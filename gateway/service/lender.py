"""The lender: all that a gateway, or a command, needs of credentials for upstreams.

1. It reads sealed records and the vault's key, reveals values to the ground that is built, and loads what
   opens them only where the configuration names a credential of the vault or somebody manages them.
2. A credential that cannot be lent is told of in the log once, with the mend, and closes its upstream alone.
3. While some upstream is lent something, an observer sees what upstreams say to it (`uses`).
"""

import asyncio
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.config.load import Loaded
from gateway.config.model import Settings
from gateway.config.problems import Unfit
from gateway.config.vault_section import read_credential_name, read_credential_text
from gateway.keeper.desk import Problem
from gateway.keeper.ports import Clock
from gateway.logs import Observers
from gateway.plane.contract import Ground
from gateway.service.compile import ground_of
from gateway.service.lending import vault_name

if TYPE_CHECKING:
    from gateway.keeper.credential_uses import CredentialUses
    from gateway.keeper.credentials import CredentialStore, SealedCredential, Trial
    from gateway.keeper.vault import Vault

_log: Final = logging.getLogger("gateway.credentials")


class Lender:
    """`take` a configuration, `load` the records; `reveal` then tells values. `on_change`: lend anew."""

    def __init__(
        self,
        store: "CredentialStore",
        clock: Clock,
        *,
        on_store_error: Callable[[], None],
        on_change: Callable[[], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._on_store_error = on_store_error
        self._on_change = on_change
        self._records: list[SealedCredential] = []
        self._loaded: Loaded | None = None
        self._told: dict[str, str] = {}
        self._is_lending = asyncio.Event()

    @cached_property
    def uses(self) -> "CredentialUses":
        """What upstreams say to their credentials; loaded when one is lent, or looked at."""
        from gateway.keeper.credential_uses import CredentialUses  # noqa: PLC0415

        uses = CredentialUses(self._store, self._clock, self._on_store_error)
        for each in self._records:
            uses.know(each)
        self._is_lending.set()
        return uses

    @cached_property
    def vault(self) -> "Vault":
        """The vault; made, and loaded, when somebody needs it first."""
        from gateway.keeper.vault import Vault  # noqa: PLC0415 - cryptography takes some megabytes

        vault = Vault(
            self._store,
            self._clock,
            entropy=os.urandom,
            judge=judge,
            users=self._users,
            trial=self._try,
            on_change=self._on_change,
            uses=self.uses,
        )
        vault.hold(self._records)
        self._hand_key(vault)
        return vault

    async def load(self) -> None:
        """Read the records; raises `StoreUnavailable`."""
        self._records = await self._store.credentials()
        for each in self._records:
            self.uses.know(each)
        if "vault" in vars(self):
            self.vault.hold(self._records)

    async def flush(self) -> None:
        """Write what is not written yet of uses."""
        if "uses" in vars(self):
            await self.uses.flush()

    async def run(self, interval_s: float) -> None:
        """Flush every interval until cancelled."""
        await self._is_lending.wait()
        await self.uses.run(interval_s)

    async def data_changed(self) -> None:
        """Another program changed the store."""
        await self.load()
        self._on_change()

    def ground(self) -> Ground:
        """What a plane serves on, with what upstreams are lent now."""
        base_dir = Path() if self._loaded is None else self._loaded.base_dir
        return ground_of(self._settings, self.reveal, base_dir=base_dir)

    def observe_with(self, observers: Observers) -> None:
        """See what upstreams say to their credentials, while any is lent one; tell which cannot be."""
        if "uses" in vars(self):
            observers.remove(self.uses)
            if self.uses.loans:
                observers.add(self.uses)
        self.tell()

    def take(self, loaded: Loaded) -> None:
        """This configuration is in force from now on; the vault's key is read anew."""
        self._loaded = loaded
        if "vault" in vars(self):
            self._hand_key(self.vault)
        lent = {name: each for name, each in loaded.settings.upstreams.items() if each.credential is not None}
        if lent or "uses" in vars(self):
            from gateway.keeper.credential_uses import Loan  # noqa: PLC0415 - as `uses` are

            self.uses.loans = {
                name: Loan(vault_name(written), is_certain=not written.pass_caller_credential)
                for name, written in lent.items()
            }

    @contextmanager
    def taking(self, loaded: Loaded) -> Iterator[None]:
        """The same, if what is done meanwhile succeeds; else all is as it was."""
        before = self._loaded
        self.take(loaded)
        try:
            yield
        except BaseException:
            if before is not None:
                self.take(before)
            raise

    @property
    def _settings(self) -> Settings:
        return Settings() if self._loaded is None else self._loaded.settings

    def reveal(self, name: str) -> str | None:
        """The value of a credential of the vault; None if it cannot be told."""
        return self.vault.reveal(name)

    def locked(self) -> dict[str, str]:
        """Credentials that upstreams should be lent and cannot: why, and the mend, by name."""
        return {name: why for name in sorted(self._users()) if (why := self.vault.why_not(name))}

    async def warning(self) -> str | None:
        """What anybody may be told of credentials that do not work: how many, and where to see which."""
        names = self._users()
        if not names:
            return None
        found = {each.name: each.why for each in await self.vault.list_credentials()}
        bad = sum(found.get(name, "missing") != "" for name in names)
        if not bad:
            return None
        told = "credential of an upstream" if bad == 1 else "credentials of upstreams"
        return f"{bad} {told} cannot be used: `keyhatch credentials list` tells which"

    def tell(self) -> None:
        """Log what cannot be lent, once for each time it comes to be so."""
        locked = self.locked()
        for name, why in locked.items():
            if self._told.get(name) != why:
                _log.warning("the credential %r cannot be used, and its upstreams are closed: %s", name, why)
        for name in self._told.keys() - locked.keys():
            _log.info("the credential %r can be used again", name)
        self._told = locked

    def _hand_key(self, vault: "Vault") -> None:
        from gateway.service.vault_key import NOT_NAMED, Found, find_vault_key  # noqa: PLC0415

        key = Found(None, NOT_NAMED) if self._loaded is None else find_vault_key(self._loaded)
        if key.others:
            _log.warning("others can read the file that vault.key_file names: chmod 600 makes it yours alone")
        if key.raw is None:
            vault.lock(key.problem)
        else:
            vault.unlock(key.raw)

    def _users(self) -> Mapping[str, tuple[str, ...]]:
        users: dict[str, tuple[str, ...]] = {}
        for upstream, written in self._settings.upstreams.items():
            name = vault_name(written)
            if name is not None:
                users[name] = (*users.get(name, ()), upstream)
        return users

    async def _try(self, name: str) -> "list[Trial]":
        from gateway.service.trial import try_upstream  # noqa: PLC0415 - nobody serving needs it

        ground, upstreams = self.ground(), self._settings.upstreams
        users = self._users().get(name, ())
        trials = (try_upstream(ground.upstreams[each], upstreams[each].preset) for each in users)
        return list(await asyncio.gather(*trials))


def judge(name: str, value: str) -> tuple[Problem, ...]:
    """What is wrong with the name and the value of a credential, in words that hold neither."""
    problems: list[Problem] = []
    for field, reader, given in (
        ("name", read_credential_name, name),
        ("value", read_credential_text, value),
    ):
        try:
            reader(given)
        except Unfit as unfit:
            problems.append(Problem(field, unfit.message))
    return tuple(problems)
