"""Guarantees of gateway/core/path_key.py: a key leads in one spelling, and the rest is read anew."""

import pytest

from gateway.core.decision import Allow, NeedKey
from gateway.core.ours import Ours
from gateway.core.path_key import open_path
from gateway.core.policy import admit, judge
from gateway.core.refusal import Deny, Reason
from gateway.core.request import RequestView, Target
from gateway.core.routes import Route
from tests.unit.core.samples import NOW, A, B, record, secret, table, target, view


@pytest.mark.parametrize(
    ("raw", "rest"),
    [
        (f"/k/{A}/v1/models", b"/v1/models"),
        (f"/k/{A}/v1/models?a=1&b=/k/", b"/v1/models?a=1&b=/k/"),
        (f"/k/{A}/a/", b"/a/"),
        (f"/k/{A}/", b"/"),
        (f"/k/{A}", b"/"),
        (f"/k/{A}?a=1", b"/?a=1"),
        (f"/k/{A}/?", b"/?"),
        (f"/k/{A}/k/x", b"/k/x"),
    ],
)
def test_a_key_that_leads_is_told_from_what_it_leads_to(raw: str, rest: bytes) -> None:
    opened = open_path(target(raw), "kh")
    assert isinstance(opened, tuple)
    assert (opened[0], opened[1].raw) == (A, rest)
    assert opened[1] == target(rest)


def test_a_mistyped_key_that_leads_is_taken_too_so_that_it_can_be_told() -> None:
    for text in (A[:-1], A + "x", "kh_" + "a" * 32):
        opened = open_path(target(f"/k/{text}/a"), "kh")
        assert isinstance(opened, tuple)
        assert opened[0] == text


@pytest.mark.parametrize(
    "raw",
    [
        f"/K/{A}/a",
        f"/%6b/{A}/a",
        f"/k/{A.replace('_', '%5F')}/a",
        f"/k/x{A}/a",
        f"/k/{A};v=1/a",
        f"/k/{A}.json",
        f"/k/{A}-/a",
        f"/a/k/{A}/a",
        f"/k/a/{A}",
        f"/k/{secret(1, 'other')}/a",
        "/k/kh_notes/a",
        "/k/kh_" + "a" * 31,
        "/k/",
        "/k",
        f"/?/k/{A}",
    ],
)
def test_in_any_other_spelling_or_place_the_path_stays_what_it_is(raw: str) -> None:
    assert open_path(target(raw), "kh") is None


def test_what_may_not_stand_in_a_target_may_not_stand_in_the_rest() -> None:
    # The whole target was read before, which refuses these already; the rest stands on its own feet.
    for rest in (b"//admin", b"/../admin", b"/a/%2e%2e/b", b"/a%2fb"):
        raw = f"/k/{A}".encode() + rest
        refused = open_path(Target(raw, raw.decode(), b"", ()), "kh")
        assert isinstance(refused, Deny)
        assert A not in repr(refused)


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (view(path=f"/k/{A}/v1/a"), "NeedKey of chat"),
        (view(path=f"/k/{A}/open/a"), "Allow of open"),
        (view(("x-api-key", A), path=f"/k/{A}/v1/a"), "NeedKey of chat"),
        (view(("x-api-key", B), path=f"/k/{A}/v1/a"), "credential_ambiguous of chat"),
        (view(path=f"/k/{A[:-1]}/v1/a"), "credential_malformed of chat"),
        (view(path=f"/k/{A}/nowhere"), "no_route of None"),
        (view(path=f"/k/{A}/v1/{A}"), "credential_malformed of chat"),
        (view(path=f"/v1/k/{A}/a"), "credential_malformed of chat"),
        (view(path="/k/notes"), "no_route of None"),
    ],
    ids=[str(number) for number in range(9)],
)
def test_routes_meet_the_rest_and_a_key_elsewhere_stays_refused(asked: RequestView, answer: str) -> None:
    doors = table(Route("chat", "/v1/**", scopes=("chat:write",)), Route("open", "/open/**", public=True))
    told = admit(asked, doors, Ours("kh"))
    if isinstance(told, Deny):
        assert f"{told.reason.value} of {told.route_id}" == answer
    else:
        assert f"{type(told).__name__} of {told.route.id}" == answer
        assert told.strip.path == told.route.path.replace("**", "a").encode()
        assert told.strip.in_address


def test_only_a_key_whose_record_says_so_leads_and_the_dead_are_told_that_they_are() -> None:
    need = admit(view(path=f"/k/{A}/a"), table(Route("any", "/a")), Ours("kh"))
    assert isinstance(need, NeedKey)
    assert judge(need, record(), NOW) == Deny(
        Reason.CREDENTIAL_MALFORMED, {"problem": "not_in_path"}, "any", "key_1", "laptop"
    )
    assert isinstance(judge(need, record(in_path=True), NOW), Allow)
    dead = judge(need, record(revoked_at=NOW), NOW)
    assert isinstance(dead, Deny)
    assert dead.reason is Reason.KEY_REVOKED
