"""The last processor before a line is rendered: every value becomes plain, scrubbed, escaped and short.

Whatever a call to a logger carries (nested mappings, bytes, exceptions, objects of any kind) comes out as
strings, numbers, booleans, lists and mappings. Objects speak by their `repr`, so a `Secret` stays masked.
Depth, width and length are bounded: a careless call costs a long line, never memory. Only `exception` and
`stack` keep their line breaks; renderers take care that these cannot pass for lines of the log.
"""

from collections.abc import Mapping
from typing import Final

from structlog.typing import EventDict, WrappedLogger

from gateway.logs.escape import escape, shorten
from gateway.logs.scrub import MASK, Scrub, names_a_secret

TEXT_CHARS_MAX: Final = 8_192
TRACEBACK_LINES_MAX: Final = 200
TRACEBACK_LINE_CHARS_MAX: Final = 2_048
VALUES_MAX: Final = 256
DEPTH_MAX: Final = 6
MULTILINE: Final = frozenset({"exception", "stack"})

Plain = str | int | float | bool | None | list["Plain"] | dict[str, "Plain"]


class Clean:
    """A structlog processor. It raises nothing."""

    def __init__(self, scrub: Scrub) -> None:
        self._scrub = scrub

    def __call__(self, _logger: WrappedLogger, _name: str, event_dict: EventDict) -> EventDict:
        """The same event in plain values."""
        walk = _Walk(self._scrub)
        return {
            walk.text(name): walk.lines(value) if name in MULTILINE else walk.field(name, value, DEPTH_MAX)
            for name, value in event_dict.items()
        }


class _Walk:
    """One event's way through `Clean`, with what it may still spend."""

    def __init__(self, scrub: Scrub) -> None:
        self._scrub = scrub
        self._values_left = VALUES_MAX

    def text(self, text: str) -> str:
        """One line of text, fit for a log."""
        return self._cut(text, TEXT_CHARS_MAX)

    def lines(self, value: object) -> str:
        """Several lines, each fit for a log. Of a long traceback the end stays: it says what happened."""
        lines = str(value).split("\n")
        kept = lines[-TRACEBACK_LINES_MAX:]
        if len(kept) < len(lines):
            kept[0] = "…"
        return "\n".join(self._cut(line, TRACEBACK_LINE_CHARS_MAX) for line in kept)

    def field(self, name: object, value: object, depth: int) -> Plain:
        """The value of a named field: blank if the name is that of a credential."""
        name = _decoded(name)
        if isinstance(name, str) and value is not None and names_a_secret(name):
            return MASK
        return self.value(value, depth)

    def value(self, value: object, depth: int) -> Plain:
        """Any value in plain ones."""
        self._values_left -= 1
        if self._values_left < 0:
            return "…"
        value = _decoded(value)
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int | float):
            return value if _fits_json(value) else self.text(_said_by(value))
        if isinstance(value, Mapping):
            return self._fields(value, depth - 1)
        if isinstance(value, list | tuple | set | frozenset):
            return self._members(tuple(value)[:VALUES_MAX], depth - 1)
        return self.text(_said_by(value))

    def _cut(self, text: str, chars_max: int) -> str:
        """Scrubbed before it is cut, for half a key does not look like one; and bounded before that."""
        return shorten(escape(self._scrub(text[: 2 * chars_max])), chars_max)

    def _fields(self, fields: Mapping[object, object], depth: int) -> Plain:
        if depth < 0:
            return "…"
        return {
            self.text(_said_by(_decoded(name))): self.field(name, value, depth)
            for name, value in tuple(fields.items())[:VALUES_MAX]
        }

    def _members(self, members: tuple[object, ...], depth: int) -> Plain:
        if depth < 0:
            return "…"
        if len(members) == 2 and isinstance(_decoded(members[0]), str):  # a header, perhaps
            return [self.value(members[0], depth), self.field(members[0], members[1], depth)]
        return [self.value(member, depth) for member in members]


def _decoded(value: object) -> object:
    """Bytes as text, anything else as it is."""
    if isinstance(value, bytes | bytearray):
        return bytes(value[: TEXT_CHARS_MAX + 1]).decode("utf-8", "backslashreplace")
    return value


def _fits_json(number: float) -> bool:
    """Whether a reader of JSON takes the number: no NaN, no infinity, no integer of a thousand digits."""
    return -(2.0**63) <= number < 2.0**64  # NaN is not


def _said_by(value: object) -> str:
    """What an object says of itself, also when saying so fails."""
    try:
        return value if isinstance(value, str) else repr(value)
    except Exception as trouble:  # noqa: BLE001 whatever a repr raises, the line is written
        return f"<{type(value).__name__} whose repr raised {type(trouble).__name__}>"
