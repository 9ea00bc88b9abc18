"""Whatever is done with keys in whatever order, each secret fares as a watcher would expect."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from gateway.core.keys import ApiKey, Secret, Status
from gateway.core.refusal import Reason
from gateway.keeper.audit import AuditQuery, verify_chain
from gateway.keeper.desk import KeyDraft, Rotation, RuleBroken, StateConflict
from gateway.keeper.ports import KeyNotFound
from gateway.store.memory import MemoryKeyStore
from tests.support.records import StillClock, digest
from tests.unit.keeper.test_keyring import OWNER_MOST, make_keyring


class Model:
    """What a person who watched everything would know of one key."""

    def __init__(self, key: ApiKey, secret: Secret) -> None:
        self.first = key
        self.secrets = [secret]
        self.own, self.before = secret, secret
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
        secret = self.secrets[generation]
        overlaps = secret is self.before and self.overlap_runs(now)
        return None if secret is self.own or overlaps else Reason.KEY_ROTATED

    def overlap_runs(self, now: float) -> bool:
        return self.overlap_until is not None and now < self.overlap_until


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
        question = self.keyring.rotate(model.first.id, Rotation(overlap_s=overlap_s, end_previous=True))
        if model.is_deleted:
            with pytest.raises(KeyNotFound):
                self.ask(question)
        elif model.is_revoked or model.is_expired(now):
            with pytest.raises(RuleBroken):
                self.ask(question)
        else:
            _, secret = self.ask(question)
            model.secrets.append(secret)
            model.own, model.before = secret, model.own
            model.overlap_until = now + overlap_s

    @rule(model=keys, act=st.sampled_from(["undo_rotation", "finish_rotation"]))
    def end_overlap(self, model: Model, act: str) -> None:
        now = self.clock.now()
        question = getattr(self.keyring, act)(model.first.id)
        is_dead = model.is_revoked or model.is_expired(now)
        if model.is_deleted:
            with pytest.raises(KeyNotFound):
                self.ask(question)
        elif act == "undo_rotation" and (is_dead or not model.overlap_runs(now)):
            with pytest.raises(StateConflict):
                self.ask(question)
        else:
            self.ask(question)
            if act == "undo_rotation":
                model.own = model.before
            model.overlap_until = None

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
        entries = self.ask(self.store.audit(AuditQuery(limit=1_000)))
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
    "previous_preview": None,
    "previous_secret_valid_until": None,
    "revision": 1,
}

TestKeyringLife = KeyringLife.TestCase
TestKeyringLife.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
