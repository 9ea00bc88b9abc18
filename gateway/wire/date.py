"""Dates as HTTP writes them: IMF-fixdate, `Fri, 15 Jan 2027 08:00:00 GMT` (RFC 9110 §5.6.7).

`email.utils.formatdate` says the same and brings half of email, 0.5 MB, with it; `strftime` would speak the
language of whoever runs us.
"""

from datetime import UTC, datetime
from typing import Final

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def http_date(seconds: float) -> str:
    """A moment in seconds since 1970; fractions are left out."""
    at = datetime.fromtimestamp(seconds, UTC)
    return f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year:04} {at:%H:%M:%S} GMT"
