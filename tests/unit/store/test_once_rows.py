"""Guarantees of gateway/store/once_rows.py; what they mean together stands in tests/contract."""

from gateway.keeper.audit import Act, Once
from gateway.keeper.ports import ONCE_KEPT_S, OnceDone
from gateway.store.once_rows import done_of, forgotten_before, row_of
from tests.support.records import NOW, digest


def test_a_row_tells_what_was_done_and_when_it_may_be_forgotten() -> None:
    act = Act("create", "key_admin", "req-1", NOW, Once("order-7", digest("asked")))
    actor, name, fingerprint, what, key_id, at = row_of(act, "key_1")
    assert (actor, name, at) == ("key_admin", "order-7", NOW)
    assert done_of((fingerprint, what, key_id)) == OnceDone(digest("asked"), "create", "key_1")
    assert forgotten_before(act) == (NOW - ONCE_KEPT_S,)
