"""What is written of credentials for upstreams: the credential itself, its place, and the vault's key.

Such a value is a secret: it is meant to come through `${VAR}` or `${file:PATH}`, or to be named by
`vault:NAME` and kept in the vault. No message repeats one, no `repr` holds one, and nobody is shown one.
"""

import base64
import binascii
import re
from typing import Annotated, Final, Self

from pydantic import Field, PlainValidator, model_validator

from gateway.config.problems import Unfit
from gateway.config.sections import Section
from gateway.wire.headers import CLAIM_PREFIX, CLAIMS, HOP_BY_HOP, OWN_PREFIX, REWRITTEN, UNLISTABLE

VAULT: Final = "vault:"
"""What a credential begins with that is kept in the vault; its name follows."""

VAULT_KEY_BYTES: Final = 32
CREDENTIAL_CHARS_MAX: Final = 8_192
SCHEMES: Final = ("bearer", "basic")
_NAME: Final = r"[a-z0-9](?:[a-z0-9]|[_-](?![_-])){0,62}(?<![_-])"
_HEADER: Final = r"[a-z][a-z0-9-]{0,62}"
_TEXT: Final = r"[!-~](?:[ -~]*[!-~])?"
_NO_PLACES: Final = HOP_BY_HOP | UNLISTABLE | REWRITTEN | CLAIMS


def read_credential_name(value: object) -> str:
    """The name of a credential in the vault."""
    if not isinstance(value, str) or re.fullmatch(_NAME, value) is None:
        raise Unfit("must be named with lower-case letters and digits, joined by single '-' or '_'")
    return value


def read_credential_text(value: object) -> str:
    """A credential as a server wants to see it: one line of visible ASCII, without `Bearer` before it."""
    if not isinstance(value, str) or not value:
        raise Unfit("is empty: it has to be the credential, or vault:NAME")
    if len(value) > CREDENTIAL_CHARS_MAX or re.fullmatch(_TEXT, value) is None:
        raise Unfit(f"must be one line of at most {CREDENTIAL_CHARS_MAX} visible ASCII characters")
    if value.lower().startswith(("bearer ", "basic ")):
        raise Unfit("must be the credential alone: credential_in says how it is sent")
    return value


def read_credential(value: object) -> str | None:
    """A credential, `vault:NAME`, or null for none."""
    if value is None:
        return None
    text = read_credential_text(value)
    if text.startswith(VAULT):
        read_credential_name(text.removeprefix(VAULT))
    return text


def read_credential_place(value: object) -> str:
    """Where a credential stands: `bearer`, `basic`, or the name of a header."""
    name = value.lower() if isinstance(value, str) else ""
    raw = name.encode("utf-8", "replace")
    if re.fullmatch(_HEADER, name) is None:
        raise Unfit("must be bearer, basic or the name of a header, like x-api-key")
    if raw in _NO_PLACES or raw.startswith((OWN_PREFIX, CLAIM_PREFIX)) or name.startswith("sec-websocket-"):
        raise Unfit("must not be a header that has another meaning")
    return name


def read_vault_key(value: object) -> str | None:
    """32 random bytes in base64, as `keyhatch credentials new-key` writes them; null for none."""
    if value is None:
        return None
    if not isinstance(value, str) or vault_key_of(value) is None:
        raise Unfit("must be 32 random bytes in base64, like those of `keyhatch credentials new-key`")
    return value


def vault_key_of(text: str) -> bytes | None:
    """The bytes of a vault's key; None for whatever is not exactly such a key."""
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        return None
    is_exact = len(raw) == VAULT_KEY_BYTES and base64.b64encode(raw).decode("ascii") == text
    return raw if is_exact else None


CredentialField = Annotated[str | None, PlainValidator(read_credential)]
CredentialPlace = Annotated[str, PlainValidator(read_credential_place)]
VaultKey = Annotated[str | None, PlainValidator(read_vault_key)]


class VaultSettings(Section):
    """What the credentials of upstreams are encrypted with in the store."""

    key_file: str | None = Field(
        default=None,
        min_length=1,
        description="The file with the vault's key, 32 random bytes in base64; relative to the configuration "
        "file. While it is missing the vault is locked.",
    )
    key: VaultKey = Field(
        default=None,
        repr=False,
        description="The key itself, for ${VAR}. Only one of the two can be said.",
    )

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if self.key_file is not None and self.key is not None:
            raise Unfit("key_file and key both say the vault's key: leave one out")
        return self
