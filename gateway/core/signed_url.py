"""Signed addresses: a path and query that open for a while without a key, for `<audio>` and `<img>`.

Three parameters at the very end of the query, named after the prefix: `kh_key` (the key's id), `kh_expires`
(seconds since 1970) and `kh_signature`. Rules:

1. The signature is HMAC-SHA-256 over the version, `GET` (which stands for HEAD too), the path and the rest
   of the query exactly as received, the key's id and the end; in base64url, compared as text and in constant
   time, so that no other spelling of it passes.
2. It is made with a key that is derived from the vault's key (HKDF, RFC 5869) and from the digest of the
   secret that stands behind it. So a copy of the store alone signs nothing, and a signature ends with the
   secret it was made for: when the key is rotated, with the overlap.
3. The group stands once, whole, in this order and plain spelling. Its names anywhere else in the query, in
   any spelling, make the request refused; whatever they carry is cut out either way.
4. A signature says nothing about what its key may do: that is judged as ever (`core.policy`).
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from gateway.core.amid import decodings
from gateway.core.keys import ApiKey

VERSION: Final = b"keyhatch signed address 1"
METHODS: Final = frozenset({"GET", "HEAD"})
LIFE_S_MAX: Final = 86_400.0
_PURPOSE: Final = b"keyhatch vault v1: sign addresses"
_HASH_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature as it was shown: for which key, until when, and over what."""

    key_id: str
    expires_at: int
    message: bytes = field(repr=False)
    signature: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Group:
    """What was read of a query: the signature, None if it cannot be one; and the query without any of it."""

    signed: Signed | None
    rest: bytes = field(repr=False)


def signing_key(vault_key: bytes) -> bytes:
    """What signs, derived from the vault's key; raises `ValueError` for one that is too short."""
    if len(vault_key) < _HASH_BYTES:
        raise ValueError("a vault's key has 32 bytes")
    extracted = _mac(bytes(_HASH_BYTES), vault_key)
    return _mac(extracted, _PURPOSE + b"\x01")


def sign(key: bytes, digest: bytes, key_id: str, path: bytes, query: bytes, expires_at: int) -> bytes:
    """The signature's text. `key` is `signing_key`'s, `digest` that of the secret it stands for."""
    return _text(key, digest, _message(path, query, key_id, expires_at))


def signed_query(prefix: str, query: bytes, key_id: str, expires_at: int, signature: bytes) -> bytes:
    """The query with the group behind it."""
    group = b"%b_key=%b&%b_expires=%d&%b_signature=%b"
    name = prefix.encode("ascii")
    own = group % (name, key_id.encode("ascii"), name, expires_at, name, signature)
    return query + b"&" + own if query else own


def read_group(path: str, query: bytes, prefix: str) -> Group | None:
    """The group in a query; None where none of its names stands there."""
    names, whole = _grammar(prefix)
    found = whole.search(query)
    before = query if found is None else query[: found.start()]
    parts = before.split(b"&")
    kept = [part for part in parts if _name_of(part) not in names]
    rest = b"&".join(kept)
    if len(kept) != len(parts):
        return Group(None, rest)
    if found is None:
        return None
    key_id, expires_at = found[1].decode("ascii"), int(found[2])
    message = _message(path.encode("ascii"), rest, key_id, expires_at)
    return Group(Signed(key_id, expires_at, message, found[3]), rest)


def digest_behind(key: bytes, signed: Signed, record: ApiKey) -> bytes | None:
    """The digest of the secret of this record that a signature stands for; None if it is wrong."""
    found = None
    for digest in (record.digest, record.previous_digest):
        if digest and hmac.compare_digest(_text(key, digest, signed.message), signed.signature):
            found = found or digest
    return found


def holds_signature(value: bytes, prefix: str) -> bool:
    """Whether a signature of ours stands amid a text, percent-encoded or not."""
    if b"ignature" not in value and b"%" not in value:
        return False
    mark = prefix.encode("ascii") + b"_signature="
    return any(mark in decoded for decoded in decodings(value))


def _message(path: bytes, query: bytes, key_id: str, expires_at: int) -> bytes:
    """No part can hold a line's end, so none can pass for another."""
    return b"\n".join((VERSION, b"GET", path, query, key_id.encode("ascii"), b"%d" % expires_at))


def _text(key: bytes, digest: bytes, message: bytes) -> bytes:
    return base64.urlsafe_b64encode(_mac(_mac(key, digest), message)).rstrip(b"=")


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def _name_of(part: bytes) -> bytes:
    name = part.partition(b"=")[0]
    if b"%" in name:
        *_, name = decodings(name)
    return name.strip().lower()


@lru_cache(maxsize=16)
def _grammar(prefix: str) -> tuple[frozenset[bytes], re.Pattern[bytes]]:
    names = frozenset(f"{prefix}_{name}".encode() for name in ("key", "expires", "signature"))
    values = {"key": r"(\w{1,64})", "expires": r"([1-9][0-9]{0,11})", "signature": r"([\w-]{43})"}
    group = "&".join(f"{prefix}_{name}={value}" for name, value in values.items())
    return names, re.compile(rf"(?:\A|&){group}\Z".encode(), re.ASCII)
