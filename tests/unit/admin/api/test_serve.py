"""Guarantees of gateway/admin/api/serve.py: the way of a request, and what becomes of trouble on it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.admin.api import asked
from gateway.admin.api.operations import BASE, OPERATIONS, Operation
from gateway.keeper.ports import StoreUnavailable
from gateway.store.faults import StoreFull
from tests.unit.admin.api.stand import BODIES, STRANGER, Held, Stand, perform

PATH = "/var/lib/keyhatch/keyhatch.db"
WRITES = ("insert", "update", "delete")
READS = ("get", "page", "find_once", "audit", "find_by_digest", "find_by_name", "count_living")
each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)


def breaks(stand: Stand, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], error: Exception) -> None:
    """From now on these acts of the store fail."""

    async def fail(*_: Any, **__: Any) -> None:
        raise error

    for name in names:
        monkeypatch.setattr(stand.store, name, fail)


@each_operation
async def test_a_store_that_does_not_answer_is_503_and_names_no_path(
    stand: Stand,
    admin: Held,
    operation: Operation,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    breaks(stand, monkeypatch, READS, StoreUnavailable(f"{PATH} cannot be read"))
    told = await perform(stand, admin, operation, admin.id)
    assert (told.status, told.code) == (503, "store_unavailable")
    assert told.headers["Retry-After"] == "1"
    assert PATH.encode() not in told.raw
    (record,) = [each for each in caplog.records if each.name == "gateway.api"]
    assert record.getMessage() == f"request {told.json['request_id']}: {PATH} cannot be read"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [(StoreUnavailable(PATH), 503, "store_unavailable"), (StoreFull(PATH), 507, "store_full")],
)
async def test_what_the_store_refuses_shows_no_secret_and_leaves_nothing(
    stand: Stand, admin: Held, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, code: str
) -> None:
    before = dict(stand.store._keys), list(stand.store._entries), list(stand.changes)
    breaks(stand, monkeypatch, WRITES, error)
    for path, body in (("/keys", {"name": "a"}), (f"/keys/{admin.id}/rotate", None)):
        told = await stand.ask(admin, "POST", path, body, headers={"Idempotency-Key": "a"})
        assert (told.status, told.code, told.json["errors"]) == (status, code, [])
        assert "key" not in told.json
        assert PATH.encode() not in told.raw
    assert (stand.store._keys, stand.store._entries, stand.changes) == before
    monkeypatch.undo()
    told = await stand.ask(admin, "POST", "/keys", {"name": "a"}, headers={"Idempotency-Key": "a"})
    assert told.status == 201


async def test_an_accident_is_500_and_one_traceback_without_the_secret(
    stand: Stand, admin: Held, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    breaks(stand, monkeypatch, ("find_by_digest",), ZeroDivisionError(PATH))
    with caplog.at_level(logging.DEBUG):
        told = await stand.ask(admin, "POST", "/keys/verify", {"key": STRANGER})
    assert (told.status, told.code) == (500, "unexpected")
    assert PATH.encode() not in told.raw
    (record,) = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert record.getMessage() == f"request {told.json['request_id']} met something unexpected"
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ZeroDivisionError)
    assert STRANGER not in caplog.text
    assert admin.secret not in caplog.text


async def test_the_stand_survives_an_accident(
    stand: Stand, admin: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaks(stand, monkeypatch, ("page",), RuntimeError())
    assert (await stand.ask(admin, "GET", "/keys")).status == 500
    monkeypatch.undo()
    assert (await stand.ask(admin, "GET", "/keys")).status == 200


async def test_every_answer_has_an_id_of_its_own(stand: Stand, admin: Held) -> None:
    told = [
        await stand.ask(admin, "GET", "/me"),
        await stand.ask(admin, "GET", "/me"),
        await stand.ask(None, "GET", "/me"),
        await stand.ask(admin, "POST", "/keys"),
    ]
    assert len({each.headers["X-Request-Id"] for each in told}) == 4
    for problem in told[2:]:
        assert problem.json["request_id"] == problem.headers["X-Request-Id"]


async def test_an_id_of_the_callers_is_not_taken_over(stand: Stand, admin: Held) -> None:
    told = await stand.ask(admin, "GET", "/me", headers={"X-Request-Id": "mine"})
    assert told.headers["X-Request-Id"] != "mine"


@each_operation
async def test_no_answer_is_stored(stand: Stand, admin: Held, operation: Operation) -> None:
    for by in (None, admin):
        told = await perform(stand, by, operation, admin.id)
        assert told.headers["Cache-Control"] == "no-store"
        assert told.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/keys", {"GET", "HEAD", "POST"}),
        ("/keys/key_0123456789abcdef", {"GET", "HEAD", "PATCH", "DELETE"}),
        ("/keys/verify", {"POST"}),
        ("/keys/revoke-by-value", {"POST"}),
        ("/keys/import", {"POST"}),
        ("/keys/export", {"GET", "HEAD"}),
        ("/usage", {"GET", "HEAD"}),
        ("/keys/key_0123456789abcdef/rotate", {"POST"}),
        ("/keys/key_0123456789abcdef/undo-rotation", {"POST"}),
        ("/scopes", {"GET", "HEAD"}),
        ("/audit", {"GET", "HEAD"}),
        ("/audit/chain", {"GET", "HEAD"}),
        ("/explain", {"POST"}),
        ("/me", {"GET", "HEAD"}),
        ("/openapi.json", {"GET", "HEAD"}),
    ],
)
async def test_a_wrong_method_is_405_and_told_exactly_the_right_ones(
    stand: Stand, admin: Held, path: str, allow: set[str]
) -> None:
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"} - allow:
        told = await stand.ask(admin, method, path)
        assert told.status == 405
        assert set(told.headers["Allow"].split(",")) == allow
        assert told.json["title"] == "Method Not Allowed"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/nothing",
        "/keys/",
        "/keys//rotate",
        "/keys/key_0123456789abcdef/",
        "/me/",
        "/usage/x",
        "/keys/key_0123456789abcdef/rotate/now",
        "/v2/keys",
        "/KEYS",
    ],
)
async def test_an_unknown_path_is_404(stand: Stand, admin: Held, path: str) -> None:
    for method in ("GET", "POST"):
        told = await stand.ask(admin, method, path)
        assert (told.status, told.json["title"]) == (404, "Not Found")


@pytest.mark.parametrize("path", ["/keys", "/me", "/scopes", "/audit", "/audit/chain", "/keys/{id}"])
async def test_head_is_get_without_its_body(stand: Stand, admin: Held, path: str) -> None:
    path = path.replace("{id}", admin.id)
    whole, head = [await stand.ask(admin, method, path) for method in ("GET", "HEAD")]
    assert (head.status, head.raw) == (200, b"")
    for name in ("Content-Type", "Content-Length", "ETag"):
        assert head.headers.get(name) == whole.headers.get(name)


async def test_who_may_not_ask_learns_nothing_of_what_is_wrong_with_the_question(stand: Stand) -> None:
    told = await stand.ask(STRANGER, "POST", "/keys?x=1", raw=b"{", media="text/plain")
    assert (told.status, told.code) == (401, "key_unknown")


@pytest.mark.parametrize(
    ("raw", "media"),
    [
        (b"", "application/json"),
        (b"{", "application/json"),
        (b"{}", "application/json"),
        (b'{"key": 1}', "application/json"),
        (b'{"key": ""}', "application/json"),
        (b'{"key": "a", "key": "b"}', "application/json"),
        (b'{"key": "%b"}' % STRANGER.encode(), "text/plain"),
        (b"[]", "application/json"),
        (b" " * 65_537, "application/json"),
        (b'{"key": "%b"}' % (b"a" * 4_097), "application/json"),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_by_value_a_body_without_a_key_is_no_credential(stand: Stand, raw: bytes, media: str) -> None:
    told = await stand.ask(None, "POST", "/keys/revoke-by-value", raw=raw, media=media)
    assert (told.status, told.code) == (401, "credential_missing")
    assert told.headers["WWW-Authenticate"] == 'Bearer realm="keyhatch"'
    assert STRANGER.encode() not in told.raw


async def test_by_value_a_wrong_query_ends_nothing(stand: Stand) -> None:
    key = await stand.make("key")
    told = await stand.ask(None, "POST", "/keys/revoke-by-value?x=1", {"key": key.secret})
    assert (told.status, told.fields) == (422, ["x"])
    assert stand.record(key).revoked_at is None


async def test_no_answer_but_that_of_a_new_secret_holds_one(
    stand: Stand, admin: Held, caplog: pytest.LogCaptureFixture
) -> None:
    key = await stand.make("key")
    issuing = {"createKey", "rotateKey"}
    with caplog.at_level(logging.DEBUG, "gateway"):
        for operation in sorted(OPERATIONS, key=lambda each: each.name == "deleteKey"):
            path = operation.path.replace("{id}", key.id)
            body = BODIES.get(operation.name)
            told = await stand.ask(admin, operation.method, path, body)
            assert (b'"key": "kh_' in told.raw) == (operation.name in issuing), operation.name
            assert admin.secret.encode() not in told.raw
            assert key.secret.encode() not in told.raw
    assert key.secret not in caplog.text


async def test_the_document_is_told_to_anybody(stand: Stand) -> None:
    told = await stand.ask(None, "GET", "/openapi.json")
    assert (told.status, told.json["openapi"]) == (200, "3.1.0")
    assert told.headers["Content-Type"] == "application/json; charset=utf-8"


async def test_answers_are_utf_8(stand: Stand, admin: Held) -> None:
    told = await stand.ask(admin, "POST", "/keys", {"name": "Büro ☕ 𝒳"})
    assert "Büro ☕ 𝒳".encode() in told.raw
    assert told.headers["Content-Type"] == "application/json; charset=utf-8"


async def test_a_key_that_ends_while_its_body_comes_does_nothing_more(stand: Stand, admin: Held) -> None:
    """Who stole a key cannot keep a question open, and finish it when the key has been revoked."""
    thief = await stand.make("stolen", "keyhatch:admin")

    async def slowly() -> AsyncIterator[bytes]:
        yield b'{"name": "late", '
        assert (await stand.ask(admin, "POST", f"/keys/{thief.id}/revoke")).status == 200
        yield b'"scopes": ["keyhatch:admin"]}'

    headers = {"X-API-Key": thief.secret, "Content-Type": "application/json"}
    async with stand.client.post(f"{BASE}/keys", data=slowly(), headers=headers) as answer:
        assert (answer.status, (await answer.json())["code"]) == (401, "key_revoked")
    assert {key.name for key in stand.store._keys.values()} == {"admin", "stolen"}


async def test_a_body_that_does_not_come_is_not_waited_for_long(
    stand: Stand, admin: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asked, "BODY_S", 0.01)

    async def stuck() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    headers = {"X-API-Key": admin.secret, "Content-Type": "application/json"}
    for path, status, code in (
        ("/keys", 408, "request_timeout"),
        ("/keys/revoke-by-value", 401, "credential_missing"),  # whose right to ask is in the body
    ):
        async with stand.client.post(BASE + path, data=stuck(), headers=headers) as answer:
            told = await answer.json()
        assert (answer.status, told["code"]) == (status, code)
        assert "did not arrive within" in told["detail"]
