"""Sealing: AES-256-GCM over a credential's value, with keys that are derived from the vault's key.

1. The vault's key is 32 random bytes that an operator keeps. It is bound to no machine and no user: whoever
   has the store and the key has the credentials, wherever they are.
2. It is never used itself. HKDF-SHA256 makes the key that seals, and apart from it the id that names it: a
   record sealed with another key is recognised, and told from one that was damaged.
3. Each value is sealed with a random nonce of its own, and bound to its name and version: a record under
   another name, or an older one in its place, does not open.

Loaded when a credential of the vault is first needed; `cryptography` takes some megabytes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.keeper.credentials import SealedCredential, preview_of

KEY_BYTES: Final = 32
KEY_ID_BYTES: Final = 8
NONCE_BYTES: Final = 12
_SEALS: Final = b"keyhatch vault v1: seal credentials"
_NAMES: Final = b"keyhatch vault v1: name the key"


class Damaged(Exception):
    """It was sealed with this key and does not open."""


@dataclass(frozen=True, slots=True)
class VaultKey:
    """What seals, and the id by which records name it."""

    id: bytes = field(repr=False)
    _key: bytes = field(repr=False)

    @classmethod
    def of(cls, raw: bytes) -> "VaultKey":
        """The key that is derived from the operator's 32 bytes."""
        if len(raw) != KEY_BYTES:
            raise ValueError("a vault's key has 32 bytes")
        return cls(_derived(raw, _NAMES, KEY_ID_BYTES), _derived(raw, _SEALS, KEY_BYTES))

    def seal(
        self, name: str, version: int, value: str, *, at: float, by: str, entropy: Callable[[int], bytes]
    ) -> SealedCredential:
        """A value as the store may have it."""
        nonce = entropy(NONCE_BYTES)
        sealed = AESGCM(self._key).encrypt(nonce, value.encode("utf-8"), _bound_to(name, version))
        return SealedCredential(name, version, self.id, nonce, sealed, preview_of(value), at, by)

    def opens(self, record: SealedCredential) -> bool:
        """Whether the record was sealed with this key, by what it says."""
        return record.key_id == self.id

    def open(self, record: SealedCredential) -> str:
        """The value; raises `Damaged`."""
        try:
            value = AESGCM(self._key).decrypt(
                record.nonce, record.sealed, _bound_to(record.name, record.version)
            )
            return value.decode("utf-8")
        except (InvalidTag, ValueError):
            raise Damaged(record.name) from None


def _bound_to(name: str, version: int) -> bytes:
    return b"keyhatch credential\0%b\0%d" % (name.encode("utf-8"), version)


def _derived(raw: bytes, purpose: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=purpose).derive(raw)
