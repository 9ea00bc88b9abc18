"""A key in the path, for clients that know an address and nothing else: `/k/<key>/rest`.

Rules
1. Only `/k/` at the very beginning counts, then a text with our prefix in plain letters and digits, as long
   as most of a key, then `/`, `?` or the end. In any other spelling or place a key makes the path refused
   (`core.credentials` rule 5), and a path of the upstream's own that begins so by chance stays what it is.
2. The rest is a target of its own: it is read, judged and forwarded as if it had come alone. What may not
   stand in a target may not stand in the rest (`//`, dot segments, a second key).
3. Whether the key may be used so is its record's word (`ApiKey.in_path`), asked for in `core.policy`.
"""

import re
from functools import lru_cache
from typing import Final

from gateway.core.refusal import Deny
from gateway.core.request import Target, read_target

BEGINS: Final = b"/k/"
_CHARS_MIN: Final = 32  # of 49: shorter ones are no mistyped key but somebody's own word


def open_path(target: Target, prefix: str) -> tuple[str, Target] | Deny | None:
    """The key's text and the rest of the target; why that is refused; None where no key leads the path."""
    found = _leading(prefix).match(target.raw)
    if found is None:
        return None
    rest = target.raw[found.end() :]
    read = read_target(rest if rest.startswith(b"/") else b"/" + rest, slashes=target.has_slash)
    return read if isinstance(read, Deny) else (found[1].decode("ascii"), read)


@lru_cache(maxsize=16)
def _leading(prefix: str) -> re.Pattern[bytes]:
    return re.compile(rf"/k/({prefix}_[0-9A-Za-z]{{{_CHARS_MIN},}})(?=[/?]|\Z)".encode())
