"""What addresses are signed with: a key derived from the vault's (`gateway.service.vault_key`).

Where that is missing nothing is signed. It is no error of its own: signed addresses are refused then, and
whoever asks for one is told the mend.
"""

from gateway.config.load import Loaded
from gateway.core.signed_url import signing_key
from gateway.service.vault_key import find_vault_key


def signing_of(loaded: Loaded) -> bytes | None:
    """What signs, None for nothing."""
    raw = find_vault_key(loaded).raw
    return None if raw is None else signing_key(raw)
