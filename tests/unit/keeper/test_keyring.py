"""Guarantees of gateway/keeper/keyring.py beyond the desk's contract: a whole life, and leaving early."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from gateway.core.keys import ApiKey, Secret, Status, digest_of
from gateway.core.refusal import Reason
from gateway.keeper.audit import Act, verify_chain
from gateway.keeper.desk import KeyDraft, RuleBroken
from gateway.keeper.keyring import Keyring
from gateway.keeper.ports import CHANGE, CREATE, DELETE, KeyNotFound
from gateway.store.memory import MemoryKeyStore
from tests.support.records import NOW, StillClock, digest, repeatable_entropy

OWNER_MOST = 3


def make_keyring(
    store: MemoryKeyStore,
    clock: StillClock,
    on_change: Callable[[str, ApiKey | None], None] = lambda _id, _key: None,
    **options: Any,
) -> Keyring:
    return Keyring(
        store,
        clock,
        prefix="kh",
        default_expiry_s=None,
        max_active_per_owner=OWNER_MOST,
        catalogue={},
        entropy=repeatable_entropy(),
        on_change=on_change,
        **options,
    )


class SlowStore(MemoryKeyStore):
    """Writes wait at the gate until the test opens it."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived = asyncio.Event()
        self.gate = asyncio.Event()

    async def insert(self, key: ApiKey, act: Act = CREATE) -> None:
        await self._wait()
        await super().insert(key, act)

    async def update(self, key_id: str, change: Callable[[ApiKey], ApiKey], act: Act = CHANGE) -> ApiKey:
        await self._wait()
        return await super().update(key_id, change, act)

    async def delete(self, key_id: str, act: Act = DELETE) -> None:
        await self._wait()
        await super().delete(key_id, act)

    async def _wait(self) -> None:
        self.arrived.set()
        await self.gate.wait()


async def test_every_act_is_recorded_under_the_name_of_who_does_it() -> None:
    store = MemoryKeyStore()
    keyring = make_keyring(store, StillClock(), lambda *_: None)
    admin = keyring.acting("key_admin", "req-7")
    key, _ = await admin.create(KeyDraft(name="laptop"))
    await admin.rotate(key.id, 60)
    await admin.disable(key.id)
    await admin.disable(key.id)
    await admin.enable(key.id)
    await keyring.revoke(key.id)
    await keyring.delete(key.id)
    entries = await store.audit()
    assert [(entry.act, entry.actor, entry.request_id) for entry in entries] == [
        ("create", "key_admin", "req-7"),
        ("rotate", "key_admin", "req-7"),
        ("disable", "key_admin", "req-7"),
        ("enable", "key_admin", "req-7"),
        ("revoke", "host", None),
        ("delete", "host", None),
    ]
    assert {entry.at for entry in entries} == {StillClock().now()}


@pytest.mark.parametrize("act", ["create", "revoke", "rotate", "delete"])
async def test_a_write_that_was_begun_is_finished_and_told_of_when_its_caller_leaves(act: str) -> None:
    store = SlowStore()
    told: list[str] = []
    keyring = make_keyring(store, StillClock(), lambda key_id, _: told.append(key_id))
    store.gate.set()
    key, _ = await keyring.create(KeyDraft(name="laptop"))
    if act == "delete":
        await keyring.revoke(key.id)
    before = await store.list_keys()
    told.clear()
    store.gate.clear()
    store.arrived.clear()
    acts: dict[str, Callable[[], Any]] = {
        "create": lambda: keyring.create(KeyDraft(name="another")),
        "revoke": lambda: keyring.revoke(key.id),
        "rotate": lambda: keyring.rotate(key.id, 0),
        "delete": lambda: keyring.delete(key.id),
    }
    task = asyncio.ensure_future(acts[act]())
    await store.arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert told == []
    store.gate.set()
    async with asyncio.timeout(5):
        while not told:  # noqa: ASYNC110 - on_change is a plain call
            await asyncio.sleep(0)
    assert await store.list_keys() != before


async def test_many_asking_at_once_do_not_exceed_an_owners_share() -> None:
    store = MemoryKeyStore()
    keyring = make_keyring(store, StillClock())
    outcomes = await asyncio.gather(
        *(keyring.create(KeyDraft(name=f"key {number}", owner="ann")) for number in range(10)),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, RuleBroken) for outcome in outcomes) == 10 - OWNER_MOST
    assert len(await store.list_keys()) == OWNER_MOST


async def test_uses_not_yet_written_show_in_every_answer_and_never_in_what_is_told() -> None:
    told: list[ApiKey | None] = []
    keyring = make_keyring(
        MemoryKeyStore(),
        StillClock(),
        lambda _, key: told.append(key),
        latest=lambda key: replace(key, use_count=key.use_count + 7),
    )
    key, secret = await keyring.create(KeyDraft(name="laptop"))
    answers = [
        await keyring.resolve(key.id),
        *await keyring.list_keys(),
        (await keyring.verify(secret.reveal())).key,
        await keyring.disable(key.id),
        (await keyring.verify(secret.reveal())).key,
        await keyring.enable(key.id),
        (await keyring.rotate(key.id, 0))[0],
        await keyring.revoke(key.id),
        await keyring.delete(key.id),
    ]
    assert [answer.use_count for answer in answers if answer is not None] == [7] * 9
    assert all(key is None or key.use_count == 0 for key in told)


async def test_only_the_digest_of_a_secret_is_kept() -> None:
    store = MemoryKeyStore()
    keyring = make_keyring(store, StillClock())
    key, secret = await keyring.create(KeyDraft(name="laptop"))
    [stored] = await store.list_keys()
    assert stored.digest == digest_of(secret.reveal())
    assert secret.reveal() not in repr(stored)
    assert secret.reveal() not in repr((key, secret))


async def test_new_rules_count_from_the_next_key_on() -> None:
    keyring = make_keyring(MemoryKeyStore(), StillClock())
    keyring.rules = replace(keyring.rules, prefix="acme", default_expiry_s=60.0)
    key, secret = await keyring.create(KeyDraft(name="laptop"))
    assert secret.reveal().startswith("acme_")
    assert key.expires_at == NOW + 60


async def test_an_id_that_names_no_record_may_still_be_an_imported_name() -> None:
    store = MemoryKeyStore()
    keyring = make_keyring(store, StillClock())
    key, _ = await keyring.create(KeyDraft(name="laptop"))
    await store.update(key.id, lambda key: replace(key, name="key_0123456789abcdef"))
    assert (await keyring.resolve("key_0123456789abcdef")).id == key.id


class Model:
    """What a person who watched everything would know of one key."""

    def __init__(self, key: ApiKey, secret: Secret) -> None:
        self.first = key
        self.secrets = [secret]
        self.expires_at = key.expires_at
        self.overlap_until: float | None = None
        self.is_disabled = False
        self.is_revoked = False
        self.is_deleted = False

    def is_expired(self, now: float) -> bool:
        return self.expires_at is not None and now >= self.expires_at

    def expected(self, generation: int, now: float) -> Reason | None:
        if self.is_deleted:
            return Reason.KEY_UNKNOWN
        if self.is_revoked:
            return Reason.KEY_REVOKED
        if self.is_expired(now):
            return Reason.KEY_EXPIRED
        if self.is_disabled:
            return Reason.KEY_DISABLED
        age = len(self.secrets) - 1 - generation
        overlaps = age == 1 and self.overlap_until is not None and now < self.overlap_until
        return None if age == 0 or overlaps else Reason.KEY_ROTATED


class KeyringLife(RuleBasedStateMachine):
    """Keys are made, switched, rotated, revoked and deleted in any order while time passes."""

    keys: Bundle[Model] = Bundle("keys")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = StillClock()
        self.store = MemoryKeyStore()
        self.mirror: dict[str, ApiKey] = {}
        self.keyring = make_keyring(self.store, self.clock, self.heard)
        self.models: list[Model] = []

    def heard(self, key_id: str, key: ApiKey | None) -> None:
        if key is None:
            del self.mirror[key_id]
        else:
            self.mirror[key_id] = key

    def ask(self, question: Any) -> Any:
        return self.runner.run(question)

    def teardown(self) -> None:
        self.runner.close()

    @initialize(target=keys)
    def begin(self) -> Model:
        return self.created("", None)

    @rule(target=keys, owner=st.sampled_from(["", "ann"]), lives_s=st.none() | st.integers(1, 100))
    def create(self, owner: str, lives_s: int | None) -> Model:
        now = self.clock.now()
        living = [
            model
            for model in self.models
            if model.first.owner == owner and not (model.is_revoked or model.is_expired(now))
        ]
        if owner and len(living) >= OWNER_MOST:
            with pytest.raises(RuleBroken):
                self.created(owner, lives_s)
            return living[0]
        return self.created(owner, lives_s)

    def created(self, owner: str, lives_s: int | None) -> Model:
        expires_at = None if lives_s is None else self.clock.now() + lives_s
        draft = KeyDraft(name="laptop", owner=owner, expires_at=expires_at)
        model = Model(*self.ask(self.keyring.create(draft)))
        self.models.append(model)
        return model

    @rule(model=keys, act=st.sampled_from(["revoke", "disable", "enable"]))
    def switch(self, model: Model, act: str) -> None:
        question = getattr(self.keyring, act)(model.first.id)
        if model.is_deleted:
            with pytest.raises(KeyNotFound):
                self.ask(question)
        elif model.is_revoked and act != "revoke":
            with pytest.raises(RuleBroken):
                self.ask(question)
        else:
            self.ask(question)
            model.is_revoked = act == "revoke"
            model.is_disabled = model.is_disabled if act == "revoke" else act == "disable"

    @rule(model=keys, overlap_s=st.integers(0, 60))
    def rotate(self, model: Model, overlap_s: int) -> None:
        now = self.clock.now()
        question = self.keyring.rotate(model.first.id, overlap_s)
        if model.is_deleted:
            with pytest.raises(KeyNotFound):
                self.ask(question)
        elif model.is_revoked or model.is_expired(now):
            with pytest.raises(RuleBroken):
                self.ask(question)
        else:
            _, secret = self.ask(question)
            model.secrets.append(secret)
            model.overlap_until = now + overlap_s

    @rule(model=consumes(keys))
    def delete(self, model: Model) -> None:
        question = self.keyring.delete(model.first.id)
        if model.is_deleted:
            with pytest.raises(KeyNotFound):
                self.ask(question)
        elif not model.is_revoked:
            with pytest.raises(RuleBroken):
                self.ask(question)
        else:
            self.ask(question)
            model.is_deleted = True

    @rule(seconds=st.integers(1, 50))
    def time_passes(self, seconds: int) -> None:
        self.clock.time += seconds

    @invariant()
    def every_secret_fares_as_a_watcher_would_expect(self) -> None:
        for model in self.models:
            for generation, secret in enumerate(model.secrets):
                found = self.ask(self.keyring.verify(secret.reveal()))
                assert found.reason is model.expected(generation, self.clock.now())
                assert model.is_deleted or found.key.id == model.first.id

    @invariant()
    def whoever_listens_knows_what_the_store_knows(self) -> None:
        stored = self.ask(self.store.list_keys())
        assert {key.id: key for key in stored} == self.mirror

    @invariant()
    def everything_that_was_done_is_on_record_and_in_its_place(self) -> None:
        entries = self.ask(self.store.audit(limit=1_000))
        verify_chain(entries)
        made = sum(entry.act == "create" for entry in entries)
        assert made == len(self.models)
        assert sum(entry.act == "delete" for entry in entries) == sum(
            model.is_deleted for model in self.models
        )

    @invariant()
    def what_makes_a_key_itself_never_changes(self) -> None:
        for model in self.models:
            if not model.is_deleted:
                key = self.mirror[model.first.id]
                assert replace(key, **LIVED) == replace(model.first, **LIVED)

    @invariant()
    def the_list_has_every_key_once(self) -> None:
        listed = self.ask(self.keyring.list_keys("all"))
        assert sorted(key.id for key in listed) == sorted(
            model.first.id for model in self.models if not model.is_deleted
        )
        by_status = [self.ask(self.keyring.list_keys(status)) for status in Status]
        assert sum(len(keys) for keys in by_status) == len(listed)


LIVED: dict[str, Any] = {
    "digest": digest(""),
    "preview": "",
    "disabled_at": None,
    "revoked_at": None,
    "rotated_at": None,
    "previous_digest": None,
    "previous_secret_valid_until": None,
    "revision": 1,
}

TestKeyringLife = KeyringLife.TestCase
TestKeyringLife.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
