"""What upstreams say of the credentials that they are lent: when each was last used, and which is refused.

Promises
1. Noting an exchange is a plain call, and is made only while some upstream is lent a credential.
2. A credential is refused from the first 401 on until its upstream takes it again, it is replaced, or a trial
   of it is accepted. The change is logged once, each way.
3. An upstream to which callers may show their own says nothing for certain when it answers anything but a
   refusal of ours: that it took ours is not concluded from it.
4. It is true in memory at once and written behind; a flush that fails is tried again.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from gateway.core.policy import moment
from gateway.core.refusal import Reason
from gateway.keeper.credentials import CredentialNote, CredentialStore, SealedCredential
from gateway.keeper.ports import Clock, Exchange, StoreUnavailable

_log: Final = logging.getLogger("gateway.credentials")


@dataclass(frozen=True, slots=True)
class Loan:
    """What an upstream is lent: the credential's name in the vault, None if it stands in the configuration.

    `is_certain`: its answers are always to ours.
    """

    name: str | None
    is_certain: bool = True


class CredentialUses:
    """An observer. `loans` names the upstreams that are lent something; it may be replaced at any time."""

    def __init__(self, store: CredentialStore, clock: Clock, on_store_error: Callable[[], None]) -> None:
        self.loans: Mapping[str, Loan] = {}
        self._store = store
        self._clock = clock
        self._on_store_error = on_store_error
        self._used: dict[str, float] = {}
        self._refused: dict[str, float] = {}
        self._refused_texts: set[str] = set()
        self._unwritten: set[str] = set()

    def exchange_began(self) -> None:
        """Nothing is known yet."""

    def exchange_ended(self, exchange: Exchange) -> None:
        """An upstream that was lent something answered, or did not."""
        loan = self.loans.get(exchange.upstream or "")
        if loan is None or exchange.first_byte_s is None:
            return
        is_refused = exchange.reason is Reason.UPSTREAM_CREDENTIAL_INVALID
        if loan.name is None:
            self._note_text(exchange.upstream or "", loan, is_refused=is_refused)
            return
        self._used[loan.name] = max(self._clock.now(), self._used.get(loan.name, 0.0))
        self._unwritten.add(loan.name)
        if is_refused:
            self.refuse(loan.name)
        elif loan.is_certain and exchange.reason is None:
            self.accept(loan.name)

    def refuse(self, name: str) -> None:
        """Its upstream does not take it."""
        if name not in self._refused:
            now = self._clock.now()
            self._refused[name] = now
            self._unwritten.add(name)
            _log.warning(
                "the credential %r is refused by its upstream since %s: set another", name, moment(now)
            )

    def accept(self, name: str) -> None:
        """Its upstream takes it."""
        if self._refused.pop(name, None) is not None:
            self._unwritten.add(name)
            _log.info("the credential %r is taken again", name)

    def know(self, sealed: SealedCredential) -> None:
        """What the store says of one, after a start."""
        if sealed.refused_at is not None:
            self._refused.setdefault(sealed.name, sealed.refused_at)

    def forget(self, name: str) -> None:
        """It was replaced or removed: what was said of the one before counts no more."""
        self._refused.pop(name, None)
        self._unwritten.discard(name)

    def latest(self, sealed: SealedCredential) -> SealedCredential:
        """A record with what is not written yet."""
        used = [at for at in (sealed.last_used_at, self._used.get(sealed.name)) if at is not None]
        return replace(
            sealed, last_used_at=max(used, default=None), refused_at=self._refused.get(sealed.name)
        )

    async def flush(self) -> None:
        """Write what is not written yet. Never raises `StoreUnavailable`."""
        names, self._unwritten = self._unwritten, set()
        notes = [
            CredentialNote(name, self._used.get(name), self._refused.get(name)) for name in sorted(names)
        ]
        if not notes:
            return
        try:
            await self._store.note_credentials(notes)
        except BaseException as trouble:
            self._unwritten |= names
            if not isinstance(trouble, StoreUnavailable):
                raise
            self._on_store_error()
            _log.warning("uses of %d credentials not written yet: %s", len(notes), trouble)

    async def run(self, interval_s: float) -> None:
        """Flush every interval until cancelled, come what may."""
        while True:
            await asyncio.sleep(interval_s)
            try:
                await self.flush()
            except Exception:  # noqa: BLE001 - an accident must not stop the flushes that come after it
                self._on_store_error()
                _log.exception("writing the uses of credentials met something unexpected; it is tried again")

    def _note_text(self, upstream: str, loan: Loan, *, is_refused: bool) -> None:
        if is_refused and upstream not in self._refused_texts:
            self._refused_texts.add(upstream)
            _log.warning("upstream %r refuses the credential that the configuration holds for it", upstream)
        elif not is_refused and loan.is_certain and upstream in self._refused_texts:
            self._refused_texts.remove(upstream)
            _log.info("upstream %r takes its credential again", upstream)
