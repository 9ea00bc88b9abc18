"""Sealed credentials in a dictionary: the part of the store in memory that holds them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace

from gateway.core.keys import ApiKey
from gateway.keeper.audit import Act, Described
from gateway.keeper.credentials import (
    CredentialNote,
    CredentialNotFound,
    SealedCredential,
    assert_follows,
    described,
)
from gateway.store.faults import StoreConflict


class MemoryCredentials(ABC):
    """Credentials by name."""

    def __init__(self) -> None:
        self._credentials: dict[str, SealedCredential] = {}

    @abstractmethod
    def _assert_open(self) -> None: ...

    @abstractmethod
    def _tell(
        self,
        act: Act,
        key_id: str | None,
        before: ApiKey | Described | None,
        after: ApiKey | Described | None,
    ) -> None: ...

    async def credentials(self) -> list[SealedCredential]:
        """All of them, by name."""
        self._assert_open()
        return [self._credentials[name] for name in sorted(self._credentials)]

    async def put_credentials(self, sealed: Sequence[SealedCredential], act: Act) -> None:
        """Add or replace, all or none."""
        self._assert_open()
        found = [(self._credentials.get(each.name), each) for each in sealed]
        for before, each in found:
            if (conflict := assert_follows(before, each)) is not None:
                raise StoreConflict(conflict)
        for before, each in found:
            last = each.last_used_at if before is None else before.last_used_at
            self._credentials[each.name] = replace(each, last_used_at=last)
            self._tell(act, None, described(before), described(each))

    async def remove_credential(self, name: str, act: Act) -> None:
        """Remove one."""
        self._assert_open()
        before = self._credentials.pop(name, None)
        if before is None:
            raise CredentialNotFound(f"there is no credential {name!r} in the vault")
        self._tell(act, None, described(before), None)

    async def note_credentials(self, notes: Sequence[CredentialNote]) -> None:
        """Write what use left behind."""
        self._assert_open()
        for note in notes:
            old = self._credentials.get(note.name)
            if old is not None:
                used = [at for at in (old.last_used_at, note.last_used_at) if at is not None]
                self._credentials[note.name] = replace(
                    old, last_used_at=max(used, default=None), refused_at=note.refused_at
                )
