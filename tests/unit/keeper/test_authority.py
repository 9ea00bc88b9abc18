"""Guarantees of gateway/keeper/authority.py: nobody manages, or grants, more than they may."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.scopes import covers, includes
from gateway.keeper.authority import Manager, Want, admit, admit_to, assert_holds
from gateway.keeper.desk import NotAllowed
from gateway.keeper.ports import KeyNotFound
from tests.support.records import record

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
