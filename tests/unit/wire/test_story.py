"""Guarantees of gateway/wire/story.py: what it tells is what the gateway would do, in words for programs."""

import json
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.decision import Allow, NeedKey
from gateway.core.keys import ApiKey, digest_of
from gateway.core.ours import Ours
from gateway.core.policy import admit, judge
from gateway.core.refusal import Deny
from gateway.core.request import RequestView, read_target
from gateway.core.routes import Anonymous, Route, RouteTable
from gateway.wire.story import ALLOWED, NEEDS_KEY, REFUSED, story_json, tell
from tests.support.records import NOW, record

ROUTES = RouteTable(
    [
        Route("scopes", "/a/*", "u", scopes=("x:read",), methods=frozenset({"GET"})),
        Route("any-of", "/b/**", "u", any_of=("x:read", "y:read")),
        Route("public", "/c", "u", public=True),
        Route(
            "anonymous",
            "/d",
            "u",
            scopes=("x:read",),
            anonymous=Anonymous((ip_network("10.0.0.0/8"),), frozenset({"x:read"})),
        ),
        Route(
            "half-open",
            "/e",
            "u",
            scopes=("x:read",),
            anonymous=Anonymous((ip_network("10.0.0.0/8"),), frozenset({"y:read"})),
        ),
    ]
)
SECRET = "kh_8okNIhSXfRxxKZxv7Fa0tk7SThxjCN2owYNrPBtto2U4TdOZU"


@given(
    st.sampled_from(["GET", "HEAD", "POST", "TRACE"]),
    st.sampled_from(
        [
            "/a/b",
            "/a/%2e",
            "/a/b/c",
            "/b",
            "/b/c",
            "/c",
            "/C/",
            "/d",
            "/e",
            "/.keyhatch/me",
            "/.keyhatch/x",
            "x",
        ]
    ),
    st.sampled_from(["10.0.0.1", "192.168.0.1"]),
    st.frozensets(st.sampled_from(["x:read", "y:*", "*"])),
    st.sampled_from([None, NOW - 1, NOW + 1]),
    st.booleans(),
)
def test_the_story_is_the_decision_of_a_real_request(
    method: str, path: str, peer: str, scopes: frozenset[str], expires_at: float | None, shows_key: bool
) -> None:
    key = ApiKey(
        id="key_1",
        name="one",
        preview="",
        digest=digest_of(SECRET),
        scopes=scopes,
        created_at=0,
        expires_at=expires_at,
        allow_from=(ip_network("10.0.0.0/8"),),
    )
    decision: Allow | Deny | NeedKey
    target = read_target(path.encode())
    if isinstance(target, Deny):
        decision = target
    else:
        headers = ((b"x-api-key", SECRET.encode()),) if shows_key else ()
        decision = admit(
            RequestView(method, target, headers, peer, called=(b"keyhatch",)), ROUTES, Ours("kh")
        )
        if isinstance(decision, NeedKey):
            decision = judge(decision, key, NOW)
    told = tell(method, path, ROUTES, key if shows_key else None, peer, NOW)
    if isinstance(decision, Allow):
        assert (told.outcome, told.route) == (ALLOWED, decision.route)
    elif not shows_key and decision.reason == "credential_missing":
        assert told.outcome == NEEDS_KEY
    else:
        assert told.deny is not None
        assert (told.outcome, told.deny.reason) == (REFUSED, decision.reason)


READER = record(scopes=frozenset({"x:read"}), allow_from=(ip_network("10.0.0.0/8"),))


@pytest.mark.parametrize(
    ("method", "path", "peer", "key", "outcome", "route", "reason"),
    [
        ("GET", "/a/b", None, None, NEEDS_KEY, "scopes", None),
        ("GET", "/a/b", None, READER, ALLOWED, "scopes", None),
        ("GET", "/a/b?x=1", "10.0.0.1", READER, ALLOWED, "scopes", None),
        ("GET", "/a/b", "8.8.8.8", READER, REFUSED, "scopes", "address_not_allowed"),
        ("GET", "/a/b", None, record(), REFUSED, "scopes", "scope_missing"),
        ("POST", "/a/b", None, READER, REFUSED, "scopes", "method_not_allowed"),
        ("GET", "/c", None, record(revoked_at=NOW), ALLOWED, "public", None),
        ("GET", "/d", "10.0.0.1", None, ALLOWED, "anonymous", None),
        ("GET", "/d", None, None, NEEDS_KEY, "anonymous", None),
        ("GET", "/e", "10.0.0.1", None, REFUSED, "half-open", "scope_missing"),
        ("GET", "/nowhere", None, None, REFUSED, None, "no_route"),
        ("GET", "/.keyhatch/x", None, None, REFUSED, None, "no_route"),
        ("GET", "/.keyhatch/me", None, None, NEEDS_KEY, "keyhatch-me", None),
        ("DELETE", "/.keyhatch/me", None, None, REFUSED, "keyhatch-me", "method_not_allowed"),
        ("GET", "/a//b", None, READER, REFUSED, None, "target_ambiguous"),
    ],
)
def test_outcome_route_and_reason(  # one argument per column
    method: str,
    path: str,
    peer: str | None,
    key: ApiKey | None,
    outcome: str,
    route: str | None,
    reason: str | None,
) -> None:
    told: Any = story_json(tell(method, path, ROUTES, key, peer, NOW))
    assert (told["outcome"], told["reason"]) == (outcome, reason)
    assert (told["route"] or {}).get("id") == route
    assert json.loads(json.dumps(told)) == told


def test_a_route_is_told_as_it_is_configured() -> None:
    def route(path: str) -> Any:
        return story_json(tell("GET", path, ROUTES, None, None, NOW))["route"]

    assert route("/a/b") == {
        "id": "scopes",
        "path": "/a/*",
        "methods": ["GET", "HEAD"] if "HEAD" in route("/a/b")["methods"] else ["GET"],
        "upstream": "u",
        "public": False,
        "scopes": ["x:read"],
        "any_of": [],
        "anonymous": None,
    }
    assert route("/d")["anonymous"] == {"from": ["10.0.0.0/8"], "scopes": ["x:read"]}
    assert (route("/b")["methods"], route("/b")["any_of"]) == (None, ["x:read", "y:read"])
    assert route("/.keyhatch/me")["upstream"] is None
