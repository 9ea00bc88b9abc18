"""The keyring: making, finding, switching, rotating and ending keys. The desk that holds the store.

CLI, management API and console all come here, so one set of rules holds whoever asks (`gateway.keeper.terms`
has those for new keys). What happens to a key over its life:

1. Revoking is for good: nothing brings a revoked key back, and only a revoked one can be deleted.
2. Disabling and enabling may be repeated; both leave an expired key expired.
3. Rotating keeps id, name and scopes (`gateway.keeper.rotation`). Of two rotations at the same time one is
   refused: nobody is given a secret that has ended already.
4. An act that would change nothing succeeds and keeps the first time it happened.
5. A write that was begun is finished and told of (`on_change`), even if whoever asked has left meanwhile.
6. A secret exists in the answer to whoever asked for it, and nowhere else.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from copy import copy
from dataclasses import replace
from hmac import compare_digest
from typing import TypeVar

from gateway.core.credentials import forgive
from gateway.core.keys import (
    ENTROPY_BYTES,
    ApiKey,
    Secret,
    compose_secret,
    digest_of,
    preview_of,
)
from gateway.core.policy import standing
from gateway.keeper.audit import HOST, Act, ActName, Once
from gateway.keeper.desk import (
    KeyDraft,
    KeyEdit,
    LimitReached,
    Outdated,
    Rotation,
    SignedAddress,
    StateConflict,
    quoted,
)
from gateway.keeper.looking import LookingKeys
from gateway.keeper.moving import MovingKeys
from gateway.keeper.ports import Clock, KeyNotFound, KeyStore
from gateway.keeper.rotation import finished, refuse_revoked, rotated, undone
from gateway.keeper.signing import Signer, Signing, nothing_signs
from gateway.keeper.terms import Rules, Terms, changes_of, edited, terms_of
from gateway.keeper.usage_days import UsageDays

_T = TypeVar("_T")


def _as_stored(key: ApiKey) -> ApiKey:
    return key


def _nothing_unwritten() -> Mapping[str, float]:
    return {}


def _nobody_told(_holders: Mapping[bytes, str]) -> None:
    return None


def _anything(_key: ApiKey) -> None:
    return None


def _any_change(_before: ApiKey, _after: ApiKey) -> None:
    return None


class Keyring(MovingKeys, LookingKeys):
    """The desk over a store. `rules` may be replaced when the configuration is read anew.

    `on_change(key_id, record)` is called at once after each committed write, with None after a deletion.
    `actor` and `request_id` stand in the record of what is done (`acting`). `latest` overlays uses that are
    not written yet, `unwritten` tells when the last of each key was, `days` has the usage that is not in the
    store yet. `entropy(n)` returns n random bytes; `signing` tells what signs addresses. `on_import` is
    told of imported secrets' digests after `on_change` was of their keys (`gateway.keeper.moving`).
    """

    def __init__(  # noqa: PLR0913 - all but two are named at the call
        self,
        store: KeyStore,
        clock: Clock,
        *,
        prefix: str,
        default_expiry_s: float | None,
        max_active_per_owner: int,
        catalogue: Mapping[str, str],
        entropy: Callable[[int], bytes],
        on_change: Callable[[str, ApiKey | None], None],
        latest: Callable[[ApiKey], ApiKey] = _as_stored,
        unwritten: Callable[[], Mapping[str, float]] = _nothing_unwritten,
        days: UsageDays | None = None,
        on_import: Callable[[Mapping[bytes, str]], None] = _nobody_told,
        signing: Signing = nothing_signs,
        signed_url_max_s: float = 3_600.0,
    ) -> None:
        self.rules = Rules(prefix, default_expiry_s, max_active_per_owner, catalogue, signed_url_max_s)
        self._signing = signing
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._on_change = on_change
        self._latest = latest
        self._unwritten = unwritten
        self._days = days or UsageDays(clock.now)
        self._on_import = on_import
        self._creating = asyncio.Lock()
        self.actor = HOST
        self.request_id: str | None = None
        self.once: Once | None = None
        self.assert_may: Callable[[ApiKey], None] = _anything
        self.assert_change: Callable[[ApiKey, ApiKey], None] = _any_change

    def acting(
        self,
        actor: str,
        request_id: str | None = None,
        *,
        once: Once | None = None,
        assert_may: Callable[[ApiKey], None] = _anything,
        assert_change: Callable[[ApiKey, ApiKey], None] = _any_change,
    ) -> "Keyring":
        """The same desk, for somebody whose acts are recorded under this name.

        `once`: what is made or rotated there happens once under its name; raises `OnceTaken` otherwise.
        `assert_may` is called with each record that would be changed, as it stands in the transaction of the
        change, and `assert_change` with what it would become too; what they raise prevents that.
        """
        desk = copy(self)
        desk.assert_change = assert_change
        desk.actor, desk.request_id, desk.once, desk.assert_may = actor, request_id, once, assert_may
        return desk

    async def create(self, draft: KeyDraft) -> tuple[ApiKey, Secret]:
        """Make a key; raises `RuleBroken`."""
        return await _finish(self._create(draft))

    async def revoke(self, id_or_name: str) -> ApiKey:
        """End a key for good."""
        now = self._clock.now()

        def change(key: ApiKey) -> ApiKey:
            return key if key.revoked_at is not None else replace(key, revoked_at=now)

        return await self._update(id_or_name, change, "revoke")

    async def disable(self, id_or_name: str) -> ApiKey:
        """Switch a key off; raises `RuleBroken` for a revoked one."""
        now = self._clock.now()

        def change(key: ApiKey) -> ApiKey:
            refuse_revoked(key)
            return key if key.disabled_at is not None else replace(key, disabled_at=now)

        return await self._update(id_or_name, change, "disable")

    async def enable(self, id_or_name: str) -> ApiKey:
        """Switch a disabled key on again; raises `RuleBroken` for a revoked one."""

        def change(key: ApiKey) -> ApiKey:
            refuse_revoked(key)
            return replace(key, disabled_at=None)

        return await self._update(id_or_name, change, "enable")

    async def edit(self, id_or_name: str, edit: KeyEdit) -> ApiKey:
        """Change what stands in a record; raises `RuleBroken` with every rule the edit breaks."""
        now = self._clock.now()
        values = changes_of(edit, self.rules, now)

        async def write(key_id: str) -> ApiKey:
            async with self._creating:
                before = await self._store.get(key_id)
                if before is not None and values.get("owner", before.owner) != before.owner:
                    await self._hold_to_limit(values["owner"], now)
                if before is not None:
                    await self.refuse_management(before, values.get("scopes", ()), now)
                return await self._write(key_id, lambda key: edited(key, values, now), self._act("edit"))

        found = await self._find(id_or_name)
        return self._latest(await _finish(write(found.id)))

    async def rotate(self, id_or_name: str, rotation: Rotation) -> tuple[ApiKey, Secret]:
        """Give a key a new secret.

        Raises `StateConflict` for a key that is revoked or expired, or rotated within an overlap, and
        `Outdated` where somebody else rotated it in this very moment. `previous_secret_last_used_at` starts
        anew: it tells whether the replaced secret was used since it was replaced.
        """
        now = self._clock.now()
        secret = self._new_secret()
        found = await self._find(id_or_name)

        def change(key: ApiKey) -> ApiKey:
            if key.digest != found.digest:
                raise Outdated(f"key {key.id} was rotated by somebody else in this moment: look at it again")
            return rotated(key, rotation, secret, now)

        act = self._act("rotate", once=self.once)
        return self._latest(await _finish(self._write(found.id, change, act))), secret

    async def undo_rotation(self, id_or_name: str) -> ApiKey:
        """Make the secret before the key's own again; raises `StateConflict` where no overlap runs."""
        now = self._clock.now()
        return await self._update(id_or_name, lambda key: undone(key, now), "undo_rotation")

    async def finish_rotation(self, id_or_name: str) -> ApiKey:
        """End the secret before at once."""
        now = self._clock.now()
        return await self._update(id_or_name, lambda key: finished(key, now), "finish_rotation")

    async def revoke_by_value(self, text: str) -> ApiKey:
        """End the secret that this text is; raises `KeyNotFound` where it opens nothing."""
        now = self._clock.now()
        digest = digest_of(forgive(text))
        key = await self._store.find_by_digest(digest)
        if key is None or (key.revoked_at is None and standing(key, digest, now) is not None):
            raise KeyNotFound("this text is no key of this gateway that still works")
        if key.revoked_at is not None:
            return self._latest(key)
        by_holder = self.acting(key.id, self.request_id)
        if compare_digest(digest, key.digest):
            return await by_holder.revoke(key.id)
        return await by_holder.finish_rotation(key.id)

    async def sign(self, id_or_name: str, address: str, life_s: float) -> SignedAddress:
        """Whoever gets it can use the key as long as it lives; raises `RuleBroken` or `StateConflict`."""
        key = await self._find(id_or_name)
        self.assert_may(key)
        signer = Signer(self._signing(), self.rules.prefix, self.rules.signed_url_max_s)
        return signer.sign(key, address, life_s, self._clock.now())

    async def delete(self, id_or_name: str) -> ApiKey:
        """Remove the record of a revoked key; raises `StateConflict` for any other."""
        key = await self._find(id_or_name)
        self.assert_may(key)
        if key.revoked_at is None:
            raise StateConflict(f"key {key.id} is not revoked: revoke it first, then delete its record")
        await _finish(self._delete(key.id))
        return self._latest(key)

    async def _create(self, draft: KeyDraft) -> tuple[ApiKey, Secret]:
        now = self._clock.now()
        terms = terms_of(draft, self.rules, now)
        async with self._creating:
            await self._hold_to_limit(terms.owner, now)
            key, secret = self._new_key(terms, now)
            await self._store.insert(key, self._act("create", once=self.once))
            self._on_change(key.id, key)
        return key, secret

    async def _hold_to_limit(self, owner: str, now: float) -> None:
        """Disabled keys count: they can be switched on again at any time."""
        most = self.rules.max_active_per_owner
        if not owner:
            return
        living = await self._store.count_living(owner, now)
        if living >= most:
            raise LimitReached(
                f"owner {quoted(owner)} has {living} keys, {most} is the most: revoke one that is not "
                "needed, or raise keys.max_active_per_owner"
            )

    def _new_key(self, terms: Terms, now: float) -> tuple[ApiKey, Secret]:
        secret = self._new_secret()
        key = ApiKey(
            id=self.new_id(),
            name=terms.name,
            preview=preview_of(secret),
            digest=digest_of(secret.reveal()),
            scopes=terms.scopes,
            created_at=now,
            created_by=terms.created_by,
            owner=terms.owner,
            note=terms.note,
            allow_from=terms.allow_from,
            expires_at=terms.expires_at,
            in_path=terms.in_path,
        )
        return key, secret

    def _new_secret(self) -> Secret:
        return compose_secret(self.rules.prefix, self._entropy(ENTROPY_BYTES))

    async def _update(self, id_or_name: str, change: Callable[[ApiKey], ApiKey], what: ActName) -> ApiKey:
        found = await self._find(id_or_name)
        return self._latest(await _finish(self._write(found.id, change, self._act(what))))

    def _act(self, what: ActName, once: Once | None = None) -> Act:
        return Act(what, self.actor, self.request_id, self._clock.now(), once)

    async def _write(self, key_id: str, change: Callable[[ApiKey], ApiKey], act: Act) -> ApiKey:
        def allowed(key: ApiKey) -> ApiKey:
            self.assert_may(key)
            changed = change(key)
            self.assert_change(key, changed)
            return changed

        key = await self._store.update(key_id, allowed, act)
        self._on_change(key_id, key)
        return key

    async def _delete(self, key_id: str) -> None:
        await self._store.delete(key_id, self._act("delete"))
        self._on_change(key_id, None)


async def _finish(work: Coroutine[None, None, _T]) -> _T:
    """Run to the end what was begun, even if whoever waits for it is cancelled."""
    return await asyncio.shield(asyncio.ensure_future(work))
