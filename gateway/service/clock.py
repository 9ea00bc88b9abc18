"""The system's two clocks, as `gateway.keeper.ports.Clock` wants them. Tests bring their own."""

import time


class SystemClock:
    """Wall clock and monotonic clock of this machine."""

    @staticmethod
    def now() -> float:
        """Seconds since 1970, UTC."""
        return time.time()

    @staticmethod
    def monotonic() -> float:
        """Seconds since some moment, never backwards."""
        return time.monotonic()
