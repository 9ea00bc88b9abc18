"""Guarantees of gateway/core/policy.py: the rules speak in their order, and nothing passes by silence."""

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.core.credentials import NOTHING_TO_STRIP
from gateway.core.decision import Allow, Identity, NeedKey
from gateway.core.keys import ApiKey, digest_of
from gateway.core.ours import Ours
from gateway.core.policy import admit, is_within, judge, moment, read_address, scope_facts, standing
from gateway.core.refusal import Deny, Reason
from gateway.core.request import Kind, RequestView
from gateway.core.routes import Anonymous, Own, Route
from tests.unit.core.peers import PEERS
from tests.unit.core.samples import NOW, PEER, A, B, networks, record, table, view
from tests.unit.core.showings import FOREIGN

HOME = networks("127.0.0.0/8", "::1/128", "10.0.0.0/8")
DOORS = table(
    Route("welcome", "/", methods=frozenset({"GET"}), public=True),
    Route("files", "/files/**", public=True),
    Route("chat", "/v1/**", scopes=("chat:write",)),
    Route("any", "/any"),
    Route("home", "/home/**", scopes=("chat:write",), anonymous=Anonymous(HOME, frozenset({"chat:*"}))),
    Route("shut", "/shut", scopes=("chat:write",), anonymous=Anonymous(HOME, frozenset({"models:read"}))),
)
KEY = ("x-api-key", A)
OTHER = ("authorization", f"Bearer {B}")
MISTYPED = ("x-api-key", A[:-1])
ALIEN = ("authorization", f"Bearer {FOREIGN}")


def told(view: RequestView) -> tuple[str, str | None]:
    """What `admit` says, in words, and of which route."""
    decision = admit(view, DOORS, Ours("kh"))
    if isinstance(decision, Deny):
        return decision.reason.value, decision.route_id
    return type(decision).__name__, decision.route.id


# --- Rules 1 to 4 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        pytest.param(view(path="/nowhere"), ("no_route", None), id="no-route"),
        pytest.param(view(KEY, path="/nowhere"), ("no_route", None), id="no-route-with-a-key"),
        pytest.param(view(KEY, OTHER, path="/nowhere"), ("no_route", None), id="no-route-before-two-keys"),
        pytest.param(view(method="POST"), ("method_not_allowed", "welcome"), id="method"),
        pytest.param(view(KEY, OTHER, method="POST"), ("method_not_allowed", "welcome"), id="method-first"),
        pytest.param(view(path="/v1;x/a"), ("no_route", None), id="another-spelling-without-a-route"),
        pytest.param(view(KEY, path="/any/"), ("no_route", None), id="another-spelling-of-a-path"),
        pytest.param(view(KEY, path="/files/%3Fx"), ("Allow", "files"), id="guarded-alike-in-every-reading"),
        pytest.param(view(path="/files/x"), ("Allow", "files"), id="public"),
        pytest.param(view(KEY, path="/files/x"), ("Allow", "files"), id="public-with-a-key"),
        pytest.param(view(KEY, OTHER, path="/files/x"), ("Allow", "files"), id="public-with-two-keys"),
        pytest.param(view(MISTYPED, path="/files/x"), ("Allow", "files"), id="public-with-half-a-key"),
        pytest.param(view(path=f"/nowhere/{A}"), ("no_route", None), id="no-route-before-a-key-in-the-path"),
        pytest.param(
            view(path=f"/files/{A}"), ("credential_malformed", "files"), id="public-key-in-the-path"
        ),
        pytest.param(view(KEY, path=f"/v1/{A}"), ("credential_malformed", "chat"), id="key-in-the-path-too"),
        pytest.param(
            view(KEY, OTHER, path=f"/v1/{A}"), ("credential_malformed", "chat"), id="path-before-two-keys"
        ),
        pytest.param(view(ALIEN, path="/files/x"), ("Allow", "files"), id="public-with-a-foreign-key"),
        pytest.param(view(path="/v1/a"), ("credential_missing", "chat"), id="nothing-shown"),
        pytest.param(view(ALIEN, path="/v1/a"), ("credential_foreign", "chat"), id="foreign"),
        pytest.param(view(MISTYPED, path="/v1/a"), ("credential_malformed", "chat"), id="mistyped"),
        pytest.param(view(KEY, OTHER, path="/v1/a"), ("credential_ambiguous", "chat"), id="two-keys"),
        pytest.param(
            view(MISTYPED, OTHER, path="/v1/a"), ("credential_ambiguous", "chat"), id="one-and-a-half"
        ),
        pytest.param(view(KEY, path="/v1/a"), ("NeedKey", "chat"), id="one-key"),
        pytest.param(view(KEY, ALIEN, path="/v1/a"), ("NeedKey", "chat"), id="one-key-beside-a-foreign-one"),
        pytest.param(view(KEY, path="/v1/a", method="HEAD"), ("NeedKey", "chat"), id="head"),
        pytest.param(
            view(path="/v1/a", method="HEAD"), ("credential_missing", "chat"), id="head-without-a-key"
        ),
        pytest.param(view(path="/v1/a", method="OPTIONS"), ("credential_missing", "chat"), id="preflight"),
        pytest.param(view(KEY, path="/v1/a", method="TRACE"), ("method_not_allowed", "chat"), id="trace"),
        pytest.param(
            view(KEY, path="/v1/a", method="post"), ("method_not_allowed", "chat"), id="small-method"
        ),
        pytest.param(view(path="/home/a"), ("credential_missing", "home"), id="from-outside"),
        pytest.param(view(path="/home/a", peer="127.0.0.1"), ("Allow", "home"), id="from-home"),
        pytest.param(
            view(ALIEN, path="/home/a", peer="::1"), ("Allow", "home"), id="from-home-with-a-foreign-key"
        ),
        pytest.param(view(ALIEN, path="/home/a"), ("credential_foreign", "home"), id="from-outside-with-one"),
        pytest.param(view(KEY, path="/home/a", peer="::1"), ("NeedKey", "home"), id="from-home-with-a-key"),
        pytest.param(
            view(MISTYPED, path="/home/a", peer="::1"),
            ("credential_malformed", "home"),
            id="from-home-mistyped",
        ),
        pytest.param(
            view(KEY, OTHER, path="/home/a", peer="::1"), ("credential_ambiguous", "home"), id="from-home-two"
        ),
        pytest.param(
            view(path=f"/home/a?q={A}", peer="::1"),
            ("credential_missing", "home"),
            id="from-home-with-a-stray",
        ),
        pytest.param(
            view(path="/shut", peer="::1"), ("scope_missing", "shut"), id="from-home-without-the-scope"
        ),
        pytest.param(
            view(path="/v1/a", peer="127.0.0.1"), ("credential_missing", "chat"), id="home-elsewhere"
        ),
        pytest.param(view(path="/.keyhatch/health"), ("Allow", "keyhatch-health"), id="health"),
        pytest.param(view(path="/.keyhatch/me"), ("credential_missing", "keyhatch-me"), id="me"),
        pytest.param(view(KEY, path="/.keyhatch/me"), ("NeedKey", "keyhatch-me"), id="me-with-a-key"),
        pytest.param(view(KEY, path="/.keyhatch/x"), ("no_route", None), id="nothing-of-our-own"),
        pytest.param(
            view(path="/.keyhatch/me", method="POST"), ("method_not_allowed", "keyhatch-me"), id="me-post"
        ),
    ],
)
def test_the_first_rule_that_speaks_is_the_answer(asked: RequestView, answer: tuple[str, str | None]) -> None:
    assert told(asked) == answer


def test_a_header_other_than_the_request_line_changes_no_route() -> None:
    names = [
        "x-forwarded-uri",
        "x-original-url",
        "x-original-uri",
        "x-rewrite-url",
        "x-forwarded-prefix",
        "host",
    ]
    names += [
        "x-http-method-override",
        "x-method-override",
        "forwarded",
        "x-middleware-subrequest",
        "user-agent",
    ]
    for name, value in itertools.product(names, ["/files/x", "/", "GET", "kube-probe/1.0", "host=x"]):
        assert told(view((name, value), path="/v1/a", method="POST")) == ("credential_missing", "chat")


def test_on_a_public_route_a_key_is_stripped_and_nobody_is_named() -> None:
    asked = view(KEY, ("accept", "*/*"), path=f"/files/x?a&access_token={B}")
    allow = admit(asked, DOORS, Ours("kh"))
    assert isinstance(allow, Allow)
    assert allow.strip.apply(asked.headers) == ((b"accept", b"*/*"),)
    assert allow.strip.query == b"a"
    assert (allow.identity, allow.key, allow.digest) == (None, None, b"")


def test_who_put_a_key_into_the_path_is_told_so_and_the_key_is_not_repeated() -> None:
    refused = admit(view(path=f"/home/{A.replace('_', '%5F')}"), DOORS, Ours("kh"))
    assert refused == Deny(Reason.CREDENTIAL_MALFORMED, {"problem": "in_path"}, "home")


def test_who_asks_for_a_websocket_without_a_key_is_told_what_a_browser_can_do() -> None:
    missing = Deny(Reason.CREDENTIAL_MISSING, {"also": "?access_token="}, "chat")
    assert admit(view(path="/v1/a", kind=Kind.WEBSOCKET), DOORS, Ours("kh")) == missing
    for kind in (Kind.PLAIN, Kind.EVENT_STREAM):
        assert admit(view(path="/v1/a", kind=kind), DOORS, Ours("kh")) == Deny(
            Reason.CREDENTIAL_MISSING, {}, "chat"
        )


def test_what_waits_for_a_record_holds_the_digest_and_not_the_secret() -> None:
    asked = view(KEY, path="/v1/a", peer="10.1.2.3")
    need = admit(asked, DOORS, Ours("kh"))
    assert isinstance(need, NeedKey)
    assert (need.digest, need.route.id, need.peer) == (digest_of(A), "chat", "10.1.2.3")
    assert need.strip.apply(asked.headers) == ()
    assert A not in repr(need)


def test_an_anonymous_caller_is_told_to_the_upstream_as_one() -> None:
    allow = admit(view(path="/home/a", peer="10.9.9.9"), DOORS, Ours("kh"))
    assert isinstance(allow, Allow)
    assert allow.identity == Identity(None, "anonymous", "", ("chat:*",))
    assert allow.strip is NOTHING_TO_STRIP


def test_an_anonymous_caller_who_lacks_a_scope_is_told_which() -> None:
    facts = {"needed": "chat:write", "any_of": "", "held": "models:read"}
    assert admit(view(path="/shut", peer="::1"), DOORS, Ours("kh")) == Deny(
        Reason.SCOPE_MISSING, facts, "shut"
    )


# --- Rules 5 to 8 ---------------------------------------------------------------------------------------

CHAT = Route("chat", "/v1/**", scopes=("chat:write",))
ANY = Route("any", "/any")
ME = Route("keyhatch-me", "/.keyhatch/me", own=Own.ME)
AGO, SOON = NOW - 1, NOW + 1

STATES: dict[str, tuple[dict[str, Any], Reason | None]] = {
    "active": ({}, None),
    "expiring": ({"expires_at": SOON}, None),
    "expired-now": ({"expires_at": NOW}, Reason.KEY_EXPIRED),
    "disabled": ({"disabled_at": AGO}, Reason.KEY_DISABLED),
    "revoked": ({"revoked_at": AGO}, Reason.KEY_REVOKED),
    "revoked-disabled-expired": (
        {"revoked_at": AGO, "disabled_at": AGO, "expires_at": AGO},
        Reason.KEY_REVOKED,
    ),
    "disabled-expired": ({"disabled_at": AGO, "expires_at": AGO}, Reason.KEY_EXPIRED),
    "old-secret-in-overlap": (
        {"digest": digest_of(B), "previous_digest": digest_of(A), "previous_secret_valid_until": SOON},
        None,
    ),
    "old-secret-after-overlap": (
        {"digest": digest_of(B), "previous_digest": digest_of(A), "previous_secret_valid_until": NOW},
        Reason.KEY_ROTATED,
    ),
    "old-secret-without-overlap": (
        {"digest": digest_of(B), "previous_digest": digest_of(A)},
        Reason.KEY_ROTATED,
    ),
    "older-secret": ({"digest": digest_of(B), "rotated_at": AGO}, Reason.KEY_ROTATED),
    "old-secret-of-a-revoked-key": (
        {"digest": digest_of(B), "previous_digest": digest_of(A), "revoked_at": AGO},
        Reason.KEY_REVOKED,
    ),
    "new-secret-after-overlap": (
        {"previous_digest": digest_of(B), "previous_secret_valid_until": AGO},
        None,
    ),
}
ADDRESSES: dict[str, tuple[dict[str, Any], bool]] = {
    "from-anywhere": ({}, True),
    "from-here": ({"allow_from": networks("192.0.2.0/24")}, True),
    "from-elsewhere": ({"allow_from": networks("198.51.100.0/24", "::/0")}, False),
}
GRANTS: dict[str, tuple[dict[str, Any], bool]] = {
    "with-scope": ({"scopes": frozenset({"chat:*"})}, True),
    "without-scope": ({"scopes": frozenset({"models:read"})}, False),
}
ROUTES = {"scoped": CHAT, "any-key": ANY, "me": ME}


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("grants", GRANTS)
@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("state", STATES)
def test_a_key_is_judged_alive_then_from_here_then_by_scope(
    state: str, address: str, grants: str, route: str
) -> None:
    facts, dead = STATES[state]
    door = ROUTES[route]
    key = record(A, **facts, **ADDRESSES[address][0], **GRANTS[grants][0])
    decision = judge(NeedKey(digest_of(A), door, NOTHING_TO_STRIP, PEER), key, NOW)
    lacking = door is CHAT and not GRANTS[grants][1]
    if dead is not None:
        expected: Reason | None = dead
    elif not ADDRESSES[address][1]:
        expected = Reason.ADDRESS_NOT_ALLOWED
    else:
        expected = Reason.SCOPE_MISSING if lacking else None
    assert (decision.reason if isinstance(decision, Deny) else None) is expected
    if isinstance(decision, Deny):
        assert (decision.route_id, decision.key_id, decision.key_name) == (door.id, "key_1", "laptop")


def judged(
    key: ApiKey | None, route: Route = CHAT, digest: bytes = digest_of(A), now: float = NOW
) -> Allow | Deny:
    return judge(NeedKey(digest, route, NOTHING_TO_STRIP, PEER), key, now)


def test_an_unknown_key_is_told_nothing() -> None:
    assert judged(None) == Deny(Reason.KEY_UNKNOWN, {}, "chat")


def test_a_key_that_passes_says_who_it_is() -> None:
    key = record(A, owner="ada", scopes=frozenset({"models:read", "chat:write"}))
    allow = judged(key)
    assert allow == Allow(
        CHAT,
        NOTHING_TO_STRIP,
        Identity("key_1", "laptop", "ada", ("chat:write", "models:read")),
        key,
        digest_of(A),
    )


def test_the_digest_of_an_allow_is_that_of_the_secret_shown() -> None:
    key = record(B, previous_digest=digest_of(A), previous_secret_valid_until=SOON)
    allow = judged(key)
    assert isinstance(allow, Allow)
    assert allow.digest == digest_of(A) != key.digest


def test_an_address_that_is_not_allowed_is_named() -> None:
    assert judged(record(allow_from=networks("10.0.0.0/8"))) == Deny(
        Reason.ADDRESS_NOT_ALLOWED, {"address": PEER}, "chat", "key_1", "laptop"
    )


def test_a_missing_scope_is_named_beside_those_held() -> None:
    route = Route("x", "/x", scopes=("chat:write", "chat:read"), any_of=("a:b", "c:d"))
    facts = {"needed": "chat:write chat:read", "any_of": "a:b c:d", "held": "a:* models:read"}
    assert scope_facts(route, frozenset({"models:read", "a:*"})) == facts
    assert judged(record(scopes=frozenset({"models:read", "a:*"})), route) == Deny(
        Reason.SCOPE_MISSING, facts, "x", "key_1", "laptop"
    )


def test_a_star_opens_every_route_but_the_reserved() -> None:
    assert isinstance(judged(record(scopes=frozenset({"*"}))), Allow)
    refused = judged(record(scopes=frozenset({"*"})), Route("x", "/x", scopes=("keyhatch:read",)))
    assert isinstance(refused, Deny)


@pytest.mark.parametrize(
    ("facts", "reason", "since"),
    [
        ({"revoked_at": NOW}, Reason.KEY_REVOKED, "2027-01-15T08:00:00Z"),
        ({"disabled_at": NOW - 86_400.5}, Reason.KEY_DISABLED, "2027-01-14T07:59:59Z"),
        ({"expires_at": NOW}, Reason.KEY_EXPIRED, "2027-01-15T08:00:00Z"),
        ({"digest": digest_of(B), "rotated_at": NOW}, Reason.KEY_ROTATED, "2027-01-15T08:00:00Z"),
        ({"digest": digest_of(B)}, Reason.KEY_ROTATED, "an earlier time"),
        (
            {
                "digest": digest_of(B),
                "previous_digest": digest_of(A),
                "previous_secret_valid_until": NOW - 3600,
            },
            Reason.KEY_ROTATED,
            "2027-01-15T07:00:00Z",
        ),
    ],
)
def test_a_dead_key_is_told_since_when(facts: dict[str, Any], reason: Reason, since: str) -> None:
    assert standing(record(**facts), digest_of(A), NOW) == Deny(
        reason, {"since": since}, None, "key_1", "laptop"
    )


def test_an_overlap_ends_at_its_very_moment() -> None:
    key = record(B, previous_digest=digest_of(A), previous_secret_valid_until=NOW)
    assert standing(key, digest_of(A), NOW - 0.001) is None
    assert standing(key, digest_of(A), NOW) is not None
    assert standing(key, digest_of(B), NOW + 1e9) is None


def test_a_moment_is_told_in_utc_to_the_second() -> None:
    at = datetime(2031, 2, 3, 4, 5, 6, 999_999, tzinfo=UTC).timestamp()
    assert moment(at) == "2031-02-03T04:05:06Z"
    assert moment(0.0) == "1970-01-01T00:00:00Z"
    assert moment(None) == "an earlier time"


# --- Addresses ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("peer", "inside"), PEERS)
def test_who_comes_from_home(peer: str, inside: bool) -> None:
    assert is_within(peer, HOME) is inside
    expected = "Allow" if inside else "credential_missing"
    assert told(view(path="/home/a", peer=peer))[0] == expected
    key = record(allow_from=HOME)
    decision = judge(NeedKey(digest_of(A), ANY, NOTHING_TO_STRIP, peer), key, NOW)
    assert isinstance(decision, Allow) is inside


def test_nobody_is_within_no_networks() -> None:
    assert not is_within("127.0.0.1", ())


@pytest.mark.parametrize(
    ("network", "inside", "outside"),
    [
        ("0.0.0.0/0", "203.0.113.9", "2001:db8::1"),
        ("::/0", "2001:db8::1", "203.0.113.9"),
        ("fe80::/10", "fe80::1%eth0", "fec0::1"),
        ("192.0.2.7/32", "::ffff:192.0.2.7", "192.0.2.8"),
    ],
)
def test_a_network_holds_its_own_family(network: str, inside: str, outside: str) -> None:
    assert is_within(inside, networks(network))
    assert not is_within(outside, networks(network))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:DB8::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("nonsense", "None"),
    ],
)
def test_an_address_is_read_without_zone_and_disguise(text: str, address: str) -> None:
    assert str(read_address(text)) == address
