"""What was done once, as rows: the statements, and the way back."""

from collections.abc import Sequence
from typing import Any, Final

from gateway.keeper.audit import Act
from gateway.keeper.ports import ONCE_KEPT_S, OnceDone

SELECT: Final = "SELECT fingerprint, act, key_id FROM once WHERE actor = ? AND name = ?"
FORGET: Final = "DELETE FROM once WHERE at < ?"
INSERT: Final = "INSERT INTO once (actor, name, fingerprint, act, key_id, at) VALUES (?, ?, ?, ?, ?, ?)"


def row_of(act: Act, key_id: str) -> tuple[Any, ...]:
    """The columns of an act that has a name."""
    assert act.once is not None  # noqa: S101 - the caller saw it
    return (act.actor, act.once.name, act.once.fingerprint, act.name, key_id, float(act.at))


def forgotten_before(act: Act) -> tuple[float]:
    """Names older than this may go."""
    return (act.at - ONCE_KEPT_S,)


def done_of(row: Sequence[Any]) -> OnceDone:
    """What a row tells."""
    return OnceDone(*row)
