"""Guarantees of gateway/keeper/terms.py: which keys can be made, and what a person is told otherwise."""

from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.scopes import RESERVED_SCOPES, is_grant
from gateway.keeper.desk import KeyDraft, RuleBroken
from gateway.keeper.expiry import MOMENT_MAX
from gateway.keeper.terms import Rules, edited, is_id, terms_of
from tests.support.records import NOW, record

DAY_S = 86_400.0
SECRET = "kh_" + "A" * 49
RULES = Rules(
    prefix="kh",
    default_expiry_s=90 * DAY_S,
    max_active_per_owner=50,
    catalogue={"models:read": "List models", "chat:write": "Ask for completions"},
)
OPEN_RULES = replace(RULES, catalogue={})


def draft(**fields: Any) -> KeyDraft:
    return replace(KeyDraft(name="laptop"), **fields)


def test_a_plain_draft_takes_the_default_expiry() -> None:
    terms = terms_of(draft(), RULES, NOW)
    assert terms.name == "laptop"
    assert terms.expires_at == NOW + 90 * DAY_S
    assert terms.scopes == frozenset()
    assert terms.allow_from == ()


def test_a_full_draft_becomes_values() -> None:
    terms = terms_of(
        draft(
            scopes=("chat:write", "models:read", "chat:write"),
            owner="ann",
            note="for\tthe\nkitchen",
            allow_from=("10.0.0.0/8", "192.168.1.5", "fd00::/8", "10.0.0.0/8"),
            expires_at=NOW + 1,
            created_by="key_admin",
        ),
        RULES,
        NOW,
    )
    assert terms.scopes == {"chat:write", "models:read"}
    assert (terms.owner, terms.note, terms.created_by) == ("ann", "for\tthe\nkitchen", "key_admin")
    assert terms.allow_from == (
        ip_network("10.0.0.0/8"),
        ip_network("192.168.1.5/32"),
        ip_network("fd00::/8"),
    )
    assert terms.expires_at == NOW + 1


@pytest.mark.parametrize(
    "name", ["a", "x" * 100, "Ännchens Läptop ☃", "kh_test", "key_short", "a b", "'; --"]
)
def test_a_name_may_be_anything_printable(name: str) -> None:
    assert terms_of(draft(name=name), RULES, NOW).name == name


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": ""}, "needs a name"),
        ({"name": "x" * 101}, "has 101 characters: 100 is the most"),
        ({"name": "key_0123456789abcdef"}, "form of an id: choose another name"),
        ({"name": "line\nbreak"}, "cannot be printed: leave them out"),
        ({"name": "nul\x00"}, "cannot be printed"),
        ({"name": "\udcff"}, "cannot be printed"),
        ({"name": "right\u202eleft"}, "cannot be printed"),
        ({"name": " laptop"}, "begins or ends with a blank"),
        ({"name": "laptop "}, "begins or ends with a blank"),
        ({"name": SECRET}, "the name holds a key's secret"),
        ({"owner": "a\r\nX-Admin: 1"}, "the owner .* cannot be printed"),
        ({"owner": "x" * 101}, "the owner has 101"),
        ({"owner": f"me {SECRET}"}, "the owner holds a key's secret"),
        ({"created_by": "\x1b[2J"}, "the created_by .* cannot be printed"),
        ({"note": "x" * 1001}, "the note has 1001 characters: 1000 is the most"),
        ({"note": "\x1b[2J"}, "the note holds characters that cannot be printed"),
        ({"note": SECRET}, "the note holds a key's secret"),
        ({"allow_from": ("10.0.0.1/8",)}, r"write 10\.0\.0\.0/8, or the address alone"),
        ({"allow_from": ("fd00::1/8",)}, "write fd00::/8"),
        ({"allow_from": ("localhost",)}, "is not a network: write an address or CIDR"),
        ({"allow_from": ("",)}, "is not a network"),
        ({"allow_from": ("::ffff:10.0.0.0/104",)}, r"is IPv4 written as IPv6: write 10\.0\.0\.0/8"),
        ({"allow_from": ("fe80::%eth0/64",)}, "has a zone"),
        ({"allow_from": ("10.0.0.1",) * 101}, "101 networks are too many"),
        ({"expires_at": NOW}, "lies in the past"),
        ({"expires_at": NOW - 1}, "lies in the past"),
        ({"expires_at": float("nan")}, "beyond the year 9999: write never"),
        ({"expires_at": float("inf")}, "beyond the year 9999: write never"),
        ({"expires_at": MOMENT_MAX + 1}, "beyond the year 9999: write never"),
        ({"scopes": ("chat:",)}, "'chat:' is not a scope.*: write resource:action"),
        ({"scopes": ("Chat:Write",)}, r"not a scope \(did you mean chat:write\?\)"),
        ({"scopes": ("",)}, "'' is not a scope: write resource:action"),
        ({"scopes": ("chat:wirte",)}, r"no scope 'chat:wirte' \(did you mean chat:write\?\)"),
        ({"scopes": ("zzz:qqq",)}, "no scope 'zzz:qqq'. There are chat:write, models:read, keyhatch:own"),
        ({"scopes": ("chat:read",)}, "no scope 'chat:read'"),
        ({"scopes": ("music:*",)}, r"no scope 'music:\*'"),
        ({"scopes": ("*:fly",)}, r"no scope '\*:fly'"),
        ({"scopes": ("a:b",) * 65}, "65 scopes are too many"),
        ({"scopes": (SECRET,)}, "not shown"),
    ],
)
def test_a_broken_rule_is_named_with_its_mend(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(RuleBroken, match=message) as refusal:
        terms_of(draft(**fields), RULES, NOW)
    assert "AAAA" not in str(refusal.value)


@pytest.mark.parametrize("scope", ["chat:write", "chat:*", "*:read", "*", *RESERVED_SCOPES, "keyhatch:*"])
def test_a_grant_that_reaches_the_catalogue_is_taken(scope: str) -> None:
    assert terms_of(draft(scopes=(scope,), owner="ann"), RULES, NOW).scopes == {scope}


def test_a_key_that_manages_its_owners_keys_has_an_owner() -> None:
    with pytest.raises(RuleBroken, match="manages the keys of its owner: say whose it is") as refusal:
        terms_of(draft(scopes=("keyhatch:own",)), RULES, NOW)
    assert [problem.field for problem in refusal.value.problems] == ["owner"]
    own = record(scopes=frozenset({"keyhatch:own"}), owner="ann")
    with pytest.raises(RuleBroken):
        edited(own, {"owner": ""}, NOW)
    assert edited(replace(own, owner=""), {"note": "as an older version made it"}, NOW).owner == ""


def test_each_wrong_scope_and_network_is_told_by_its_place() -> None:
    with pytest.raises(RuleBroken) as refusal:
        terms_of(draft(scopes=("no:such", "chat:write", "a b"), allow_from=("::1", "home")), RULES, NOW)
    assert [problem.field for problem in refusal.value.problems] == ["scopes.0", "scopes.2", "allow_from.1"]


@pytest.mark.parametrize("scope", ["anything:goes", "music:*", "*:fly", "*", "keyhatch:read"])
def test_without_a_catalogue_any_grant_is_taken(scope: str) -> None:
    assert terms_of(draft(scopes=(scope,)), OPEN_RULES, NOW).scopes == {scope}


def test_without_a_catalogue_the_reserved_resource_still_knows_its_actions() -> None:
    with pytest.raises(RuleBroken, match=r"no scope 'keyhatch:raed' \(did you mean keyhatch:read\?\)"):
        terms_of(draft(scopes=("keyhatch:raed",)), OPEN_RULES, NOW)


@pytest.mark.parametrize(
    ("expires_at", "default_s", "expected"),
    [
        ("default", 60.0, NOW + 60),
        ("default", None, None),
        ("default", MOMENT_MAX, MOMENT_MAX),
        (None, 60.0, None),
        (NOW + 5, 60.0, NOW + 5),
    ],
)
def test_never_and_the_default_are_told_apart(
    expires_at: Any, default_s: float | None, expected: float | None
) -> None:
    rules = replace(RULES, default_expiry_s=default_s)
    assert terms_of(draft(expires_at=expires_at), rules, NOW).expires_at == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("key_0123456789abcdef", True),
        ("key_0123456789abcde", False),
        ("key_0123456789abcdef\n", False),
        ("KEY_0123456789abcdef", False),
    ],
)
def test_an_id_has_one_form(text: str, expected: bool) -> None:
    assert is_id(text) is expected


anything = st.text(max_size=120)


@given(
    name=anything,
    owner=anything,
    note=anything,
    scopes=st.lists(anything | st.sampled_from(["chat:*", "chat:write"]), max_size=3).map(tuple),
    allow_from=st.lists(anything | st.ip_addresses().map(str), max_size=3).map(tuple),
    expires_at=st.floats() | st.none(),
)
def test_any_draft_becomes_terms_that_keep_the_rules_or_is_refused(**fields: Any) -> None:
    try:
        terms = terms_of(KeyDraft(**fields), RULES, NOW)
    except RuleBroken:
        return
    assert terms.name.isprintable()
    assert 1 <= len(terms.name) <= 100
    assert all(is_grant(scope) for scope in terms.scopes)
    assert terms.expires_at is None or NOW < terms.expires_at <= MOMENT_MAX
    assert len(terms.allow_from) == len(set(fields["allow_from"])) or not fields["allow_from"]
