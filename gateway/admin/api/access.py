"""Who asks: the key that was shown, judged by the decision that judges callers, and what it may manage.

1. Places and forgiveness are those of the proxied port (`gateway.core.credentials`), the query excepted.
2. The store is asked each time: a key that was revoked is refused from the moment its record was written.
3. Whoever guesses again and again is told to wait (`throttle`). A guess is a text that looks like a key and
   is none: to show nothing, another provider's key or one that has died is no guess.
4. A use of a key here is a use: it shows in `last_used_at`, and it is the first use that a rotation may wait
   for. What was refused is none, nor what a page of the console looks at by itself.
5. Where no key is shown, a session of the console stands for the key that was shown when it began
   (`gateway.admin.sessions`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from gateway.admin.api.problems import Code, Refused
from gateway.admin.api.throttle import Throttle
from gateway.admin.sessions import Sessions, shown_in
from gateway.core.credentials import NOTHING_TO_STRIP, choose, find
from gateway.core.decision import NeedKey
from gateway.core.keys import ApiKey
from gateway.core.ours import Ours
from gateway.core.policy import judge
from gateway.core.refusal import Deny, Reason
from gateway.core.request import Headers, RequestView, Target
from gateway.core.routes import Route
from gateway.keeper.authority import Manager
from gateway.keeper.keyring import Keyring
from gateway.keeper.ports import Clock
from gateway.wire.reply import say_why

_ANY_KEY: Final = Route("management", "/api/v1/**", "", scopes=())
_GUESSES: Final = frozenset({Reason.CREDENTIAL_MALFORMED, Reason.KEY_UNKNOWN})
_TARGET: Final = Target(b"/", "/", b"", ())

NoteUse = Callable[[ApiKey, bytes, str, float], object]
"""Told of each key whose question was answered: record, digest of the secret shown, peer, moment."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever was let in: what they may manage, their record, and the digest of the secret they showed."""

    manager: Manager
    key: ApiKey
    digest: bytes = field(repr=False)
    peer: str
    is_background: bool = False


@dataclass(frozen=True, slots=True)
class Access:
    """The door of the management API."""

    keyring: Keyring
    clock: Clock
    throttle: Throttle
    sessions: Sessions
    note_use: NoteUse

    async def admit(self, headers: Iterable[tuple[bytes, bytes]], peer: str) -> Visitor:
        """Whoever asks; raises `Refused`, or `StoreUnavailable`."""
        shown = plain(headers)
        chosen = self._choose(shown, peer)
        session = shown_in(shown)
        if isinstance(chosen, Deny) and chosen.reason is Reason.CREDENTIAL_MISSING and session:
            found = self.sessions.holder(session)
            if found is None:
                raise session_ended()
            return await self._admit(found, peer, is_background=session.is_background)
        if isinstance(chosen, Deny):
            raise self._refusal(chosen, peer)
        return await self._admit(chosen, peer)

    async def admit_text(self, text: str, peer: str) -> Visitor:
        """Whoever typed this as their key; raises `Refused`, or `StoreUnavailable`."""
        chosen = self._choose(((b"x-api-key", text.strip().encode()),), peer)
        if isinstance(chosen, Deny):
            raise self._refusal(chosen, peer)
        return await self._admit(chosen, peer)

    async def _admit(self, chosen: bytes, peer: str, *, is_background: bool = False) -> Visitor:
        key = await self.keyring.holder_of(chosen)
        now = self.clock.now()
        verdict = judge(NeedKey(chosen, _ANY_KEY, NOTHING_TO_STRIP, peer), key, now)
        if isinstance(verdict, Deny) or key is None:
            assert isinstance(verdict, Deny)  # noqa: S101 - no record is never allowed
            raise self._refusal(verdict, peer)
        return Visitor(manager_of(key), key, chosen, peer, is_background)

    def was_answered(self, visitor: Visitor, *, is_look: bool = False) -> None:
        """Rule 4: what they asked was done; `is_look`: whoever may look may ask it."""
        if not (visitor.is_background and is_look):
            self.note_use(visitor.key, visitor.digest, visitor.peer, self.clock.now())

    async def admit_holder(self, text: str, peer: str) -> Visitor:
        """Whoever holds this secret, were it revoked already; raises `Refused`, or `StoreUnavailable`."""
        found = await self.keyring.verify(text)
        if found.key is None or found.reason not in (None, Reason.KEY_REVOKED):
            raise self._refusal(Deny(found.reason or Reason.KEY_UNKNOWN, found.facts), peer)
        return Visitor(manager_of(found.key), found.key, b"", peer)

    def _choose(self, headers: Headers, peer: str) -> bytes | Deny:
        prefix = self.keyring.rules.prefix
        # An imported secret manages nothing: no key with one holds a management scope.
        return choose(find(RequestView("GET", _TARGET, headers, peer), Ours(prefix)), prefix)

    def _refusal(self, deny: Deny, peer: str) -> Refused:
        if deny.reason in _GUESSES:
            wait_s = self.throttle.failed(peer)
            if wait_s:
                return _told_to_wait(wait_s)
        said = say_why(deny, self.keyring.rules.prefix)
        headers = {"X-Keyhatch-Reason": deny.reason.value}
        if said.challenge is not None:
            headers["WWW-Authenticate"] = said.challenge
        return Refused(HTTPStatus(said.status), deny.reason.value, said.message, headers=headers)


def plain(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Headers as they are looked through: names in lower case, no blanks around values."""
    return tuple((name.lower(), value.strip(b" \t")) for name, value in headers)


def session_ended() -> Refused:
    """There is no such session: it never was, or it is over."""
    return Refused(
        HTTPStatus.UNAUTHORIZED,
        Code.SESSION_ENDED,
        "Your session is over. Sign in again with your key.",
        headers={"WWW-Authenticate": 'Bearer realm="keyhatch"'},
    )


def _told_to_wait(wait_s: int) -> Refused:
    return Refused(
        HTTPStatus.TOO_MANY_REQUESTS,
        Code.TOO_MANY_FAILURES,
        f"Too many wrong keys came from your address. Try again in {wait_s} seconds.",
        headers={"Retry-After": str(wait_s)},
    )


def manager_of(key: ApiKey) -> Manager:
    """Who somebody is that shows this key."""
    return Manager(key.id, key.name, key.owner, key.scopes)
