"""The part of the keyring that moves keys in and out, many at once, and knows secrets by their digests.

1. An import is one transaction: all of it or nothing, with an entry of the audit for each key.
2. What is here already is named, by line or id, and refuses all, or is passed over where that is asked.
3. An imported secret never opens the management of keys, neither at its import nor by a later edit while it
   still works: it was made who knows how, and lay who knows where.
4. Limits per owner count imported keys too.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from gateway.core.keys import ApiKey, Shape, Status, digest_of, encode_base62
from gateway.core.ours import could_be_imported
from gateway.core.policy import standing
from gateway.core.refusal import Reason
from gateway.core.scopes import is_reserved
from gateway.keeper.audit import Act, ActName, Once
from gateway.keeper.batch import DIGESTS_MAX, KEYS_MAX, PAGE_KEYS_MAX, Existing, Imported, KeyImport, Named
from gateway.keeper.bounds import can_be_shown
from gateway.keeper.desk import (
    KeyDraft,
    Problem,
    RuleBroken,
    StateConflict,
    Verification,
    quoted,
)
from gateway.keeper.ports import Clock, KeyStore, WholeKey
from gateway.keeper.terms import Rules, Terms, terms_of

ID_CHARS: Final = 16
_TOLD_MAX: Final = 20
_AT_ONCE: Final = 128
"""Names that are judged before others get their turn, 3 ms."""
_DEAD: Final = (Status.REVOKED, Status.EXPIRED)


def refuse(problems: list[Problem]) -> None:
    """Raise `RuleBroken` if there is any; of very many only the first are told."""
    if problems:
        told = [f"{each.field}: {each.message}" for each in problems[:_TOLD_MAX]]
        more = len(problems) - _TOLD_MAX
        told += [f"and {more} lines more"] if more > 0 else []
        raise RuleBroken("nothing was imported. " + "; ".join(told), tuple(problems))


class MovingKeys(ABC):
    """What `gateway.keeper.keyring.Keyring` has for moving."""

    rules: Rules
    _store: KeyStore
    _clock: Clock
    _entropy: Callable[[int], bytes]
    _on_change: Callable[[str, ApiKey | None], None]
    _on_import: Callable[[Mapping[bytes, str]], None]
    _latest: Callable[[ApiKey], ApiKey]
    _creating: asyncio.Lock

    @abstractmethod
    def _act(self, what: ActName, once: Once | None = None) -> Act: ...

    async def import_keys(self, asked: KeyImport) -> Imported:
        """Make keys of existing strings, or records of another gateway; all of them or none."""
        return await asyncio.shield(asyncio.ensure_future(self._import(asked)))

    async def export_keys(self, after: int = 0, limit: int = PAGE_KEYS_MAX) -> list[tuple[int, WholeKey]]:
        """Records with numbers beyond `after`, oldest first, with every digest that leads to them."""
        found = await self._store.whole_keys(after, min(limit, PAGE_KEYS_MAX))
        return [(number, WholeKey(self._latest(whole.key), whole.secrets)) for number, whole in found]

    async def verify_digests(self, digests: Sequence[bytes]) -> list[Verification]:
        """What stands behind each digest, and why its secret would be refused now."""
        if len(digests) > DIGESTS_MAX:
            raise RuleBroken(f"{len(digests)} digests are too many: {DIGESTS_MAX} is the most")
        found = await self._store.find_by_digests(digests)
        now = self._clock.now()
        return [self._found(found.get(digest), digest, now) for digest in digests]

    def new_id(self) -> str:
        """An id that no key has."""
        number = int.from_bytes(self._entropy(ID_CHARS), "big") % 62**ID_CHARS
        return f"key_{encode_base62(number, ID_CHARS)}"

    async def imported_digest(self, text: str) -> bytes | None:
        """The digest of an imported secret, None for any other text."""
        if not could_be_imported(text):
            return None
        digest = digest_of(text)
        is_held = await self._store.find_by_digest(digest) is not None
        return digest if is_held and digest in await self._store.imported() else None

    async def refuse_management(self, key: ApiKey, scopes: Iterable[str], now: float) -> None:
        """Raise `RuleBroken` where scopes would let an imported secret manage keys (rule 3)."""
        if not any(map(is_reserved, scopes)):
            return
        if not _living(key, now).isdisjoint(await self._store.imported()):
            raise RuleBroken(
                f"key {key.id} works with an imported secret, which never manages keys: rotate it, and let "
                "the old secret end first"
            )

    def _found(self, key: ApiKey | None, digest: bytes, now: float) -> Verification:
        if key is None:
            return Verification(shape=Shape.WELL_FORMED, reason=Reason.KEY_UNKNOWN)
        dead = standing(key, digest, now)
        reason, facts = (None, {}) if dead is None else (dead.reason, dead.facts)
        return Verification(shape=Shape.WELL_FORMED, key=self._latest(key), reason=reason, facts=facts)

    async def _import(self, asked: KeyImport) -> Imported:
        if len(asked.existing) + len(asked.records) > KEYS_MAX:
            raise RuleBroken(f"there are too many keys to import: {KEYS_MAX} is the most")
        now = self._clock.now()
        made = [each async for each in self._made(asked, now)]
        for number, each in enumerate(asked.records):
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)
            made.append(self._taken_over(each, now))
        async with self._creating:
            lines = [f"line {each.line}" for each in asked.existing]
            lines += [f"key {each.key.id}" for each in asked.records]
            wanted = await self._new_ones(made, lines, skip=asked.skip_existing)
            await self._hold_to_limits([whole.key for whole in wanted], now)
            if wanted and not asked.dry_run:
                await self._store.insert_many(wanted, self._act("import"))
                for whole in wanted:
                    self._on_change(whole.key.id, whole.key)
                self._on_import(dict(_elsewhere(wanted)))
        named = (Named(whole.key.id, whole.key.name, whole.key.preview) for whole in wanted)
        return Imported(tuple(named), len(made) - len(wanted))

    async def _made(self, asked: KeyImport, now: float) -> AsyncIterator[WholeKey]:
        """Existing strings as keys."""
        if not asked.existing:
            return
        if any(map(is_reserved, asked.scopes)):
            raise RuleBroken(
                "an imported key never manages keys: leave the keyhatch scope out, and create a key for that"
            )
        terms = terms_of(_draft(asked, "imported"), self.rules, now)
        problems = []
        for number, each in enumerate(asked.existing):
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)
            if not _is_named_well(each, asked, self.rules, now):
                problems.append(
                    Problem(f"line {each.line}", "its name breaks a rule, 1 to 100 printable signs")
                )
                continue
            yield WholeKey(self._key_of(each, terms, now), {each.digest: True})
        refuse(problems)

    def _key_of(self, each: Existing, terms: Terms, now: float) -> ApiKey:
        return ApiKey(
            id=self.new_id(),
            name=each.name,
            preview=each.preview,
            digest=each.digest,
            scopes=terms.scopes,
            created_at=now,
            created_by=terms.created_by,
            owner=terms.owner,
            note=terms.note,
            expires_at=terms.expires_at,
        )

    def _taken_over(self, whole: WholeKey, now: float) -> WholeKey:
        """A record of another gateway. Secrets of another prefix are known here by their digest alone."""
        key = whole.key
        rules = Rules(self.rules.prefix, None, 0, {})
        draft = KeyDraft(
            name=key.name,
            scopes=tuple(key.scopes),
            owner=key.owner,
            note=key.note,
            allow_from=tuple(map(str, key.allow_from)),
            expires_at=None,
            created_by=key.created_by,
        )
        try:
            terms_of(draft, rules, now)
        except RuleBroken as broken:
            raise RuleBroken(f"key {key.id} breaks a rule, nothing was imported: {broken}") from broken
        is_strange = not key.preview.startswith(f"{self.rules.prefix}_")
        held = {digest: imported or is_strange for digest, imported in whole.secrets.items()}
        works = set() if key.status(now) in _DEAD else _living(key, now)
        if any(map(is_reserved, key.scopes)) and any(held.get(digest, is_strange) for digest in works):
            raise RuleBroken(
                f"key {key.id} works with a secret that was imported or has another prefix, and such a one "
                "never manages keys: revoke it there or take its keyhatch scopes before the export, and "
                "create a key for that here"
            )
        return WholeKey(key, held)

    async def _new_ones(
        self, made: Sequence[WholeKey], lines: Sequence[str], *, skip: bool
    ) -> list[WholeKey]:
        """Those that are not here yet; raises `RuleBroken` with what clashes."""
        ids = await self._store.find_by_ids([whole.key.id for whole in made])
        held = await self._store.find_by_digests([digest for whole in made for digest in whole.secrets])
        new, problems = [], []
        for whole, line in zip(made, lines, strict=True):
            holders = {held[digest].id for digest in whole.secrets if digest in held}
            is_here = whole.key.id in ids
            if skip and (is_here or holders):
                continue
            if is_here:
                problems.append(Problem(line, "it is here already: --skip-existing passes over it"))
            elif holders:
                told = ", ".join(sorted(holders))
                problems.append(Problem(line, f"its secret is {told} here: --skip-existing passes over it"))
            else:
                new.append(whole)
        refuse(problems)
        return new

    async def _hold_to_limits(self, keys: Sequence[ApiKey], now: float) -> None:
        most = self.rules.max_active_per_owner
        for owner, many in Counter(key.owner for key in keys if key.status(now) not in _DEAD).items():
            living = await self._store.count_living(owner, now) if owner else 0
            if owner and living + many > most:
                raise StateConflict(
                    f"owner {quoted(owner)} would have {living + many} keys, {most} is the most: nothing was "
                    "imported. Leave some out, or raise keys.max_active_per_owner"
                )


def _draft(asked: KeyImport, name: str) -> KeyDraft:
    return KeyDraft(
        name=name,
        scopes=asked.scopes,
        owner=asked.owner,
        note=asked.note,
        expires_at=asked.expires_at,
        created_by=asked.created_by,
    )


def _living(key: ApiKey, now: float) -> set[bytes]:
    """The digests of the secrets that the key works with."""
    before = key.previous_digest if key.overlap_runs(now) else None
    return {key.digest} if before is None else {key.digest, before}


def _is_named_well(each: Existing, asked: KeyImport, rules: Rules, now: float) -> bool:
    """A name may be a string that stood in the wrong column, so what is wrong with it is not told."""
    try:
        terms_of(_draft(asked, each.name), rules, now)
    except RuleBroken:
        return False
    return can_be_shown(each.preview)


def _elsewhere(keys: Iterable[WholeKey]) -> Iterator[tuple[bytes, str]]:
    for whole in keys:
        yield from ((digest, whole.key.id) for digest, imported in whole.secrets.items() if imported)
