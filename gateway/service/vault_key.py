"""Where the vault's key comes from: the file or the variable that the operator named, read anew each time.

A key that is not there is no error of the configuration: the vault is locked then, and all else works. So is
it while the file holds anything but exactly one key. What is wrong is told with the mend, and never with what
stood in the file, nor where that lies.
"""

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gateway.config.load import Loaded
from gateway.config.vault_section import vault_key_of
from gateway.store.system import mode_of

NOT_NAMED: Final = "no vault key is configured: name one with vault.key_file, or give it as vault.key"
_BYTES_MAX: Final = 4_096
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Found:
    """The key's bytes; or None, and why (with the mend). `others` can read its file."""

    raw: bytes | None = field(repr=False)
    problem: str = ""
    others: bool = False


def find_vault_key(loaded: Loaded) -> Found:
    """The vault's key as it is now."""
    written, path = loaded.settings.vault.key, loaded.vault_key_path
    if written is not None:
        return Found(vault_key_of(written))
    return Found(None, NOT_NAMED) if path is None else read_vault_key(path)


def read_vault_key(path: Path) -> Found:
    """The key in this file, which holds it and at most a line's end behind it."""
    try:
        with path.open("rb") as file:
            others = bool(mode_of(os.fstat(file.fileno())) & _OTHERS)
            text = file.read(_BYTES_MAX).decode("ascii", "replace").removesuffix("\n").removesuffix("\r")
    except FileNotFoundError:
        return Found(
            None,
            "the file that vault.key_file names is missing: put it back, then reload; "
            "where there never was one, `keyhatch credentials new-key` makes it",
        )
    except OSError as error:
        why = error.strerror or type(error).__name__
        return Found(None, f"the file that vault.key_file names cannot be read ({why}): mend it, then reload")
    raw = vault_key_of(text)
    if raw is None:
        return Found(None, "the file that vault.key_file names holds no vault key: put the right one there")
    return Found(raw, others=others)
