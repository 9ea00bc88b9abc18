"""Guarantees of gateway/wire/reply.py: one row for each reason, one body for every client."""

import json
import re
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.decision import NeedKey
from gateway.core.dialect import Dialect
from gateway.core.keys import ApiKey, compose_secret, digest_of
from gateway.core.ours import Ours
from gateway.core.policy import admit, judge
from gateway.core.refusal import Deny, Reason
from gateway.core.routes import Anonymous, Route, RouteTable
from gateway.wire.reply import TABLE, Reply, answer, refusal, say_why
from gateway.wire.request_head import Head
from tests.unit.wire.heads import HOST, WEBSOCKET, lookup, reading
from tests.unit.wire.refusals import EXAMPLES

ROWS = [
    pytest.param(reason, facts, id=f"{reason.value}-{number}")
    for reason, examples in EXAMPLES.items()
    for number, facts in enumerate(examples)
]
STATUSES = {
    "credential_missing": 401,
    "credential_foreign": 401,
    "credential_malformed": 401,
    "credential_ambiguous": 400,
    "key_unknown": 401,
    "key_revoked": 401,
    "key_expired": 401,
    "key_disabled": 401,
    "key_rotated": 401,
    "signature_invalid": 401,
    "signature_expired": 401,
    "scope_missing": 403,
    "address_not_allowed": 403,
    "no_route": 404,
    "method_not_allowed": 405,
    "target_ambiguous": 400,
    "request_malformed": 400,
    "header_too_large": 431,
    "body_too_large": 413,
    "request_timeout": 408,
    "store_unavailable": 503,
    "upstream_unreachable": 502,
    "upstream_protocol": 502,
    "upstream_timeout": 504,
    "upstream_credential_invalid": 502,
}
# RFC 6750 §3: the parameters, each at most once, quoted, and of what a quoted value may hold.
CHALLENGE = re.compile(
    r'Bearer realm="keyhatch"'
    r'(, error="(invalid_token|insufficient_scope)"(, scope="[\x21\x23-\x5b\x5d-\x7e ]+")?)?'
)
SECRET = compose_secret("kh", bytes(range(32))).reveal()
OTHER_SECRET = compose_secret("kh", bytes(range(32, 64))).reveal()


def reply_to(reason: Reason, facts: Mapping[str, str]) -> Reply:
    return refusal(Deny(reason, facts, "route-1", "key-1"), "req-1", "kh")


def body_of(reply: Reply) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(reply.body)
    return body


def test_the_table_is_total_over_the_reasons() -> None:
    assert set(TABLE) == set(Reason) == set(EXAMPLES)


def test_every_reason_has_the_promised_status() -> None:
    assert {reason.value: row.status for reason, row in TABLE.items()} == STATUSES


def test_what_http_answers_in_a_way_of_its_own_is_answered_so() -> None:
    unmet = refusal(Deny(Reason.REQUEST_MALFORMED, {"rule": "x", "kind": "expectation"}), "req-1", "kh")
    assert unmet.status == 417
    version = refusal(
        Deny(Reason.REQUEST_MALFORMED, {"rule": "x", "kind": "websocket_version"}), "req-1", "kh"
    )
    assert (version.status, lookup(version.headers, b"sec-websocket-version")) == (400, [b"13"])


@pytest.mark.parametrize(("reason", "facts"), ROWS)
def test_every_reply_can_be_read_by_people_and_by_every_client(
    reason: Reason, facts: Mapping[str, str]
) -> None:
    reply = reply_to(reason, facts)
    body = body_of(reply)
    message = body["error"]["message"]
    assert body == {
        "type": "error",
        "error": {"type": body["error"]["type"], "code": reason.value, "message": message, "param": None},
        "detail": {"status": reason.value, "message": message},
        "request_id": "req-1",
    }
    assert re.fullmatch(r"[A-Z].{20,}[.…]", message)
    assert not re.search(r"[{}\n]|\bNone\b|  ", message)
    assert lookup(reply.headers, b"x-keyhatch-reason") == [reason.value.encode()]
    assert lookup(reply.headers, b"x-request-id") == [b"req-1"]
    assert lookup(reply.headers, b"content-type") == [b"application/json"]
    assert lookup(reply.headers, b"cache-control") == [b"no-store"]
    assert lookup(reply.headers, b"x-content-type-options") == [b"nosniff"]


@pytest.mark.parametrize(("reason", "facts"), ROWS)
def test_every_fact_that_is_given_is_told(reason: Reason, facts: Mapping[str, str]) -> None:
    message = body_of(reply_to(reason, facts))["error"]["message"]
    coded = {"problem", "phase", "length"}
    assert [fact for name, fact in facts.items() if name not in coded and fact not in message] == []


@pytest.mark.parametrize(("reason", "facts"), ROWS)
def test_nothing_is_told_that_was_not_asked_for(reason: Reason, facts: Mapping[str, str]) -> None:
    kept_back = {"upstream": "10.9.8.7:11434", "digest": "c0ffee", "secret": SECRET, "route": "r", "key": "k"}
    assert reply_to(reason, {**facts, **kept_back}) == reply_to(reason, facts)
    whole = repr(reply_to(reason, facts))
    assert "route-1" not in whole
    assert "key-1" not in whole


@pytest.mark.parametrize(("reason", "facts"), ROWS)
def test_a_challenge_stands_where_rfc_6750_asks_for_one(reason: Reason, facts: Mapping[str, str]) -> None:
    reply = reply_to(reason, facts)
    challenges = [value.decode() for value in lookup(reply.headers, b"www-authenticate")]
    if reply.status == 401:
        (challenge,) = challenges
        assert CHALLENGE.fullmatch(challenge)
        assert ("error=" in challenge) is (reason is not Reason.CREDENTIAL_MISSING)
        assert "scope=" not in challenge
    elif reason is Reason.SCOPE_MISSING:
        scopes = " ".join(filter(None, (facts["needed"], facts["any_of"])))
        assert challenges == [f'Bearer realm="keyhatch", error="insufficient_scope", scope="{scopes}"']
    else:
        assert challenges == []


def test_a_challenge_for_no_named_scope_names_none() -> None:
    reply = reply_to(Reason.SCOPE_MISSING, {})
    assert lookup(reply.headers, b"www-authenticate") == [
        b'Bearer realm="keyhatch", error="insufficient_scope"'
    ]


@pytest.mark.parametrize("reason", list(Reason))
def test_allow_and_retry_after_stand_where_they_are_due(reason: Reason) -> None:
    headers = reply_to(reason, EXAMPLES[reason][0]).headers
    allow = [b"GET, HEAD"] if reason is Reason.METHOD_NOT_ALLOWED else []
    retry = [b"1"] if reason is Reason.STORE_UNAVAILABLE else []
    assert (lookup(headers, b"allow"), lookup(headers, b"retry-after")) == (allow, retry)


def test_405_says_allow_even_where_nothing_is() -> None:
    reply = reply_to(Reason.METHOD_NOT_ALLOWED, {"method": "GET", "allow": ""})
    assert lookup(reply.headers, b"allow") == [b""]


@pytest.mark.parametrize("reason", list(Reason))
def test_the_connection_closes_where_the_next_request_could_not_be_found(reason: Reason) -> None:
    unsafe = {"target_ambiguous", "request_malformed", "header_too_large", "body_too_large"}
    assert reply_to(reason, EXAMPLES[reason][0]).close is (reason in unsafe | {"request_timeout"})


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        pytest.param(Reason.KEY_UNKNOWN, "authentication_error", id="401"),
        pytest.param(Reason.ADDRESS_NOT_ALLOWED, "permission_error", id="403"),
        pytest.param(Reason.NO_ROUTE, "not_found_error", id="404"),
        pytest.param(Reason.REQUEST_TIMEOUT, "timeout_error", id="408"),
        pytest.param(Reason.BODY_TOO_LARGE, "request_too_large", id="413"),
        pytest.param(Reason.REQUEST_MALFORMED, "invalid_request_error", id="400"),
        pytest.param(Reason.HEADER_TOO_LARGE, "invalid_request_error", id="431"),
        pytest.param(Reason.UPSTREAM_UNREACHABLE, "api_error", id="502"),
        pytest.param(Reason.STORE_UNAVAILABLE, "api_error", id="503"),
        pytest.param(Reason.UPSTREAM_TIMEOUT, "timeout_error", id="504"),
    ],
)
def test_the_type_is_one_that_sdks_know(reason: Reason, kind: str) -> None:
    assert body_of(reply_to(reason, EXAMPLES[reason][0]))["error"]["type"] == kind


def test_the_prefix_in_the_sentence_is_the_configured_one() -> None:
    reply = refusal(Deny(Reason.CREDENTIAL_MISSING), "req-1", "acme")
    assert "'Authorization: Bearer acme_…' or 'X-API-Key: acme_…'" in body_of(reply)["error"]["message"]


def test_what_a_caller_wrote_cannot_leave_its_place() -> None:
    facts = {"method": '"}\r\nX: {0}<script>', "allow": "GET"}
    reply = reply_to(Reason.METHOD_NOT_ALLOWED, facts)
    assert body_of(reply)["error"]["message"].startswith('"}\r\nX: {0}<script> is not allowed here.')
    assert reply.body.isascii()
    assert b"\r" not in reply.body


# --- Whatever is asked ----------------------------------------------------------------------------

NOW = 1_800_000_000.0
KEY = ApiKey(
    id="k-1", name="n", preview="p", digest=digest_of(SECRET), scopes=frozenset({"a:read"}), created_at=0.0
)
KEYS = st.builds(
    lambda **fields: ApiKey(
        **({name: getattr(KEY, name) for name in ("id", "name", "preview", "created_at")} | fields)
    ),
    digest=st.sampled_from([KEY.digest, b"new"]),
    scopes=st.sampled_from([frozenset[str](), frozenset({"a:read"}), frozenset({"*"})]),
    allow_from=st.sampled_from([(), (ip_network("192.0.2.0/24"),)]),
    expires_at=st.sampled_from([None, NOW - 1, NOW + 1]),
    disabled_at=st.sampled_from([None, 1.0]),
    revoked_at=st.sampled_from([None, 1.0]),
    rotated_at=st.sampled_from([None, 1.0]),
    previous_digest=st.sampled_from([None, KEY.digest]),
    previous_secret_valid_until=st.sampled_from([None, NOW]),
)
TABLE_OF_ROUTES = RouteTable(
    [
        Route("read", "/read", "u", methods=frozenset({"GET"}), scopes=("a:read", "a:write")),
        Route("any-of", "/any", "u", any_of=("a:write", "b:write")),
        Route("open", "/open/**", "u", public=True),
        Route("home", "/home", "u", scopes=("a:read",), anonymous=Anonymous((), frozenset())),
    ]
)
TARGETS = st.sampled_from(
    [b"/read", b"/any", b"/home", b"/open/x", b"/none", b"/.keyhatch/me", b"/.keyhatch/x", b"//", b"/READ"]
    + [f"/{path}?access_token={SECRET}".encode() for path in ("read", "open", "none")]
)
SHOWN = st.sampled_from(
    [
        SECRET,
        OTHER_SECRET,
        SECRET[:-1],
        SECRET[:-1] + "!",
        SECRET[:-1] + "0",
        "kh_",
        "sk-proj-" + "x" * 30,
        "Bearer " + SECRET,
        "Basic dXNlcjo=",
        "",
    ]
)
PLACES = st.sampled_from([b"Authorization", b"X-API-Key", b"Host", b"Cookie", b"X-Under_Score"])


@given(
    st.sampled_from([b"GET", b"POST", b"PURGE", b"B@D"]),
    TARGETS,
    st.lists(st.tuples(PLACES, SHOWN.map(str.encode)), max_size=3),
    st.booleans(),
    st.one_of(st.none(), KEYS),
)
def test_every_refusal_that_can_be_met_has_its_sentence_and_tells_no_secret(
    method: bytes, target: bytes, headers: list[tuple[bytes, bytes]], is_websocket: bool, key: ApiKey | None
) -> None:
    asked = (HOST, *headers, *(WEBSOCKET if is_websocket else ()))
    decision = head = reading(*asked, method=method, target=target)
    if isinstance(head, Head):
        decided = admit(head.view, TABLE_OF_ROUTES, Ours("kh"))
        decided = judge(decided, key, NOW) if isinstance(decided, NeedKey) else decided
        if not isinstance(decided, Deny):
            return
        decision = decided
    assert isinstance(decision, Deny)
    reply = refusal(decision, "req-1", "kh")
    assert reply.status == STATUSES[decision.reason]
    everything = reply.body + b"\n".join(value for _, value in reply.headers)
    for secret in (SECRET, OTHER_SECRET, "sk-proj-x"):
        assert secret[:12].encode() not in everything


def test_an_answer_of_our_own_is_json_that_nobody_keeps() -> None:
    reply = answer(200, {"name": "Zoë"}, "req-2")
    assert (reply.status, reply.body.decode(), reply.close) == (200, '{"name": "Zoë"}\n', False)
    assert reply.headers == (
        (b"content-type", b"application/json"),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"x-request-id", b"req-2"),
    )


@pytest.mark.parametrize(("reason", "facts"), ROWS)
def test_in_another_form_a_refusal_says_the_same(reason: Reason, facts: Mapping[str, str]) -> None:
    said = say_why(Deny(reason, facts), "kh")
    reply = refusal(Deny(reason, facts), "r1", "kh")
    headers = dict(reply.headers)
    assert said.message == json.loads(reply.body)["error"]["message"]
    assert said.status == TABLE[reason].status
    assert said.challenge == (headers[b"www-authenticate"].decode() if said.challenge else None)
    assert (said.challenge is None) == (b"www-authenticate" not in headers)


# --- Sending it again ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("reason", "facts"), ROWS)
def test_sdks_are_told_to_try_again_where_that_helps_and_not_to_where_it_costs(
    reason: Reason, facts: Mapping[str, str]
) -> None:
    headers = dict(refusal(Deny(reason, facts), "rid", "kh").headers)
    helps = reason is Reason.STORE_UNAVAILABLE
    costs = reason in {Reason.UPSTREAM_PROTOCOL, Reason.UPSTREAM_CREDENTIAL_INVALID}
    costs = costs or facts.get("phase") == "first_byte"
    assert headers.get(b"retry-after") == (b"1" if helps else None)
    assert headers.get(b"x-should-retry") == (b"false" if costs else None)


@pytest.mark.parametrize("dialect", Dialect)
def test_in_every_dialect_a_refusal_is_the_same_but_for_its_body(dialect: Dialect) -> None:
    deny = Deny(Reason.KEY_REVOKED, {"since": "2027-01-15T08:00:00Z"})
    plain, told = refusal(deny, "rid-1", "kh"), refusal(deny, "rid-1", "kh", dialect)
    assert told.status == plain.status == 401
    assert [each for each in told.headers if each[0] != b"content-type"] == [
        each for each in plain.headers if each[0] != b"content-type"
    ]
    assert say_why(deny, "kh").message.encode() in told.body
    assert b"request-id-goes-here" not in told.body
