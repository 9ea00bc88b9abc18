"""The clock: keys live and end by it, so it must not be far off; and it must run as fast as time does.

Whether it lies behind the newest record of the store is told with the store, where that is read.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from gateway.cli.doctor.finding import Finding, Patient, fail, ok

BUILT: Final = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
"""No Keyhatch is older than this, so no true clock shows an earlier time."""
YEARS_MAX: Final = 50
WATCHED_S: Final = 0.2
DRIFT_MAX_S: Final = 0.1
_MEND: Final = "set the clock of this machine (NTP), or keys live and end at wrong times"


def look(patient: Patient) -> Iterator[Finding]:
    """Whether the time is possible, and goes on as it should."""
    now = patient.clock.now()
    shown = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if now < BUILT:
        yield fail("clock", f"it shows {shown}, before this program was made", _MEND)
    elif now > BUILT + YEARS_MAX * 365.25 * 86_400:
        yield fail("clock", f"it shows {shown}, which is far ahead", _MEND)
    else:
        yield ok("clock", f"it shows {shown}")
    began, wall = patient.clock.monotonic(), patient.clock.now()
    time.sleep(WATCHED_S)
    drift = abs((patient.clock.now() - wall) - (patient.clock.monotonic() - began))
    if drift > DRIFT_MAX_S:
        yield fail("clock", f"it jumped by {drift:.1f} s while it was watched", _MEND)
