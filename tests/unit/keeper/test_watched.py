"""Guarantees of gateway/keeper/watched.py: calls are noted only while somebody waits, of few keys."""

from typing import Any

import pytest

from gateway.core.refusal import Reason
from gateway.keeper.ports import Exchange, Observer
from gateway.keeper.watched import KEYS_MAX, WATCH_S, Call, Watch, Watched
from tests.support.records import digest, record
from tests.unit.keeper.stage import EPOCH_S, HandClock


def exchange(key_id: str | None = "key_1", **fields: Any) -> Exchange:
    usual: dict[str, Any] = {
        "request_id": "r-1",
        "kind": "plain",
        "method": "GET",
        "path": "/v1/models",
        "route_id": "models",
        "upstream": "local-ai",
        "key_id": key_id,
        "key_name": "laptop",
        "peer": "192.168.1.20",
        "status": 200,
        "reason": None,
        "cut": None,
        "bytes_in": 0,
        "bytes_out": 2,
        "duration_s": 0.01,
        "first_byte_s": None,
        "own_s": None,
    }
    return Exchange(**(usual | fields))


class Stage:
    """Watched keys, and the observers that they join and leave."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.observers: list[Observer] = []
        self.watched = Watched(self.clock, self._clean, self.observers.append, self.observers.remove)

    @staticmethod
    def _clean(text: str, chars_max: int) -> str:
        return text.replace("secret", "****")[:chars_max]

    def call(self, *key_ids: str | None, **fields: Any) -> None:
        """These keys are used, one after the other."""
        for key_id in key_ids:
            for observer in tuple(self.observers):
                observer.exchange_began()
                observer.exchange_ended(exchange(key_id, **fields))

    def seen(self, key_id: str = "key_1") -> Call | None:
        return self.watched.look(record(key_id))[0]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_nobody_is_told_of_anything_while_no_key_is_watched(stage: Stage) -> None:
    assert stage.observers == []
    stage.watched.look(record("key_1"))
    assert stage.observers == [stage.watched]
    stage.watched.look(record("key_2"))
    assert stage.observers == [stage.watched]
    stage.clock.mono += WATCH_S
    stage.call(None)
    assert stage.observers == []


def test_a_key_is_watched_from_the_moment_its_secret_was_issued(stage: Stage) -> None:
    stage.watched.look(record("key_1"))
    stage.clock.wall += 5
    stage.call("key_1")
    stage.clock.wall += 5
    expected = Call(EPOCH_S + 5, "GET", "/v1/models", 200, None, "192.168.1.20", "models")
    assert stage.watched.look(record("key_1")) == (expected, EPOCH_S)


def test_a_key_is_watched_from_the_first_look_and_each_look_tells_since_when(stage: Stage) -> None:
    assert stage.watched.look(record("key_1")) == (None, EPOCH_S)
    stage.clock.wall += 5
    assert stage.watched.look(record("key_1")) == (None, EPOCH_S)
    stage.call("key_1")
    assert stage.seen() is not None


def test_the_last_of_several_calls_is_told(stage: Stage) -> None:
    stage.watched.look(record("key_1"))
    stage.call("key_1", path="/first")
    stage.call("key_1", path="/second")
    seen = stage.seen()
    assert seen is not None
    assert seen.path == "/second"


def test_calls_with_other_keys_or_none_are_not_told(stage: Stage) -> None:
    stage.watched.look(record("key_1"))
    stage.call("key_2", None)
    assert stage.seen() is None
    assert stage.seen("key_2") is None


def test_a_refused_call_is_told_with_its_reason(stage: Stage) -> None:
    stage.watched.look(record("key_1"))
    stage.call("key_1", status=403, reason=Reason.SCOPE_MISSING)
    seen = stage.seen()
    assert seen is not None
    assert (seen.status, seen.reason) == (403, Reason.SCOPE_MISSING)


class Shown(Exchange):
    """An exchange of which it is known with which secret it was let pass."""

    __slots__ = ("shown",)
    shown: bytes

    @property
    def digest(self) -> bytes | None:
        return self.shown


def shown(secret: str) -> Exchange:
    made = Shown(**{name: getattr(exchange(), name) for name in Exchange.__dataclass_fields__})
    made.shown = digest(secret)
    return made


def test_a_new_secret_is_waited_for_anew(stage: Stage) -> None:
    stage.watched.look(record(digest=digest("old")))
    stage.watched.exchange_ended(shown("old"))
    stage.clock.wall += 5
    rotated = record(digest=digest("new"))
    assert stage.watched.look(rotated) == (None, EPOCH_S + 5)
    stage.watched.exchange_ended(shown("old"))
    assert stage.watched.look(rotated)[0] is None
    stage.watched.exchange_ended(shown("new"))
    assert stage.watched.look(rotated)[0] is not None


def test_the_old_secret_does_not_hide_a_call_with_the_new_one_but_a_refusal_is_told(stage: Stage) -> None:
    rotated = record(digest=digest("new"))
    stage.watched.look(rotated)
    stage.watched.exchange_ended(shown("new"))
    stage.clock.wall += 5
    stage.watched.exchange_ended(shown("old"))
    seen, _ = stage.watched.look(rotated)
    assert seen is not None
    assert seen.at == EPOCH_S
    stage.call("key_1", status=401, reason=Reason.KEY_ROTATED)
    seen, _ = stage.watched.look(rotated)
    assert seen is not None
    assert seen.reason is Reason.KEY_ROTATED


def test_a_watch_does_not_show_the_digest_it_goes_by() -> None:
    assert "digest" not in repr(Watch(b"digest", 0.0, 0.0))


def test_each_look_prolongs_the_watch(stage: Stage) -> None:
    stage.watched.look(record("key_1"))
    stage.call("key_1")
    for _ in range(3):
        stage.clock.mono += WATCH_S - 1
        assert stage.seen() is not None


def test_a_key_that_nobody_asked_for_is_let_go_though_it_is_used(stage: Stage) -> None:
    stage.watched.look(record("key_1"))
    stage.clock.mono += WATCH_S - 1
    stage.call("key_1")
    stage.clock.mono += 1
    stage.call("key_1")
    assert stage.observers == []
    assert stage.seen() is None


def test_a_late_look_begins_a_new_watch(stage: Stage) -> None:
    stage.watched.look(record("key_1"))
    stage.call("key_1")
    stage.clock.mono += WATCH_S
    stage.clock.wall += WATCH_S
    assert stage.watched.look(record("key_1")) == (None, EPOCH_S + WATCH_S)
    assert stage.observers == [stage.watched]


def test_the_wall_clock_ends_no_watch(stage: Stage) -> None:
    stage.watched.look(record("key_1"))
    stage.clock.wall += 10 * WATCH_S
    stage.call("key_1")
    assert stage.seen() is not None


def test_each_key_has_its_own_time(stage: Stage) -> None:
    stage.watched.look(record("key_1"))
    stage.clock.mono += WATCH_S / 2
    stage.watched.look(record("key_2"))
    stage.clock.mono += WATCH_S / 2
    stage.call("key_1", "key_2")
    assert stage.observers == [stage.watched]
    assert stage.seen("key_2") is not None
    assert stage.seen("key_1") is None


def test_of_too_many_keys_the_one_asked_for_longest_ago_goes(stage: Stage) -> None:
    for number in range(KEYS_MAX):
        stage.watched.look(record(f"key_{number}"))
    stage.watched.look(record("key_0"))
    stage.watched.look(record("one more"))
    stage.call("key_0", "key_1", "key_2", "one more")
    assert stage.seen("one more") is not None
    assert stage.seen("key_0") is not None
    assert stage.seen("key_2") is not None
    assert stage.seen("key_1") is None


def test_to_ask_again_for_one_of_the_most_keys_drops_none(stage: Stage) -> None:
    for number in range(KEYS_MAX):
        stage.watched.look(record(f"key_{number}"))
    stage.watched.look(record(f"key_{KEYS_MAX - 1}"))
    stage.watched.look(record(f"key_{KEYS_MAX - 1}"))
    stage.call("key_0")
    assert stage.seen("key_0") is not None


def test_what_a_caller_wrote_is_cleaned_before_it_is_seen(stage: Stage) -> None:
    stage.watched.look(record("key_1"))
    stage.call("key_1", method="secret" + "M" * 30, path="/secret/" + "p" * 300)
    seen = stage.seen()
    assert seen is not None
    assert seen.method == "****" + "M" * 16
    assert seen.path == "/****/" + "p" * 194
