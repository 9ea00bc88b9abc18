"""Logs: what the operator reads. Structured, scrubbed, and never in a request's way.

`configure` routes structlog and the standard library's logging (and by it aiohttp's, asyncio's and
aiosqlite's) into one pipeline: JSON lines, or readable ones on a terminal. `AccessLog` writes one line for
each exchange. Both end in one `Sink`, whose thread does the writing.

Promises
1. No secret reaches a line. `gateway.core.keys.Secret` masks itself; behind it stands a scrubber that
   blanks what has the form of a key, wherever it stands in a line, exceptions included.
2. One event is one line: control characters from outside are escaped, so no caller can forge a line or
   command a terminal.
3. A reader that is slow, stuck or gone costs log lines, which are counted, and never a request.
"""

from gateway.logs.access import AccessLog
from gateway.logs.observers import Observers
from gateway.logs.setup import LogFormat, Logs, configure

__all__ = ["AccessLog", "LogFormat", "Logs", "Observers", "configure"]
