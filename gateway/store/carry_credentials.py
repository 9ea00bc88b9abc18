"""What a restore does with credentials of upstreams: what was set or removed since the backup stays so.

1. One that the store in place has is kept as it is there, and one that was removed there stays removed: what
   was replaced was replaced for a reason, and the value in the backup may have leaked since.
2. One that only the backup has, and that was never removed in place, comes in.
3. `as_it_was` takes all of them as the backup has them.
4. Each that is another after the restore than it was in place is recorded.

They are carried as they are, sealed. Whether they open is a question of the vault's key, which no backup has.
"""

import sqlite3
from collections.abc import Callable
from typing import Final

from gateway.keeper.audit import Described
from gateway.keeper.credentials import SealedCredential, described
from gateway.store.credential_rows import DELETE, PUT, SELECT, credential_of, row_of
from gateway.store.judge import Flaw

_REMOVED: Final = """
SELECT DISTINCT json_extract(before, '$.credential') FROM audit WHERE act = 'remove_credential'
"""

Tell = Callable[[Described | None, Described | None], None]
"""Record what one was in place, and what it is now."""


def credentials_in(connection: sqlite3.Connection) -> dict[str, SealedCredential]:
    """Every record, by its name; raises `Flaw` for one that cannot be read."""
    try:
        return {record.name: record for record in map(credential_of, connection.execute(SELECT))}
    except ValueError as error:
        raise Flaw("is damaged (a credential of an upstream cannot be read)") from error


def carry_credentials(
    draft: sqlite3.Connection, current: sqlite3.Connection, tell: Tell, *, as_it_was: bool
) -> None:
    """Make the draft's credentials what they shall be, within the caller's transaction."""
    backup, now = credentials_in(draft), credentials_in(current)
    if as_it_was:
        wanted = backup
    else:
        removed = {name for (name,) in current.execute(_REMOVED)}
        wanted = {name: record for name, record in backup.items() if name not in removed} | now
    for name in sorted(backup.keys() | wanted.keys()):
        record = wanted.get(name)
        if record is None:
            draft.execute(DELETE, (name,))
        elif record != backup.get(name):
            draft.execute(PUT, row_of(record))
    for name in sorted(now.keys() | wanted.keys()):
        before, after = described(now.get(name)), described(wanted.get(name))
        if before != after:
            tell(before, after)
