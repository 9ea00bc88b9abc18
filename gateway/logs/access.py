"""The access log: one line for each exchange, made in a few microseconds.

Promises
1. The fields are a fixed list, and nothing else of a request is ever in a line: no query, no header, no
   body. What stands in a path or a name in the form of a key is blanked, what is not printable is escaped.
2. A line is put together by hand, for a structlog pipeline would cost as much as the rest of a request.
3. Lengths are bounded: a path takes at most 512 characters.

The JSON is ASCII, so it means the same in every encoding.
"""

import logging
from collections.abc import Callable
from functools import lru_cache
from json import JSONEncoder
from typing import Final

from gateway.keeper.ports import Clock, Exchange
from gateway.logs.escape import escape, shorten
from gateway.logs.moment import Moments
from gateway.logs.scrub import Scrub

PATH_CHARS_MAX: Final = 512
NAME_CHARS_MAX: Final = 128
TEXTS_CACHED: Final = 4_096
"""Paths, routes, keys and peers come again and again. Longer texts than a name are not kept: callers choose
them, and 4,096 times the longest target would be 32 MB."""
ALNUM_CHARS_MAX: Final = 32
"""Shorter letters and digits alone are no credential in any form that the scrubber knows."""

FIELDS: Final = (
    *("time", "level", "event", "request_id", "method", "path", "route", "upstream", "key_id", "key_name"),
    *("peer", "status", "reason", "detail", "cut", "bytes_in", "bytes_out", "duration_ms", "first_byte_ms"),
    "trace_id",
)


_LOG: Final = logging.getLogger("gateway.access")
_quote: Final = JSONEncoder().encode


class AccessLog:
    """An observer that hands one line for each exchange to `write`, at the level info.

    `on` may be changed at any time.
    """

    def __init__(
        self,
        write: Callable[[str], None],
        clock: Clock,
        scrub: Scrub,
        *,
        as_json: bool = True,
        on: bool = True,
    ) -> None:
        self.on = on
        self._write = write
        self._now = clock.now
        self._moment = Moments()
        self._scrub = scrub
        self._line = self._json_line if as_json else self._console_line
        self._cached_word = lru_cache(TEXTS_CACHED)(self._clean_word)
        self._cached_quote = lru_cache(TEXTS_CACHED)(self._clean_quote)

    def exchange_began(self) -> None:
        """Nothing: an exchange has its line when it is over."""

    def exchange_ended(self, exchange: Exchange) -> None:
        """Write its line, unless that is switched off or below the level."""
        if self.on and _LOG.isEnabledFor(logging.INFO):
            self._write(self._line(exchange))

    def _json_line(self, exchange: Exchange) -> str:
        quoted = self._quoted
        first_byte_s = exchange.first_byte_s
        first_byte_ms = "null" if first_byte_s is None else f"{first_byte_s * 1000:.3f}"
        trace_id = "null" if exchange.trace_id is None else self._ever_new(exchange.trace_id)
        return (
            f'{{"time":"{self._moment(self._now())}","level":"info","event":"exchange"'
            f',"request_id":{self._ever_new(exchange.request_id)},"method":{quoted(exchange.method)}'
            f',"path":{quoted(exchange.path)},"route":{quoted(exchange.route_id)}'
            f',"upstream":{quoted(exchange.upstream)},"key_id":{quoted(exchange.key_id)}'
            f',"key_name":{quoted(exchange.key_name)},"peer":{quoted(exchange.peer)}'
            f',"status":{exchange.status},"reason":{quoted(exchange.reason)}'
            f',"detail":{quoted(exchange.detail)},"cut":{quoted(exchange.cut)}'
            f',"bytes_in":{exchange.bytes_in},"bytes_out":{exchange.bytes_out}'
            f',"duration_ms":{exchange.duration_s * 1000:.3f},"first_byte_ms":{first_byte_ms}'
            f',"trace_id":{trace_id}}}\n'
        )

    def _console_line(self, exchange: Exchange) -> str:
        text = self._word
        words = [
            f"{self._moment(self._now())} [info     ] {text(exchange.method)} {text(exchange.path)}",
            f"{exchange.status} {exchange.duration_s * 1000:.1f}ms",
        ]
        words += [
            f"{label}={text(value)}"
            for label, value in (
                ("route", exchange.route_id),
                ("key", exchange.key_name or exchange.key_id),
                ("peer", exchange.peer),
                ("reason", exchange.reason),
                ("detail", exchange.detail),
                ("cut", exchange.cut),
                ("request_id", exchange.request_id),
                ("trace_id", exchange.trace_id),
            )
            if value is not None
        ]
        return f"{' '.join(words)}\n"

    def _word(self, text: str) -> str:
        """One word for a person: quoted where a blank or a sign could make it pass for several."""
        return self._cached_word(text) if len(text) <= NAME_CHARS_MAX else self._clean_word(text)

    def _quoted(self, text: str | None) -> str:
        if text is None:
            return "null"
        return self._cached_quote(text) if len(text) <= NAME_CHARS_MAX else _quote(self._clean(text))

    def _ever_new(self, text: str) -> str:
        """Quoted without being kept."""
        is_harmless = text.isalnum() and len(text) <= ALNUM_CHARS_MAX
        return _quote(text if is_harmless else self._clean(text))

    def _clean(self, text: str) -> str:
        """Scrubbed before it is shortened, so that no key is cut into something that looks harmless."""
        return shorten(escape(self._scrub(text)), PATH_CHARS_MAX)

    def _clean_word(self, text: str) -> str:
        text = self._clean(text)
        if text and not any(sign in text for sign in ' ="'):
            return text
        escaped = text.replace('"', r"\"")
        return f'"{escaped}"'

    def _clean_quote(self, text: str) -> str:
        return _quote(self._clean(text))
