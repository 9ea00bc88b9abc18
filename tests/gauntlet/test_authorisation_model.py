"""Keys and rules change, time passes, and after every step the gatekeeper says what a small model says.

The gatekeeper decides with its cache, so what it remembers is tried along with what it decides.
"""

import asyncio
from dataclasses import replace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from gateway.core.decision import Allow, NeedKey
from gateway.core.keys import ApiKey, digest_of
from gateway.core.refusal import Deny
from gateway.core.request import RequestView, read_target
from gateway.core.routes import Route, RouteTable
from gateway.keeper.gatekeeper import Gatekeeper
from tests.gauntlet.reference import ALLOWED, Holder, evaluate, grants, methods, route_of, rule_sets
from tests.gauntlet.test_any_variant import usual_paths
from tests.unit.keeper.stage import Counter, DictStore, HandClock, key_of, secret_of

STRANGER = 99
OLD = 1_000  # added to a key's number: the secret it had before it was rotated
PLACES = (b"x-api-key", b"api-key", b"authorization")
numbers = st.integers(0, 2)
spans = st.sampled_from([0.0, 1.0, 5.0])


class Authorisation(RuleBasedStateMachine):
    """Three keys at most; each step is one an operator or a caller might take."""

    def __init__(self) -> None:
        super().__init__()
        self.clock, self.store, self.errors = HandClock(), DictStore(), Counter()
        self.written: list[Route] = []
        self.holders: dict[int, Holder] = {}
        self.turns: dict[int, int] = {}
        self.gatekeeper = Gatekeeper(RouteTable([]), "kh", self.store, self.clock, self.errors)

    def secret(self, number: int) -> str:
        return secret_of(number + 1 + OLD * self.turns.get(number, 0))

    def old_secret(self, number: int) -> str:
        return secret_of(number + 1 + OLD * (self.turns[number] - 1))

    def change(self, number: int, **fields: Any) -> None:
        record = replace(self.store.keys[f"k{number}"], **fields)
        self.store.put(record)
        self.gatekeeper.key_changed(record.id, record)

    def decide(self, method: str, path: str, fields: list[tuple[bytes, str]]) -> str:
        target = read_target(path.encode())
        assert not isinstance(target, Deny)
        view = RequestView(method, target, tuple((name, text.encode()) for name, text in fields), "127.0.0.1")
        decision = self.gatekeeper.peek(view)
        if isinstance(decision, NeedKey):
            decision = asyncio.run(self.gatekeeper.settle(decision))
        return ALLOWED if isinstance(decision, Allow) else decision.reason.value

    @initialize(rules=rule_sets())
    def begin(self, rules: list[Route]) -> None:
        self.reload(rules)

    @rule(rules=rule_sets())
    def reload(self, rules: list[Route]) -> None:
        self.written, self.gatekeeper.table = rules, RouteTable(rules)

    @rule(number=numbers, held=grants, span=st.none() | spans)
    def make(self, number: int, held: frozenset[str], span: float | None) -> None:
        if number in self.holders:
            return
        ends = None if span is None else self.clock.wall + span
        record: ApiKey = replace(
            key_of(number), digest=digest_of(self.secret(number)), scopes=held, expires_at=ends
        )
        self.store.put(record)
        self.gatekeeper.key_changed(record.id, record)
        self.holders[number] = Holder(held, ends=float("inf") if ends is None else ends)

    @precondition(lambda self: self.holders)
    @rule(data=st.data(), act=st.sampled_from(["revoke", "disable", "enable", "rescope", "expire"]))
    def manage(self, data: st.DataObject, act: str) -> None:
        number = data.draw(st.sampled_from(sorted(self.holders)))
        holder, now = self.holders[number], self.clock.wall
        if act == "revoke":
            holder.is_revoked = True
            self.change(number, revoked_at=now)
        elif act == "expire":
            holder.ends = now + data.draw(spans)
            self.change(number, expires_at=holder.ends)
        elif act == "rescope":
            holder.grants = data.draw(grants)
            self.change(number, scopes=holder.grants)
        else:
            holder.is_disabled = act == "disable"
            self.change(number, disabled_at=now if holder.is_disabled else None)

    @precondition(lambda self: self.holders)
    @rule(data=st.data(), overlap=spans)
    def rotate(self, data: st.DataObject, overlap: float) -> None:
        number = data.draw(st.sampled_from(sorted(self.holders)))
        before = digest_of(self.secret(number))
        self.turns[number] = self.turns.get(number, 0) + 1
        self.holders[number].old_ends = self.clock.wall + overlap
        self.change(
            number,
            digest=digest_of(self.secret(number)),
            previous_digest=before,
            previous_secret_valid_until=self.clock.wall + overlap,
            rotated_at=self.clock.wall,
        )

    @precondition(lambda self: self.holders)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.holders)))
        del self.holders[number]
        self.store.drop(f"k{number}")
        self.gatekeeper.key_changed(f"k{number}", None)
        self.turns[number] = self.turns.get(number, 0) + 2  # no secret is ever issued twice

    @rule(span=spans)
    def wait(self, span: float) -> None:
        self.clock.wall += span

    @rule(
        method=methods,
        path=usual_paths,
        data=st.data(),
    )
    def ask(self, method: str, path: str, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from([*sorted(self.holders), STRANGER]))
        place = data.draw(st.sampled_from(PLACES))
        by_old = number in self.turns and data.draw(st.booleans())
        secret = self.old_secret(number) if by_old else self.secret(number)
        assert self.decide(method, path, [(place, secret)]) == self.expected(
            method, path, number, by_old=by_old
        )

    def expected(self, method: str, path: str, number: int, *, by_old: bool) -> str:
        route = route_of(self.written, method, path)
        if isinstance(route, str):
            return route
        if route.public:
            return ALLOWED
        holder = self.holders.get(number)
        if holder is None or (by_old and not holder.old_ends):
            return "key_unknown"
        standing = holder.standing(self.clock.wall, by_old_secret=by_old)
        return standing if standing != ALLOWED else evaluate(self.written, method, path, holder.grants)

    @rule(
        method=methods,
        path=usual_paths,
        both=st.booleans(),
    )
    def ask_with_none_or_two(self, method: str, path: str, both: bool) -> None:
        fields = [(PLACES[0], self.secret(0)), (PLACES[1], self.secret(1))] if both else []
        route = route_of(self.written, method, path)
        wanted = "credential_ambiguous" if both else "credential_missing"
        if isinstance(route, str):
            wanted = route
        elif route.public:
            wanted = ALLOWED
        assert self.decide(method, path, fields) == wanted

    def teardown(self) -> None:
        assert self.errors.count == 0


TestAuthorisation = Authorisation.TestCase
TestAuthorisation.settings = settings(
    max_examples=max(60, settings().max_examples // 2), stateful_step_count=40
)
