"""Keys: the grammar of a secret, its checksum, digest and preview, and the record we keep of it.

A secret is `<prefix>_<43 base62 characters of 32 random bytes><6 base62 characters of CRC32>`, the layout
GitHub introduced for its tokens: the underscore lets a double click select the whole, the prefix lets
secret scanners find it, the checksum tells a typo from an unknown key without asking the store.

Promises of this room
1. The CRC32 is taken over the 43 body characters (ASCII), big-endian, base62 alphabet 0-9A-Za-z.
2. Only a SHA-256 digest of the whole text is ever kept. 256 random bits need no slow hash: there is
   nothing to guess, and a slow hash would be a denial of service we do to ourselves.
3. `Secret` never shows itself: its repr and str are masked, and it does not pickle.
4. A record (`ApiKey`) is an immutable value; whether it is alive is computed from `now`, never stored.
"""

import hashlib
import re
import zlib
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import Final, NoReturn

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ENTROPY_BYTES: Final = 32
BODY_CHARS: Final = 43  # ceil(256 / log2(62))
CHECKSUM_CHARS: Final = 6  # ceil(32 / log2(62))
EXPIRING_WINDOW_S: Final = 14 * 86_400.0
_PAIRS: Final = "".join(
    a + b for a in ALPHABET for b in ALPHABET
)  # two digits: 0.5 µs, not 2 (a tuple: 290 KiB more)
PREFIX_PATTERN: Final = re.compile(r"[a-z][a-z0-9]{0,15}")

Network = IPv4Network | IPv6Network


class Secret:
    """The text of a key, wrapped so that no log line, traceback or repr can show it by accident."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself. Call it only where a person or the store's digest needs it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(****)"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not serialised")


class Shape(StrEnum):
    """What a text that claims to be a key looks like."""

    WELL_FORMED = "well_formed"
    NOT_OURS = "not_ours"
    WRONG_LENGTH = "wrong_length"
    WRONG_CHARACTERS = "wrong_characters"
    WRONG_CHECKSUM = "wrong_checksum"


class Status(StrEnum):
    """How a key stands at a moment. `expiring`: it works, and ends within 14 days."""

    ACTIVE = "active"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    DISABLED = "disabled"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """One key's record. Times are seconds since 1970 (UTC); digests are 32 bytes of SHA-256, never shown.

    `revision` counts the changes that management made, from 1 on. `previous_until_first_use`: the
    secret before ends as soon as the new one is used. `in_path`: it may lead a path (`core.path_key`).
    """

    id: str
    name: str
    preview: str
    digest: bytes = field(repr=False)
    scopes: frozenset[str]
    created_at: float
    created_by: str = ""
    owner: str = ""
    note: str = ""
    allow_from: tuple[Network, ...] = ()
    expires_at: float | None = None
    disabled_at: float | None = None
    revoked_at: float | None = None
    rotated_at: float | None = None
    previous_digest: bytes | None = field(default=None, repr=False)
    previous_preview: str | None = None
    previous_secret_valid_until: float | None = None
    previous_until_first_use: bool = False
    previous_secret_last_used_at: float | None = None
    previous_secret_last_used_from: str | None = None
    last_used_at: float | None = None
    last_used_from: str | None = None
    use_count: int = 0
    revision: int = 1
    in_path: bool = False

    def status(self, now: float) -> Status:
        """Revocation outweighs expiry, expiry outweighs a switch: enabling an expired key would not help."""
        if self.revoked_at is not None:
            return Status.REVOKED
        if self.expires_at is not None and now >= self.expires_at:
            return Status.EXPIRED
        if self.disabled_at is not None:
            return Status.DISABLED
        if self.expires_at is not None and now >= self.expires_at - EXPIRING_WINDOW_S:
            return Status.EXPIRING
        return Status.ACTIVE

    def was_used_since(self, moment: float) -> bool:
        """Whether the last use was then or later."""
        return self.last_used_at is not None and self.last_used_at >= moment

    def is_unused_since(self, moment: float) -> bool:
        """Whether it was there already and was not used from then on; a newer key had no time to be used."""
        return self.created_at <= moment and not self.was_used_since(moment)

    def overlap_runs(self, now: float) -> bool:
        """Whether the secret before the last rotation has not ended yet."""
        until = self.previous_secret_valid_until
        return until is not None and now < until


def encode_base62(number: int, width: int) -> str:
    """`number` in base62, most significant digit first, padded with `0` to `width` characters."""
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(ALPHABET[digit])
    if number:
        raise ValueError("number does not fit the width")
    return "".join(reversed(digits))


def checksum(body: str) -> str:
    """CRC32 (ISO 3309) of the body's ASCII bytes as six base62 characters."""
    high, low = divmod(zlib.crc32(body.encode("ascii")), 3_844)
    high, middle = divmod(high, 3_844)
    return (
        _PAIRS[2 * high : 2 * high + 2] + _PAIRS[2 * middle : 2 * middle + 2] + _PAIRS[2 * low : 2 * low + 2]
    )


def compose_secret(prefix: str, entropy: bytes) -> Secret:
    """A new secret from exactly 32 random bytes, which the caller draws from the system's generator."""
    if len(entropy) != ENTROPY_BYTES:
        raise ValueError(f"entropy must be {ENTROPY_BYTES} bytes")
    body = encode_base62(int.from_bytes(entropy, "big"), BODY_CHARS)
    return Secret(f"{prefix}_{body}{checksum(body)}")


def secret_length(prefix: str) -> int:
    """How many characters a secret with this prefix has."""
    return len(prefix) + 1 + BODY_CHARS + CHECKSUM_CHARS


def shape_of(text: str, prefix: str) -> Shape:
    """Judge a text by its grammar alone; it says nothing about whether such a key exists."""
    if not text.startswith(prefix + "_"):
        return Shape.NOT_OURS
    rest = text[len(prefix) + 1 :]
    if rest and not (rest.isascii() and rest.isalnum()):
        return Shape.WRONG_CHARACTERS
    if len(rest) != BODY_CHARS + CHECKSUM_CHARS:
        return Shape.WRONG_LENGTH
    if checksum(rest[:BODY_CHARS]) != rest[BODY_CHARS:]:
        return Shape.WRONG_CHECKSUM
    return Shape.WELL_FORMED


def digest_of(text: str) -> bytes:
    """SHA-256 of the whole secret, prefix included: the only trace of it that is kept."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def preview_of(secret: Secret) -> str:
    """`kh_AbCd…wXyZ`: enough to tell one's keys apart, useless to a thief (over 200 bits stay hidden)."""
    prefix, _, rest = secret.reveal().rpartition("_")
    return f"{prefix}_{rest[:4]}…{rest[-4:]}"
