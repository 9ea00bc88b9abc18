"""Moments as text: RFC 3339, UTC, milliseconds. A second is rendered once, for all lines that fall in it."""

import time


class Moments:
    """Renders seconds since 1970 as `2027-01-31T08:00:00.250Z`."""

    def __init__(self) -> None:
        self._second: int | None = None
        self._text = ""

    def __call__(self, at: float) -> str:
        """The moment `at`, cut (not rounded) to the millisecond."""
        second, thousandths = divmod(int(at * 1000), 1000)
        if second != self._second:
            self._text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._second = second
        return f"{self._text}.{thousandths:03d}Z"
