"""The system's two clocks, as `gateway.keeper.ports.Clock` wants them. Tests bring their own."""

import time


class SystemClock:
    """Wall clock and monotonic clock of this machine: the functions themselves, as each request asks them."""

    now = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)
