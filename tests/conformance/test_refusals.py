"""Every refusal a plane can speak: status, reason, challenge, one body for all SDKs, nothing forwarded."""

import re
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.core.keys import ApiKey
from gateway.core.refusal import Reason
from gateway.wire.injection import Injection
from gateway.wire.request_head import Limits
from tests.conformance.conftest import BuildStand
from tests.support.http_samples import websocket
from tests.support.plane_stand import (
    ELSEWHERE,
    EPOCH_S,
    KEY,
    OTHER_KEY,
    STRANGE_KEY,
    key,
    request,
)
from tests.support.raw_caller import json_body
from tests.support.raw_connection import eventually
from tests.support.scripted_upstream import CLOSE, playing
from tests.support.strict_http import Message

CHALLENGE_401 = b'Bearer realm="keyhatch", error="invalid_token"'
SCOPE_CHALLENGE = b'Bearer realm="keyhatch", error="insufficient_scope", scope="%b"'


@dataclass(frozen=True)
class Case:
    """One refusal: what is sent, on which setting, and what has to be in the answer."""

    status: int
    reason: Reason
    sent: bytes
    keys: tuple[ApiKey, ...] = (key(),)
    extra: dict[bytes, bytes] = field(default_factory=dict)
    says: tuple[str, ...] = ()
    kind: str = "invalid_request_error"
    closes: bool = False
    setting: dict[str, Any] = field(default_factory=dict)
    reaches_upstream: bool = False


def refused_401(reason: Reason, sent: bytes, *says: str, keys: tuple[ApiKey, ...] = (key(),)) -> Case:
    extra = {b"www-authenticate": CHALLENGE_401}
    closes = b"Upgrade: websocket" in sent
    return Case(401, reason, sent, keys, extra, says, kind="authentication_error", closes=closes)


def get(target: bytes, *fields: bytes, shown: bytes | None = KEY, method: bytes = b"GET") -> bytes:
    return request(method + b" " + target + b" HTTP/1.1", *fields, shown=shown)


SINCE = EPOCH_S - 60
MOMENT = "2027-01-15T07:59:00Z"

CASES = {
    "credential_missing": Case(
        401,
        Reason.CREDENTIAL_MISSING,
        get(b"/any/x", shown=None),
        extra={b"www-authenticate": b'Bearer realm="keyhatch"'},
        says=("Authorization: Bearer", "X-API-Key"),
        kind="authentication_error",
    ),
    "credential_missing-websocket": Case(
        401,
        Reason.CREDENTIAL_MISSING,
        websocket(shown=None),
        extra={b"www-authenticate": b'Bearer realm="keyhatch"'},
        kind="authentication_error",
        closes=True,
    ),
    "credential_foreign-openai": refused_401(
        Reason.CREDENTIAL_FOREIGN,
        get(b"/any/x", b"Authorization: Bearer sk-proj-abcdefghijklmnopqrstuvwxyz", shown=None),
        "OpenAI",
        "kh_",
    ),
    "credential_foreign-anthropic": refused_401(
        Reason.CREDENTIAL_FOREIGN, get(b"/any/x", shown=b"sk-ant-api03-abc"), "Anthropic", "X-API-Key"
    ),
    "credential_foreign-openrouter": refused_401(
        Reason.CREDENTIAL_FOREIGN, get(b"/any/x", shown=b"sk-or-v1-abc"), "OpenRouter"
    ),
    "credential_foreign-elevenlabs": refused_401(
        Reason.CREDENTIAL_FOREIGN, get(b"/any/x", b"xi-api-key: sk_" + b"0" * 48, shown=None), "ElevenLabs"
    ),
    "credential_malformed-short": refused_401(
        Reason.CREDENTIAL_MALFORMED, get(b"/any/x", shown=KEY[:-2]), "50 characters", "52 characters"
    ),
    "credential_malformed-checksum": refused_401(
        Reason.CREDENTIAL_MALFORMED, get(b"/any/x", shown=b"kh_" + b"0" * 49), "checksum"
    ),
    "credential_malformed-characters": refused_401(
        Reason.CREDENTIAL_MALFORMED,
        get(b"/any/x", shown=b"kh_" + "ключ".encode()),
        "characters that no key has",
    ),
    "credential_malformed-prefix-alone": refused_401(
        Reason.CREDENTIAL_MALFORMED, get(b"/any/x", shown=b"kh_"), "mistyped or truncated"
    ),
    "credential_ambiguous": Case(
        400,
        Reason.CREDENTIAL_AMBIGUOUS,
        get(b"/any/x", b"api-key: " + OTHER_KEY),
        says=("X-API-Key and api-key",),
    ),
    "key_unknown": refused_401(Reason.KEY_UNKNOWN, get(b"/any/x", shown=STRANGE_KEY), "deleted"),
    "key_unknown-websocket": refused_401(Reason.KEY_UNKNOWN, websocket(shown=STRANGE_KEY)),
    "key_revoked": refused_401(Reason.KEY_REVOKED, get(b"/any/x"), MOMENT, keys=(key(revoked_at=SINCE),)),
    "key_expired": refused_401(Reason.KEY_EXPIRED, get(b"/any/x"), MOMENT, keys=(key(expires_at=SINCE),)),
    "key_expired-this-instant": refused_401(
        Reason.KEY_EXPIRED, get(b"/any/x"), keys=(key(expires_at=EPOCH_S),)
    ),
    "key_disabled": refused_401(Reason.KEY_DISABLED, get(b"/any/x"), MOMENT, keys=(key(disabled_at=SINCE),)),
    "key_rotated": refused_401(
        Reason.KEY_ROTATED,
        get(b"/any/x"),
        MOMENT,
        keys=(
            key(
                digest=b"n" * 32,
                previous_digest=key().digest,
                rotated_at=SINCE - 60,
                previous_secret_valid_until=SINCE,
            ),
        ),
    ),
    "scope_missing": Case(
        403,
        Reason.SCOPE_MISSING,
        get(b"/admin/x"),
        extra={b"www-authenticate": SCOPE_CHALLENGE % b"admin:write"},
        says=("admin:write", "chat:write"),
        kind="permission_error",
    ),
    "scope_missing-any-of": Case(
        403,
        Reason.SCOPE_MISSING,
        get(b"/either/x"),
        extra={b"www-authenticate": SCOPE_CHALLENGE % b"admin:read admin:write"},
        says=("one of: admin:read admin:write",),
        kind="permission_error",
    ),
    "scope_missing-websocket": Case(
        403, Reason.SCOPE_MISSING, websocket(b"/admin/ws"), kind="permission_error", closes=True
    ),
    "address_not_allowed": Case(
        403,
        Reason.ADDRESS_NOT_ALLOWED,
        get(b"/any/x"),
        keys=(key(allow_from=(ELSEWHERE,)),),
        says=("127.0.0.1",),
        kind="permission_error",
    ),
    "no_route": Case(404, Reason.NO_ROUTE, get(b"/nowhere"), kind="not_found_error"),
    "no_route-without-key": Case(404, Reason.NO_ROUTE, get(b"/nowhere", shown=None), kind="not_found_error"),
    "no_route-options": Case(
        404, Reason.NO_ROUTE, get(b"/nowhere", method=b"OPTIONS", shown=None), kind="not_found_error"
    ),
    "no_route-own-path": Case(404, Reason.NO_ROUTE, get(b"/.keyhatch/other"), kind="not_found_error"),
    "method_not_allowed": Case(
        405,
        Reason.METHOD_NOT_ALLOWED,
        get(b"/read", method=b"POST"),
        extra={b"allow": b"GET, HEAD"},
        says=("POST", "GET, HEAD"),
    ),
    "method_not_allowed-without-key": Case(
        405,
        Reason.METHOD_NOT_ALLOWED,
        get(b"/read", method=b"DELETE", shown=None),
        extra={b"allow": b"GET, HEAD"},
    ),
    "method_not_allowed-own-path": Case(
        405, Reason.METHOD_NOT_ALLOWED, get(b"/.keyhatch/me", method=b"POST"), extra={b"allow": b"GET, HEAD"}
    ),
    "target_ambiguous": Case(
        400, Reason.TARGET_AMBIGUOUS, get(b"/any/../admin/x"), closes=True, says=("dot",)
    ),
    "target_ambiguous-other-guard": Case(400, Reason.TARGET_AMBIGUOUS, get(b"/any/Vault/x"), closes=True),
    "request_malformed": Case(
        400,
        Reason.REQUEST_MALFORMED,
        get(b"/any/x", b"X_A: b"),
        closes=True,
        says=("rule of HTTP",),
    ),
    "header_too_large": Case(
        431, Reason.HEADER_TOO_LARGE, get(b"/any/" + b"a" * 9000), closes=True, says=("8192 bytes",)
    ),
    "body_too_large": Case(
        413,
        Reason.BODY_TOO_LARGE,
        get(b"/any/x", b"Content-Length: 1001", method=b"POST") + bytes(1001),
        setting={"limits": Limits(body_bytes_max=1000)},
        closes=True,
        says=("1000 bytes",),
        kind="request_too_large",
    ),
    "request_timeout": Case(
        408,
        Reason.REQUEST_TIMEOUT,
        b"GET /any/x HTTP/1.1\r\nHost: h\r\n",
        setting={"limits": Limits(head_timeout_s=0.1)},
        closes=True,
        says=("0.1 seconds",),
        kind="timeout_error",
    ),
    "upstream_unreachable": Case(
        502, Reason.UPSTREAM_UNREACHABLE, get(b"/down/x"), says=("cannot be reached",), kind="api_error"
    ),
    "upstream_protocol": Case(
        502,
        Reason.UPSTREAM_PROTOCOL,
        get(b"/any/x"),
        setting={"script": playing(b"nonsense\r\n\r\n", CLOSE)},
        kind="api_error",
        reaches_upstream=True,
    ),
    "upstream_timeout": Case(
        504,
        Reason.UPSTREAM_TIMEOUT,
        get(b"/any/x"),
        setting={"script": playing(), "timeout_first_byte_s": 0.1},
        says=("begin to answer",),
        kind="timeout_error",
        reaches_upstream=True,
    ),
    "upstream_credential_invalid": Case(
        502,
        Reason.UPSTREAM_CREDENTIAL_INVALID,
        get(b"/any/x"),
        setting={"injection": Injection(())},
        says=("Your key is fine",),
        kind="api_error",
    ),
}
ALWAYS = (b"content-type", b"cache-control", b"x-content-type-options", b"x-keyhatch-reason", b"x-request-id")


def assert_refused(response: Message, status: int, reason: Reason, kind: str) -> str:
    """All that every refusal has to be; returns its message."""
    assert (response.status, response.one(b"x-keyhatch-reason")) == (status, reason.encode("ascii"))
    assert [response.one(name) is not None for name in ALWAYS] == [True] * len(ALWAYS)
    assert response.one(b"cache-control") == b"no-store"
    body = json_body(response)
    message = body["error"]["message"]
    request_id = (response.one(b"x-request-id") or b"").decode("ascii")
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", request_id)
    assert body == {
        "type": "error",
        "error": {"type": kind, "code": reason.value, "message": message, "param": None},
        "detail": {"status": reason.value, "message": message},
        "request_id": request_id,
    }
    assert message.endswith(".")
    return str(message)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_a_refusal_says_what_and_why_and_forwards_nothing(build: BuildStand, case: Case) -> None:
    stand = await build(keys=case.keys, **case.setting)
    caller = await stand.call(case.sent)
    if case.closes:
        response = await caller.last_response()
        assert response.one(b"connection") == b"close"
    else:
        response = await caller.response()
        assert response.one(b"connection") is None
    message = assert_refused(response, case.status, case.reason, case.kind)
    assert [word for word in case.says if word not in message] == []
    assert "127.0.0.1:" not in message
    challenged = {name: value for name in (b"www-authenticate", b"allow") if (value := response.one(name))}
    if case.extra or case.status in (401, 405):
        assert challenged == case.extra
    if not case.reaches_upstream:
        stand.assert_untouched()
    told = await stand.exchange()
    assert (told.status, told.reason) == (case.status, case.reason)


STAYS_OPEN = {name: case for name, case in CASES.items() if not case.closes and not case.setting}


@pytest.mark.parametrize("case", STAYS_OPEN.values(), ids=STAYS_OPEN)
async def test_the_connection_serves_on_after_a_refusal(build: BuildStand, case: Case) -> None:
    stand = await build(keys=case.keys)
    caller = await stand.call(case.sent)
    assert (await caller.response()).status == case.status
    caller.send(get(b"/open/x", shown=None))
    assert (await caller.response()).status == 200


@pytest.mark.parametrize(
    "case", ["credential_missing", "no_route", "method_not_allowed", "upstream_unreachable"]
)
async def test_a_refused_head_has_no_body(build: BuildStand, case: str) -> None:
    stand = await build()
    method = b"POST" if case == "method_not_allowed" else b"GET"
    sent = CASES[case].sent.replace(method, b"HEAD", 1)
    if case == "method_not_allowed":
        sent = sent.replace(b"/read", b"/odd")
    caller = await stand.call(sent)
    response = await caller.response(to=b"HEAD")
    assert (response.status, response.one(b"x-keyhatch-reason")) == (CASES[case].status, case.encode("ascii"))
    assert int(response.one(b"content-length") or b"0") > 100
    caller.send(get(b"/open/x", shown=None))
    assert (await caller.response()).status == 200


async def test_a_broken_store_refuses_what_it_has_to_look_up(build: BuildStand) -> None:
    stand = await build()
    stand.store.is_broken = True
    caller = await stand.call(get(b"/any/x"))
    response = await caller.response()
    assert "could not be checked" in assert_refused(response, 503, Reason.STORE_UNAVAILABLE, "api_error")
    assert response.one(b"retry-after") == b"1"
    assert stand.store_errors == 1
    stand.assert_untouched()


async def test_a_broken_store_leaves_known_keys_alone(build: BuildStand) -> None:
    stand = await build()
    caller = await stand.call(get(b"/any/x"))
    assert (await caller.response()).status == 200
    stand.store.is_broken = True
    caller.send(get(b"/any/x"))
    assert (await caller.response()).status == 200


async def test_many_who_wait_for_one_key_ask_the_store_once(build: BuildStand) -> None:
    stand = await build()
    stand.store.may_answer.clear()
    callers = [await stand.call(get(b"/any/x")) for _ in range(20)]
    await eventually(lambda: stand.notebook.begun == len(callers), "all of them wait")
    stand.store.may_answer.set()
    for caller in callers:
        assert (await caller.response()).status == 200
    assert stand.store.looking == 1
