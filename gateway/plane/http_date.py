"""The `Date` of answers that have none: asked of the injected clock, put into words once a second.

An origin server with a clock sends one, and for its own answers the gateway is the origin; whoever passes on
an answer without one says when it came (RFC 9110 §6.6.1). What an upstream says is passed on as it is.
"""

from gateway.keeper.ports import Clock
from gateway.wire.date import http_date


class HttpDate:
    """Call it for the value of `Date` at this moment."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._second = -1
        self._text = b""

    def __call__(self) -> bytes:
        """The current second as an IMF-fixdate."""
        second = int(self._clock.now())
        if second != self._second:
            self._second, self._text = second, http_date(second).encode("ascii")
        return self._text
