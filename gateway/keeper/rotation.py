"""Rotation: a key gets a new secret, and the one before ends in a way that strands nobody.

Pure: a record in, the changed record out, or `RuleBroken` with the mend. The rules:

1. Id, name, scopes and history stay. The new secret works at once.
2. The secret before ends after the overlap, or earlier: as soon as the new one is used, if that was chosen,
   when somebody finishes the rotation, and never later than the key itself.
3. While an overlap runs, another rotation would end a secret that somebody may still use: that has to be
   said.
4. What was ended by somebody stays at its end, whatever the wall clock does afterwards.
5. Undoing makes the secret before the key's own again and ends the new one at once, for as long as the
   overlap runs. Secrets that ended stay recognised, and stay refused.
"""

import math
from dataclasses import replace

from gateway.core.keys import ApiKey, Secret, Status, digest_of, preview_of
from gateway.core.policy import moment
from gateway.keeper.desk import Problem, Rotation, RuleBroken, StateConflict
from gateway.keeper.expiry import MOMENT_MAX


def rotated(key: ApiKey, rotation: Rotation, secret: Secret, now: float) -> ApiKey:
    """The record with this secret as its own."""
    refuse_dead(key, now)
    until = _until(key, rotation, now)
    if key.overlap_runs(now) and not rotation.end_previous:
        raise StateConflict(
            f"key {key.id} was rotated before, and the secret before that works until "
            f"{moment(key.previous_secret_valid_until)}: finish or undo that rotation first, or say that it "
            "ends now"
        )
    return replace(
        key,
        digest=digest_of(secret.reveal()),
        preview=preview_of(secret),
        rotated_at=now,
        previous_digest=key.digest if until > now else None,
        previous_preview=key.preview,
        previous_secret_valid_until=until,
        previous_until_first_use=rotation.until_first_use,
        previous_secret_last_used_at=None,
        previous_secret_last_used_from=None,
    )


def undone(key: ApiKey, now: float) -> ApiKey:
    """The record with the secret before as its own again."""
    refuse_dead(key, now)
    if not key.overlap_runs(now) or key.previous_digest is None:
        raise StateConflict(
            f"key {key.id} has no rotation to undo: that is possible until the secret before has ended"
        )
    return replace(
        key,
        digest=key.previous_digest,
        preview=key.previous_preview or key.preview,
        rotated_at=now,
        previous_digest=None,
        previous_preview=None,
        previous_secret_valid_until=None,
        previous_until_first_use=False,
        previous_secret_last_used_at=None,
        previous_secret_last_used_from=None,
    )


def finished(key: ApiKey, now: float) -> ApiKey:
    """The record with the secret before at its end; the same where that has ended already."""
    if not key.overlap_runs(now):
        return key
    return replace(key, previous_digest=None, previous_secret_valid_until=now, previous_until_first_use=False)


def refuse_revoked(key: ApiKey) -> None:
    """Raise `StateConflict` for a revoked key."""
    if key.revoked_at is not None:
        raise StateConflict(f"key {key.id} is revoked, and that is for good: create a new key")


def refuse_dead(key: ApiKey, now: float) -> None:
    """Raise `StateConflict` for a key that is revoked or expired."""
    refuse_revoked(key)
    if key.status(now) is Status.EXPIRED:
        raise StateConflict(f"key {key.id} has expired, a new secret would not revive it: create a new key")


def _until(key: ApiKey, rotation: Rotation, now: float) -> float:
    overlap_s = rotation.overlap_s
    if overlap_s is None and not rotation.until_first_use:
        raise _no_overlap("say how long the secret before still works, such as 24h")
    if overlap_s is not None and not (math.isfinite(overlap_s) and 0 <= overlap_s <= MOMENT_MAX):
        raise _no_overlap("the overlap must be a duration from 0s on, such as 24h")
    until = MOMENT_MAX if overlap_s is None else now + overlap_s
    return min(until, key.expires_at or MOMENT_MAX)


def _no_overlap(message: str) -> RuleBroken:
    return RuleBroken(message, (Problem("overlap", message),))
