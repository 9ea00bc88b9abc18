"""Which pages of other origins may call a route, and read what it answers (the Fetch standard's CORS).

CORS opens nothing by itself: who calls shows a key as everybody does. It says to browsers which pages may
send one and read the answer. An origin that is listed by name may have its user's browser send what that
sends by itself too (cookies, a remembered Basic); where any origin is answered, the others may not.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Cors:
    """The origins that are answered by name, as browsers call them, and whether all others are too."""

    origins: frozenset[str] = frozenset()
    any_origin: bool = False

    def answers(self, origin: str) -> bool:
        """Whether pages of this origin are answered."""
        return self.any_origin or origin in self.origins


ANY_ORIGIN: Final = Cors(any_origin=True)


def any_of(several: Iterable[Cors | None]) -> Cors | None:
    """What answers every origin that one of these does."""
    found = [cors for cors in several if cors is not None]
    if not found:
        return None
    listed = frozenset[str]().union(*(cors.origins for cors in found))
    return Cors(listed, any(cors.any_origin for cors in found))
