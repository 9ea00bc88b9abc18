"""What is moved at once: strings that become keys, records of another gateway, and what came of it.

Values only. A string that somebody has already is in here as its digest: it never leaves the process that
read it.
"""

from dataclasses import dataclass, field
from typing import Final, Literal

from gateway.keeper.ports import WholeKey

KEYS_MAX: Final = 10_000
"""They are written in one transaction and asked for in one question. More than these move as a whole file."""
PAGE_KEYS_MAX: Final = 500
DIGESTS_MAX: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Existing:
    """A string that is to become a key. `line`: where it stood, for whoever has to mend it."""

    name: str
    digest: bytes = field(repr=False)
    preview: str
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyImport:
    """What to import. Scopes, owner, note and expiry are those of all `existing`; `records` have their own.

    `skip_existing`: pass over what is here already instead of refusing all. `dry_run`: check, write nothing.
    """

    existing: tuple[Existing, ...] = ()
    records: tuple[WholeKey, ...] = ()
    scopes: tuple[str, ...] = ()
    owner: str = ""
    note: str = ""
    expires_at: float | Literal["default"] | None = "default"
    created_by: str = ""
    skip_existing: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """What an import tells of each key: there may be ten thousand."""

    id: str
    name: str
    preview: str


@dataclass(frozen=True, slots=True)
class Imported:
    """The keys that were made (or would be), and how many were passed over."""

    keys: tuple[Named, ...]
    skipped: int
