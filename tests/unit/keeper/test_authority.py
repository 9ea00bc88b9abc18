"""Guarantees of gateway/keeper/authority.py: nobody manages, or grants, more than they may."""

from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.scopes import covers, includes
from gateway.keeper.authority import Manager, Want, admit, admit_to, assert_holds, assert_may_widen, is_wider
from gateway.keeper.desk import NotAllowed
from gateway.keeper.ports import KeyNotFound
from tests.support.records import NOW, record

GRANTS = ("*", "chat:*", "*:read", "chat:read", "chat:write", "models:read", "keyhatch:*", "keyhatch:read")
PLAIN = ("chat:read", "chat:write", "models:read", "files:write", "keyhatch:read", "keyhatch:admin")


def manager(*scopes: str, owner: str = "") -> Manager:
    return Manager("key_m", "Manager", owner, frozenset(scopes))


@pytest.mark.parametrize(
    ("scopes", "may"),
    [
        pytest.param((), (), id="nothing"),
        pytest.param(("*",), (), id="the-wildcard-of-applications"),
        pytest.param(("keyhatch:read",), (Want.LOOK,), id="read"),
        pytest.param(("keyhatch:write",), (Want.LOOK, Want.CHANGE), id="write"),
        pytest.param(("keyhatch:admin",), tuple(Want), id="admin"),
        pytest.param(("keyhatch:*",), tuple(Want), id="every-management-scope"),
        pytest.param(("keyhatch:own",), (), id="own-without-an-owner"),
    ],
)
def test_what_a_scope_lets_do_with_any_key(scopes: tuple[str, ...], may: tuple[Want, ...]) -> None:
    for want in Want:
        if want in may:
            admit_to(manager(*scopes), want, record(owner="ann"))
        else:
            with pytest.raises(NotAllowed, match=f"takes the scope keyhatch:{want.value}"):
                admit(manager(*scopes), want)


def test_an_owner_manages_their_own_keys_and_does_not_learn_of_others() -> None:
    ann = manager("keyhatch:own", owner="ann")
    assert ann.only_owner == "ann"
    for want in (Want.LOOK, Want.CHANGE):
        admit_to(ann, want, record(owner="ann"))
        for owner in ("bob", ""):
            with pytest.raises(KeyNotFound):
                admit_to(ann, want, record(owner=owner))
    with pytest.raises(NotAllowed):
        admit_to(ann, Want.DELETE, record(owner="ann"))


def test_an_owner_who_may_look_at_all_is_told_whose_a_key_is_not() -> None:
    ann = manager("keyhatch:own", "keyhatch:read", owner="ann")
    assert ann.only_owner is None
    admit_to(ann, Want.LOOK, record(owner="bob"))
    with pytest.raises(NotAllowed, match="is not yours"):
        admit_to(ann, Want.CHANGE, record(owner="bob"))


@pytest.mark.parametrize(
    ("held", "granted", "beyond"),
    [
        pytest.param(("keyhatch:write", "chat:*"), ("chat:write", "chat:*"), None, id="what-is-held"),
        pytest.param(("keyhatch:write",), ("chat:write",), "chat:write", id="what-is-not"),
        pytest.param(("keyhatch:write", "chat:write"), ("chat:*",), "chat:\\*", id="a-wildcard-over-it"),
        pytest.param(("keyhatch:write", "*"), ("keyhatch:read",), "keyhatch:read", id="management"),
        pytest.param(("keyhatch:write", "*"), ("chat:*", "*:read", "*"), None, id="every-application"),
        pytest.param(("keyhatch:admin",), ("*", "keyhatch:admin"), None, id="an-admin"),
        pytest.param(("keyhatch:write",), (), None, id="nothing"),
    ],
)
def test_nobody_grants_more_than_they_hold(
    held: tuple[str, ...], granted: tuple[str, ...], beyond: str | None
) -> None:
    if beyond is None:
        assert_holds(manager(*held), granted)
    else:
        with pytest.raises(NotAllowed, match=f"does not hold {beyond}$"):
            assert_holds(manager(*held), granted)


@given(st.sets(st.sampled_from(GRANTS)), st.sampled_from(GRANTS), st.sampled_from(PLAIN))
def test_what_a_grant_that_is_included_reaches_was_reached_before(
    held: set[str], grant: str, scope: str
) -> None:
    if includes(held, grant) and covers({grant}, scope):
        assert covers(held, scope)


def test_a_key_that_may_manage_more_is_out_of_reach_but_not_out_of_sight() -> None:
    writer, admin = manager("keyhatch:write"), manager("keyhatch:admin")
    mightier = record(scopes=frozenset({"keyhatch:admin"}))
    admit_to(writer, Want.LOOK, mightier)
    with pytest.raises(NotAllowed, match="may manage more than yours"):
        admit_to(writer, Want.CHANGE, mightier)
    admit_to(writer, Want.CHANGE, record(scopes=frozenset({"keyhatch:write", "*"})))
    admit_to(admin, Want.CHANGE, mightier)


HOLDER = manager("keyhatch:write", "chat:write")
NARROW = record(expires_at=NOW + 60, allow_from=(ip_network("10.0.0.0/8"), ip_network("fd00::/8")))


@pytest.mark.parametrize(
    ("fields", "wider"),
    [
        pytest.param({"expires_at": None}, True, id="for-ever"),
        pytest.param({"expires_at": NOW + 61}, True, id="later"),
        pytest.param({"expires_at": NOW + 59}, False, id="sooner"),
        pytest.param({"allow_from": ()}, True, id="from-anywhere"),
        pytest.param({"allow_from": (ip_network("10.1.0.0/16"),)}, False, id="from-a-part"),
        pytest.param({"allow_from": (ip_network("10.0.0.0/7"),)}, True, id="from-more"),
        pytest.param({"allow_from": (ip_network("::1/128"),)}, True, id="from-elsewhere"),
        pytest.param({"allow_from": (ip_network("fd01::/16"),)}, False, id="from-a-part-in-ipv6"),
        pytest.param({"in_path": True}, True, id="in-paths"),
        pytest.param({"note": "new", "revoked_at": NOW, "disabled_at": NOW}, False, id="not-at-all"),
    ],
)
def test_to_widen_is_to_grant(fields: Any, wider: bool) -> None:
    after = replace(NARROW, **fields)
    assert is_wider(NARROW, after) is wider
    assert_may_widen(HOLDER, NARROW, after)
    assert_may_widen(manager("keyhatch:admin"), NARROW, after)
    for other, key in ((manager("keyhatch:write"), NARROW), (HOLDER, replace(NARROW, id=HOLDER.key_id))):
        changed = replace(key, **fields)
        if wider:
            with pytest.raises(NotAllowed):
                assert_may_widen(other, key, changed)
        else:
            assert_may_widen(other, key, changed)


def test_a_key_that_was_switched_off_works_again_by_grant_alone() -> None:
    off = record(disabled_at=NOW)
    assert is_wider(off, replace(off, disabled_at=None))
    assert not is_wider(replace(off, disabled_at=None), off)
    assert not is_wider(record(allow_from=()), record(allow_from=(ip_network("::1/128"),)))
