"""Sessions of the console: whoever showed a key once in a browser need not keep it there.

1. A session is opaque: 256 random bits in a cookie that scripts cannot read, and 256 more, the token, that
   the page holds and says with every question. A cookie goes to every port of a host, also to the server
   behind the gateway; alone it is worth nothing. A page elsewhere knows neither (CSRF).
2. Only digests of both are kept, in memory: a restart ends all sessions, and no backup holds one.
3. It ends after 30 minutes without a question that a person caused, after 12 hours anyhow, and at sign-out.
   Both clocks count: one stands still while the machine sleeps, the other may be set back.
4. It stands for the digest of the secret that was shown, which is judged anew with every question: what ends
   the key, or that secret of it, ends the session in the same moment.
5. How many there are is bounded, of one secret and in all: the one that rested longest goes first. So who
   signs in again and again ends their own sessions, and nobody else's.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from gateway.core.request import Headers
from gateway.keeper.ports import Clock

IDLE_S: Final = 30 * 60.0
LIFE_S: Final = 12 * 3_600.0
SESSIONS_MAX: Final = 1_000
OF_ONE_MAX: Final = 20

COOKIE_TLS: Final = "__Host-keyhatch_session"
COOKIE: Final = "keyhatch_session"
TOKEN_HEADER: Final = "X-Keyhatch-Csrf"  # noqa: S105 - its name
BACKGROUND_HEADER: Final = "X-Keyhatch-Background"
"""Said by the page where it asks by itself, not for a person: such a question does not keep a session."""

_RANDOM_BYTES: Final = 32
_TRIED_MAX: Final = 16
_PORT: Final = re.compile(rb":([0-9]{1,5})\Z")


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that began: what the cookie holds, and what the page is told."""

    cookie: str = field(repr=False)
    token: str = field(repr=False)


_Moment = tuple[float, float]
"""By either clock: the one for durations, and the one that people read."""


@dataclass(slots=True)
class _Session:
    secret_digest: bytes
    token_digest: bytes
    began: _Moment
    seen: _Moment


@dataclass(frozen=True, slots=True)
class Shown:
    """What a request shows of a session: values of its cookies that may be ours, the token, who caused it."""

    cookies: tuple[str, ...] = field(repr=False)
    token: str = field(repr=False)
    is_background: bool

    def __bool__(self) -> bool:
        """Whether a session is meant at all."""
        return bool(self.cookies or self.token)


class Sessions:
    """All sessions of this process."""

    def __init__(self, clock: Clock, entropy: Callable[[int], bytes]) -> None:
        self._clock = clock
        self._entropy = entropy
        self._sessions: dict[bytes, _Session] = {}

    def __len__(self) -> int:
        """How many have not ended, or not been found to have."""
        return len(self._sessions)

    def begin(self, secret_digest: bytes) -> Opened:
        """A new session for whoever showed the secret with this digest."""
        now = self._now()
        for name in [name for name, session in self._sessions.items() if _is_over(session, now)]:
            del self._sessions[name]
        crowd = [name for name, session in self._sessions.items() if session.secret_digest == secret_digest]
        if len(crowd) < OF_ONE_MAX:
            crowd = list(self._sessions) if len(self._sessions) >= SESSIONS_MAX else []
        if crowd:
            del self._sessions[min(crowd, key=lambda name: self._sessions[name].seen)]
        opened = Opened(self._entropy(_RANDOM_BYTES).hex(), self._entropy(_RANDOM_BYTES).hex())
        self._sessions[_digest(opened.cookie)] = _Session(secret_digest, _digest(opened.token), now, now)
        return opened

    def holder(self, shown: Shown) -> bytes | None:
        """The digest that a living session stands for; None if there is none with this cookie and token."""
        for _, session in self._found(shown):
            if not shown.is_background:
                session.seen = self._now()
            return session.secret_digest
        return None

    def ends_in_s(self, shown: Shown) -> float:
        """How long it can last at most, whatever is asked; 0 if there is none."""
        now = self._now()
        return max((LIFE_S - _longest(now, session.began) for _, session in self._found(shown)), default=0.0)

    def end(self, shown: Shown) -> None:
        """End it, if there is one."""
        for name, _ in list(self._found(shown)):
            del self._sessions[name]

    def _now(self) -> _Moment:
        return self._clock.monotonic(), self._clock.now()

    def _found(self, shown: Shown) -> Iterator[tuple[bytes, _Session]]:
        now, token = self._now(), _digest(shown.token)
        for cookie in shown.cookies[:_TRIED_MAX]:
            name = _digest(cookie)
            session = self._sessions.get(name)
            if session is None or not hmac.compare_digest(session.token_digest, token):
                continue
            if _is_over(session, now):
                del self._sessions[name]
            else:
                yield name, session


def shown_in(headers: Headers) -> Shown:
    """What a request shows of a session. `headers` have lower-case names."""
    plain = f"{cookie_name(_host(headers), is_tls=False)}=".encode()
    names = (f"{COOKIE_TLS}=".encode(), plain)
    pieces = [piece.strip() for name, value in headers if name == b"cookie" for piece in value.split(b";")]
    values = [piece[len(name) :] for name in names for piece in pieces if piece.startswith(name)]
    return Shown(
        tuple(value.decode("latin-1") for value in values if value),
        _value(headers, TOKEN_HEADER).decode("latin-1"),
        bool(_value(headers, BACKGROUND_HEADER)),
    )


def cookie_name(host: bytes, *, is_tls: bool) -> str:
    """What the cookie is called. Without TLS two gateways on one host would share it: it says the port."""
    if is_tls:
        return COOKIE_TLS
    port = _PORT.search(host)
    return COOKIE if port is None else f"{COOKIE}_{port[1].decode()}"


def _host(headers: Headers) -> bytes:
    return _value(headers, "host")


def _value(headers: Headers, name: str) -> bytes:
    wanted = name.lower().encode()
    return next((value for name, value in headers if name == wanted), b"")


def _is_over(session: _Session, now: _Moment) -> bool:
    return _longest(now, session.seen) >= IDLE_S or _longest(now, session.began) >= LIFE_S


def _longest(now: _Moment, since: _Moment) -> float:
    return max(now[0] - since[0], now[1] - since[1])


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
