"""Guarantees of gateway/wire/own_answers.py: what a key's holder may know, and nothing about the house."""

import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.core.keys import ApiKey
from gateway.wire.own_answers import health, me
from gateway.wire.reply import Reply

NOW = 1_800_000_000.0
DAY_S = 86_400.0
KEY = ApiKey(
    id="k-1",
    name="Zoë's laptop",
    preview="kh_AbCd…wXyZ",
    digest=b"\xd1" * 32,
    scopes=frozenset({"models:read", "chat:write"}),
    created_at=NOW - 100 * DAY_S,
    owner="zoe",
    note="for the operator's eyes",
)


def told(reply: Reply) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(reply.body)
    return body


def test_health_says_that_requests_are_taken_and_nothing_more() -> None:
    reply = health("req-1")
    assert (reply.status, told(reply)) == (200, {"status": "ok"})


def test_a_caller_without_a_key_is_nobody_in_particular() -> None:
    assert told(me(None, NOW, "req-1")) == {"name": "anonymous"}


def test_a_holder_reads_what_the_key_is_and_never_a_note_a_digest_or_who_made_it() -> None:
    reply = me(KEY, NOW, "req-1")
    assert reply.status == 200
    assert told(reply) == {
        "id": "k-1",
        "name": "Zoë's laptop",
        "owner": "zoe",
        "scopes": ["chat:write", "models:read"],
        "status": "active",
        "expires_at": None,
        "last_used_at": None,
        "last_used_from": None,
    }


@pytest.mark.parametrize(
    ("left_s", "status"),
    [(30 * DAY_S, "active"), (13 * DAY_S, "expiring")],
)
def test_times_are_utc_and_the_status_is_that_of_the_moment(left_s: float, status: str) -> None:
    key = replace(KEY, expires_at=NOW + left_s, last_used_at=NOW - 0.5, last_used_from="192.0.2.7")
    body = told(me(key, NOW, "req-1"))
    assert body["status"] == status
    assert body["expires_at"].endswith("T08:00:00Z")
    assert (body["last_used_at"], body["last_used_from"]) == ("2027-01-15T07:59:59Z", "192.0.2.7")


def test_a_later_use_than_the_records_is_told_in_its_place() -> None:
    used = replace(KEY, last_used_at=NOW - DAY_S, last_used_from="192.0.2.1")
    for reply, seen in (
        (me(used, NOW, "req-1"), ("2027-01-14T08:00:00Z", "192.0.2.1")),
        (me(used, NOW, "req-1", (NOW + 0.9, "192.0.2.2")), ("2027-01-15T08:00:00Z", "192.0.2.2")),
    ):
        assert (told(reply)["last_used_at"], told(reply)["last_used_from"]) == seen


def test_each_answer_has_its_own_request_id() -> None:
    first, second = (me(KEY, NOW, request_id) for request_id in ("req-1", "req-2"))
    assert first.body == second.body
    assert (b"x-request-id", b"req-2") in second.headers
