"""Look-ups, changes, foreign changes and failures in any order, beside what must be decided.

The truth is the store's record at the moment of the decision. Every decision, cached or settled, must be the
one that the truth gives; what dies takes its exchanges along; a look-up that began before a change counts
for nothing. The store reads and answers when the machine says so (`stage.SteppedStore`).
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.core.decision import Allow, NeedKey
from gateway.core.keys import ApiKey
from gateway.core.ours import Ours
from gateway.core.policy import admit, judge, standing
from gateway.core.refusal import Deny, Reason
from gateway.keeper.ports import StoreUnavailable
from tests.unit.keeper.stage import TABLE, HandClock, SteppedStore, keeper_of, key_of, secret_of, view_of
from tests.unit.keeper.stage import settled as everything_settled

KEYS = st.sampled_from([1, 1, 2])
SECRETS = st.sampled_from([1, 1, 1, 2, 3])  # 3 comes into use when the first key is rotated
ANY = st.integers(0, 3)
CHANGES = st.sampled_from(["plain", "plain", "revoke", "rotate", "expire", "delete"])
OVERLAP_S = 3.0


class InterleavingsMachine(RuleBasedStateMachine):
    """Two keys, one gatekeeper, and a store whose answers are late."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = HandClock()
        self.store = SteppedStore(key_of(1))
        self.keeper = keeper_of(self.store, self.clock)
        self.settling: list[asyncio.Task[None]] = []
        self.renewing: list[asyncio.Task[None]] = []
        self.has_failed = False
        self.open: dict[int, tuple[str, bytes, Callable[[], object]]] = {}
        self.count = 0

    def teardown(self) -> None:
        try:
            while self.store.calls:
                self.arrive(0)
            for task in (*self.settling, *self.renewing):
                task.result()
            assert self.keeper._look_ups._flights == {}
            self.nothing_dead_is_open()
        finally:
            self.loop.close()

    def _spin(self) -> None:
        self.loop.run_until_complete(everything_settled())

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self.loop.create_task(work)
        self._spin()
        return task

    # --- Requests

    @rule(number=SECRETS)
    def ask(self, number: int) -> None:
        view = view_of(secret_of(number))
        need = admit(view, TABLE, Ours("kh"))
        assert isinstance(need, NeedKey)
        decision = self.keeper.peek(view)
        if isinstance(decision, NeedKey):
            self.settling.append(self._start(self._settle(need)))
        else:
            self._must_be_true(need, decision)

    @rule(number=SECRETS)
    def ask_while_the_store_answers_at_once(self, number: int) -> None:
        self.ask(number)
        while self.store.calls:
            self.arrive(0)

    async def _settle(self, need: NeedKey) -> None:
        decision = await self.keeper.settle(need)
        if isinstance(decision, Deny) and decision.reason is Reason.STORE_UNAVAILABLE:
            assert self.has_failed
        else:
            self._must_be_true(need, decision)

    def _must_be_true(self, need: NeedKey, decision: Allow | Deny) -> None:
        assert decision == judge(need, self.store.current(need.digest), self.clock.wall)
        if isinstance(decision, Allow) and decision.key is not None:
            self.count += 1
            number = self.count
            leave = self.keeper.attend(decision, lambda _: self.open.__delitem__(number))
            self.open[number] = (decision.key.id, decision.digest, leave)

    @rule(at=ANY)
    def leave(self, at: int) -> None:
        if self.open:
            self.open.pop(sorted(self.open)[at % len(self.open)])[2]()

    # --- The store

    @rule(at=ANY)
    def read(self, at: int) -> None:
        if self.store.calls:
            self.store.calls[at % len(self.store.calls)].look()

    @rule(at=ANY)
    def arrive(self, at: int) -> None:
        if self.store.calls:
            self.store.calls[at % len(self.store.calls)].arrive()
        self._spin()

    @rule(at=ANY)
    def fail(self, at: int) -> None:
        if self.store.calls:
            self.has_failed = True
            self.store.calls[at % len(self.store.calls)].fail(StoreUnavailable("down"))
        self._spin()

    # --- Changes

    @rule(number=KEYS, how=CHANGES)
    def change(self, number: int, how: str) -> None:
        key = self._write(number, how)
        self.keeper.key_changed(f"k{number}", key)

    @rule(number=KEYS, how=CHANGES)
    def change_between_reading_and_answering(self, number: int, how: str) -> None:
        self.ask(number)
        for call in self.store.calls:
            call.look()
        self.change(number, how)
        while self.store.calls:
            self.arrive(-1)
            self.ask(number)

    @rule(number=KEYS, how=CHANGES)
    def change_behind_our_back(self, number: int, how: str) -> None:
        self._write(number, how)
        self.renewing.append(self._start(self._renew()))

    async def _renew(self) -> None:
        """As the service does: tried again until it succeeds."""
        while True:
            try:
                return await self.keeper.data_changed()
            except StoreUnavailable:
                continue

    def _write(self, number: int, how: str) -> ApiKey | None:
        now, key = self.clock.wall, key_of(number)
        if how == "delete":
            self.store.drop(key.id)
            return None
        changes: dict[str, dict[str, Any]] = {
            "plain": {"name": f"written at {now}"},
            "revoke": {"revoked_at": now},
            "expire": {"expires_at": now + OVERLAP_S},
            "rotate": {
                "digest": key_of(number + 2).digest,
                "previous_digest": key.digest,
                "previous_secret_valid_until": now + OVERLAP_S,
            },
        }
        self.store.put(key_of(number, **changes[how]))
        return self.store.keys[key.id]

    @rule(seconds=st.sampled_from([0.5, 2.0, 4.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.wall += seconds
        self.keeper.live.sweep()

    @invariant()
    def nothing_dead_is_open(self) -> None:
        assert len(self.keeper.live) == len(self.open)
        if all(task.done() for task in self.renewing):
            for key_id, digest, _ in self.open.values():
                key = self.store.keys.get(key_id)
                assert key is not None
                assert standing(key, digest, self.clock.wall) is None
