"""Guarantees of gateway/admin/api/access.py: who is let in to the management API, and who is told to wait."""

from typing import Any

import pytest

from gateway.admin.api.operations import OPERATIONS, REVOKE_BY_VALUE, Operation
from gateway.keeper.desk import Rotation
from tests.unit.admin.api.stand import STRANGER, Held, Stand, Told, path_of, perform

KEPT = [operation for operation in OPERATIONS if operation is not REVOKE_BY_VALUE]
FOREIGN = "sk-" + "a" * 40
each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
each_kept = pytest.mark.parametrize("operation", KEPT, ids=lambda each: each.name)


def refused(told: Told, status: int, reason: str) -> bool:
    assert (told.status, told.code, told.headers["X-Keyhatch-Reason"]) == (status, reason, reason)
    assert ("WWW-Authenticate" in told.headers) == (status == 401)
    return True


@each_operation
async def test_nothing_is_told_to_whoever_shows_no_key(stand: Stand, operation: Operation) -> None:
    told = await stand.ask(None, operation.method, path_of(operation, "key_1"))
    assert refused(told, 401, "credential_missing")


@each_kept
@pytest.mark.parametrize(
    ("secret", "reason"),
    [(FOREIGN, "credential_foreign"), (STRANGER[:-1], "credential_malformed"), (STRANGER, "key_unknown")],
)
async def test_what_is_no_key_of_ours_is_refused_everywhere(
    stand: Stand, operation: Operation, secret: str, reason: str
) -> None:
    told = await perform(stand, secret, operation)
    assert refused(told, 401, reason)
    assert secret.encode() not in told.raw


@each_kept
@pytest.mark.parametrize("reason", ["key_revoked", "key_expired", "key_disabled", "key_rotated"])
async def test_a_key_that_died_is_refused_everywhere(stand: Stand, operation: Operation, reason: str) -> None:
    held = await dying(stand, reason)
    assert refused(await perform(stand, held, operation), 401, reason)
    assert stand.uses == []


async def dying(stand: Stand, reason: str) -> Held:
    held = await stand.make("dies", "keyhatch:admin", expires_at=stand.clock.now() + 60)
    match reason:
        case "key_revoked":
            await stand.keyring.revoke(held.id)
        case "key_disabled":
            await stand.keyring.disable(held.id)
        case "key_rotated":
            await stand.keyring.rotate(held.id, Rotation(overlap_s=0.0))
        case _:
            stand.clock.time += 60
    return held


@each_kept
@pytest.mark.parametrize("scopes", [(), ("*",), ("chat:write", "models:*")])
async def test_a_key_that_may_not_manage_is_refused_everything_but_itself(
    stand: Stand, operation: Operation, scopes: tuple[str, ...]
) -> None:
    other = await stand.make("other")
    held = await stand.make("app", *scopes, owner="ann")
    before = stand.record(other), stand.record(held), len(stand.store._keys)
    told = await perform(stand, held, operation, other.id)
    if operation.name == "getMe":
        assert told.json["id"] == held.id
    else:
        assert (told.status, told.code) == (403, "not_allowed")
    assert (stand.record(other), stand.record(held), len(stand.store._keys)) == before


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "bearer {}"},
        {"Authorization": "Bearer  Bearer '{}'"},
        {"X-API-Key": " {} "},
        {"api-key": "{}"},
        {"xi-api-key": "{}"},
        {"x-goog-api-key": "{}"},
    ],
)
async def test_a_key_is_shown_as_on_the_proxied_port(
    stand: Stand, admin: Held, headers: dict[str, str]
) -> None:
    sent = {name: value.format(admin.secret) for name, value in headers.items()}
    assert (await stand.ask(None, "GET", "/me", headers=sent)).json["id"] == admin.id


async def test_two_different_keys_are_refused_and_neither_is_repeated(stand: Stand, admin: Held) -> None:
    told = await stand.ask(admin, "GET", "/me", headers={"X-API-Key": STRANGER})
    assert refused(told, 400, "credential_ambiguous")
    assert STRANGER.encode() not in told.raw
    assert admin.secret.encode() not in told.raw


@pytest.mark.parametrize("name", ["access_token", "api_key"])
async def test_a_key_in_the_query_is_no_credential(stand: Stand, admin: Held, name: str) -> None:
    told = await stand.ask(None, "GET", f"/me?{name}={admin.secret}")
    assert refused(told, 401, "credential_missing")


async def test_a_key_works_from_its_networks_alone(stand: Stand) -> None:
    here = await stand.make("here", "keyhatch:read", allow_from=("127.0.0.0/8",))
    there = await stand.make("there", "keyhatch:read", allow_from=("10.0.0.0/8",))
    assert (await stand.ask(here, "GET", "/keys")).status == 200
    assert refused(await stand.ask(there, "GET", "/keys"), 403, "address_not_allowed")


async def test_a_revoked_key_is_refused_from_that_moment(stand: Stand, admin: Held) -> None:
    assert (await stand.ask(admin, "POST", f"/keys/{admin.id}/revoke")).status == 200
    assert refused(await stand.ask(admin, "GET", "/me"), 401, "key_revoked")


async def test_the_secret_before_still_opens_within_its_overlap(stand: Stand, admin: Held) -> None:
    await stand.keyring.rotate(admin.id, Rotation(overlap_s=60.0))
    assert (await stand.ask(admin, "GET", "/me")).status == 200
    stand.clock.time += 60
    assert refused(await stand.ask(admin, "GET", "/me"), 401, "key_rotated")


async def test_a_use_is_noted_and_a_refused_attempt_is_none(stand: Stand, admin: Held) -> None:
    await stand.ask(STRANGER, "GET", "/me")
    assert stand.uses == []
    await stand.ask(admin, "GET", "/me")
    assert stand.uses == [(admin.id, "127.0.0.1")]


@pytest.mark.parametrize("guess", [STRANGER, STRANGER[:-1]])
async def test_the_21st_wrong_guess_in_a_row_is_told_to_wait(stand: Stand, guess: str) -> None:
    for _ in range(20):
        assert (await stand.ask(guess, "GET", "/me")).status == 401
    told = await stand.ask(guess, "GET", "/me")
    assert (told.status, told.code, told.headers["Retry-After"]) == (429, "too_many_failures", "3")


async def test_whoever_waited_as_told_is_judged_again(stand: Stand) -> None:
    for _ in range(30):
        await stand.ask(STRANGER, "GET", "/me")
    told = await stand.ask(STRANGER, "GET", "/me")
    stand.clock.time += int(told.headers["Retry-After"])
    assert refused(await stand.ask(STRANGER, "GET", "/me"), 401, "key_unknown")
    assert (await stand.ask(STRANGER, "GET", "/me")).status == 429


async def test_a_right_key_passes_whatever_came_from_its_address(stand: Stand, admin: Held) -> None:
    for _ in range(25):
        await stand.ask(STRANGER, "GET", "/me")
    assert (await stand.ask(admin, "GET", "/me")).status == 200


@pytest.mark.parametrize("secret", [None, FOREIGN])
async def test_to_show_nothing_or_the_key_of_another_is_no_guess(stand: Stand, secret: str | None) -> None:
    for _ in range(30):
        assert (await stand.ask(secret, "GET", "/me")).status == 401
    assert (await stand.ask(STRANGER, "GET", "/me")).status == 401


async def test_a_key_that_has_died_is_no_guess(stand: Stand) -> None:
    held = await dying(stand, "key_revoked")
    for _ in range(30):
        assert (await stand.ask(held, "GET", "/me")).status == 401


def by_value(stand: Stand, key: str) -> Any:
    return stand.ask(None, "POST", "/keys/revoke-by-value", {"key": key})


async def test_who_guesses_by_value_is_told_to_wait_too(stand: Stand, admin: Held) -> None:
    for _ in range(20):
        assert refused(await by_value(stand, STRANGER), 401, "key_unknown")
    assert (await by_value(stand, STRANGER)).status == 429
    assert (await by_value(stand, admin.secret)).status == 200


@pytest.mark.parametrize("reason", ["key_expired", "key_disabled", "key_rotated"])
async def test_by_value_nothing_is_ended_that_does_not_live(stand: Stand, reason: str) -> None:
    held = await dying(stand, reason)
    before = stand.record(held)
    assert refused(await by_value(stand, held.secret), 401, reason)
    assert stand.record(held) == before


@pytest.mark.parametrize(
    ("text", "reason"),
    [(FOREIGN, "credential_foreign"), ("x", "credential_foreign"), (STRANGER[:-1], "credential_malformed")],
)
async def test_by_value_what_is_no_key_is_401(stand: Stand, text: str, reason: str) -> None:
    assert refused(await by_value(stand, text), 401, reason)
