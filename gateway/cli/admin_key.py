"""The first admin key: made when a gateway starts on an empty store, shown once or written beside the store.

There is no default credential anywhere. Whoever sits before the terminal on which the gateway starts is shown
the key; where nobody does, it is written to `admin.key`, which only the gateway's user can read. A key that
could not be written is removed again: nobody would ever know it.
"""

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from gateway.cli.loading import door
from gateway.cli.missing import ADMIN_SCOPE, may_manage_all
from gateway.cli.output import say
from gateway.config.load import Loaded
from gateway.core.keys import ApiKey, Secret, Status
from gateway.keeper.desk import KeyDesk, KeyDraft
from gateway.store.system import NEW

FILE_NAME: Final = "admin.key"
KEY_NAME: Final = "admin"
CREATED_BY: Final = "keyhatch"
ADMIN: Final = KeyDraft(
    name=KEY_NAME,
    scopes=(ADMIN_SCOPE,),
    note="The first key of this store: it manages all others.",
    expires_at=None,
    created_by=CREATED_BY,
)
SHOWN: Final = """
This store is new, so here is its admin key. It is shown this once: keep it in a password manager.
Sign in with it in a browser, {admin}/, or manage all other keys at {admin}/api/v1.
Should it be lost, `keyhatch admin reset` makes another.

  export ADMIN="Authorization: Bearer {key}"
"""
NOT_WRITTEN: Final = "no admin key was made, %s cannot be written: %s; `keyhatch admin reset` makes one"

_log: Final = logging.getLogger("gateway.cli")


async def make_first_key(
    desk: KeyDesk, loaded: Loaded, *, for_people: bool, tell: Callable[[str], None] = say
) -> None:
    """Make the admin key of a store that holds no key at all; `tell` shows it to people."""
    file = None if loaded.store_path is None else key_file(loaded.store_path)
    if file is None and not for_people:
        return  # a store in memory, and nobody to show a key to
    key, secret = await desk.create(ADMIN)
    if for_people or file is None:
        server = loaded.settings.server
        tell(SHOWN.format(key=secret.reveal(), admin=door(server.admin, tls=server.tls.admin)))
        return
    try:
        write_secret(file, secret)
    except OSError as error:
        await desk.revoke(key.id)
        await desk.delete(key.id)
        _log.error(NOT_WRITTEN, file, error.strerror)
    else:
        _log.warning("the admin key of this new store is in %s: keep it elsewhere and delete the file", file)


def key_file(store_path: Path) -> Path:
    """Where the admin key of a store is written."""
    return store_path.absolute().with_name(FILE_NAME)


def write_secret(path: Path, secret: Secret) -> None:
    """Write a secret to a file that only its owner can read from its first moment; raises `OSError`."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, NEW, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{secret.reveal()}\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise


async def find_admin_key(desk: KeyDesk, now: float) -> ApiKey | None:
    """The key that a first start made, if it still lives and may still do everything: the oldest such.

    Name and maker alone prove nothing: whoever may make any key could make one that looks like it, and would
    find it switched on and handed out as the admin's.
    """
    dead = (Status.REVOKED, Status.EXPIRED)
    for key in reversed(await desk.list_keys("all")):
        is_first = (key.name, key.created_by) == (KEY_NAME, CREATED_BY) and may_manage_all(key)
        if is_first and key.status(now) not in dead:
            return key
    return None
