"""What is ours: the prefix of the secrets we make, and the digests of those that were imported.

An imported secret has no form of its own, so it is known by its digest alone, and only where it stands as a
whole credential. The digests are held whole in memory: to ask whether one is there awaits nothing.

`Ours` is an immutable value. A change makes another one, so that whoever remembers what followed from it can
tell by identity that it no longer holds. While the digests are not known (`imported` is None) nobody can say
that a credential is foreign, and no request that shows one may pass.
"""

from dataclasses import dataclass, field
from typing import Final

from gateway.core.keys import digest_of

IMPORTED_CHARS_MIN: Final = 16
IMPORTED_CHARS_MAX: Final = 512
"""No other text is ever imported, so no other one is hashed."""


@dataclass(frozen=True, slots=True)
class Ours:
    """The prefix, and the digests of imported secrets; None where they could not be read.

    `asks` is all that a request without such a secret has to look at: false where nothing was imported.
    """

    prefix: str
    imported: frozenset[bytes] | None = field(default=frozenset(), repr=False)
    asks: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "asks", self.imported is None or bool(self.imported))

    def imported_digest(self, text: str) -> bytes | None:
        """The digest of an imported secret, or None for any other text."""
        if not self.imported or not could_be_imported(text):
            return None
        digest = digest_of(text)
        return digest if digest in self.imported else None


def could_be_imported(text: str) -> bool:
    """Whether a text has the length of an imported secret."""
    return IMPORTED_CHARS_MIN <= len(text) <= IMPORTED_CHARS_MAX
