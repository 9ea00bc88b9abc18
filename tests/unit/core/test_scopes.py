"""Guarantees of gateway/core/scopes.py: what covers what, and that `*` never makes an administrator."""

import pytest

from gateway.core.scopes import (
    RESERVED_SCOPES,
    coverers,
    covers,
    includes,
    is_grant,
    is_reserved,
    is_scope,
    unknown_grants,
)

CATALOGUE = ("models:read", "chat:write", "chat:read")


@pytest.mark.parametrize(
    ("text", "scope", "grant"),
    [
        ("chat:write", True, True),
        ("a:b", True, True),
        ("0:9", True, True),
        ("text-to-speech:v1.turbo_x", True, True),
        ("a" * 64 + ":" + "b" * 64, True, True),
        ("keyhatch:admin", True, True),
        ("chat:*", False, True),
        ("*:read", False, True),
        ("*", False, True),
        ("keyhatch:*", False, True),
        ("*:*", False, False),
        ("**", False, False),
        ("", False, False),
        (":", False, False),
        ("chat", True, True),
        ("admin", True, True),
        ("keyhatch", False, False),
        ("a" * 65, False, False),
        ("chat:", False, False),
        (":write", False, False),
        ("chat:write:x", False, False),
        ("chat:w*", False, False),
        ("c*:write", False, False),
        ("Chat:write", False, False),
        ("chat:Write", False, False),
        ("chat: write", False, False),
        ("chat:write ", False, False),
        ("chat:write\n", False, False),
        ("*\n", False, False),
        ("chat:write,models:read", False, False),
        ("-chat:write", False, False),
        (".chat:write", False, False),
        ("_chat:write", False, False),
        ("chät:write", False, False),
        ("chat:\u0661", False, False),
        ("a" * 65 + ":b", False, False),
        ("a:" + "b" * 65, False, False),
    ],
)
def test_the_grammar_of_scopes_and_of_grants(text: str, scope: bool, grant: bool) -> None:
    assert (is_scope(text), is_grant(text)) == (scope, grant)


@pytest.mark.parametrize(
    ("held", "scope", "passes"),
    [
        pytest.param("chat:write", "chat:write", True, id="itself"),
        pytest.param("chat:*", "chat:write", True, id="every-action"),
        pytest.param("*:write", "chat:write", True, id="every-resource"),
        pytest.param("*", "chat:write", True, id="everything"),
        pytest.param("chat:read", "chat:write", False, id="another-action"),
        pytest.param("models:write", "chat:write", False, id="another-resource"),
        pytest.param("models:*", "chat:write", False, id="every-action-elsewhere"),
        pytest.param("*:read", "chat:write", False, id="another-action-everywhere"),
        pytest.param("cha:*", "chat:write", False, id="a-shorter-name"),
        pytest.param("chat:writ", "chat:write", False, id="a-shorter-action"),
        pytest.param("chat:write2", "chat:write", False, id="a-longer-action"),
        pytest.param("admin", "admin", True, id="one-word"),
        pytest.param("*", "admin", True, id="one-word-by-star"),
        pytest.param("*:admin", "admin", False, id="one-word-by-action"),
        pytest.param("admin:*", "admin", False, id="one-word-by-resource"),
        pytest.param("admin", "admin:read", False, id="one-word-is-no-resource"),
        pytest.param("keyhatch:admin", "admin", False, id="one-word-by-management"),
        pytest.param("keyhatch:read", "keyhatch:read", True, id="reserved-itself"),
        pytest.param("keyhatch:*", "keyhatch:admin", True, id="reserved-in-so-many-words"),
        pytest.param("*", "keyhatch:read", False, id="reserved-by-star"),
        pytest.param("*:read", "keyhatch:read", False, id="reserved-by-action"),
        pytest.param("*:admin", "keyhatch:admin", False, id="reserved-admin-by-action"),
        pytest.param("keyhatch:admin", "keyhatch:write", False, id="reserved-do-not-imply-each-other"),
        pytest.param("*", "keyhatch2:read", True, id="a-resource-that-only-resembles"),
    ],
)
def test_what_a_grant_covers(held: str, scope: str, passes: bool) -> None:
    assert covers([held], scope) is passes
    assert (held in coverers(scope)) is passes


def test_one_grant_of_many_is_enough_and_none_is_not() -> None:
    assert covers(["models:read", "chat:*"], "chat:write")
    assert covers({"models:read", "chat:*"}, "chat:write")
    assert not covers([], "chat:write")


def test_every_grant_together_except_the_reserved_ones_reaches_no_reserved_scope() -> None:
    held = {"*", "*:read", "*:write", "*:admin", *CATALOGUE}
    assert [scope for scope in RESERVED_SCOPES if covers(held, scope)] == []


@pytest.mark.parametrize(
    ("grants", "unknown"),
    [
        pytest.param(CATALOGUE, [], id="the-catalogue-itself"),
        pytest.param(RESERVED_SCOPES, [], id="reserved"),
        pytest.param(["*", "chat:*", "*:read", "keyhatch:*"], [], id="wildcards-that-reach-something"),
        pytest.param(["chat:delete"], ["chat:delete"], id="unknown-action"),
        pytest.param(["audio:*", "*:delete"], ["*:delete", "audio:*"], id="wildcards-that-reach-nothing"),
        pytest.param(["*:admin"], ["*:admin"], id="an-action-that-only-reserved-scopes-have"),
        pytest.param(["z:z", "a:a", "z:z"], ["a:a", "z:z"], id="sorted-and-once"),
        pytest.param([], [], id="none"),
    ],
)
def test_grants_that_reach_nothing_are_found(grants: list[str], unknown: list[str]) -> None:
    assert unknown_grants(grants, CATALOGUE) == unknown


def test_with_an_empty_catalogue_a_star_is_still_known() -> None:
    assert unknown_grants(["*", "chat:*"], ()) == ["chat:*"]


def test_every_reserved_scope_is_a_scope_and_says_what_it_is_for() -> None:
    assert all(is_scope(scope) and meaning for scope, meaning in RESERVED_SCOPES.items())


@pytest.mark.parametrize(
    ("held", "grant", "does"),
    [
        (("*",), "*", True),
        (("*",), "chat:*", True),
        (("*",), "*:read", True),
        (("*",), "keyhatch:read", False),
        (("*",), "keyhatch:*", False),
        (("keyhatch:*",), "keyhatch:admin", True),
        (("chat:*",), "chat:write", True),
        (("chat:write", "chat:read"), "chat:*", False),
        (("chat:*",), "*", False),
        (("*:read",), "models:read", True),
        (("*:read",), "*:read", True),
        (("*:read",), "models:*", False),
        ((), "chat:write", False),
    ],
)
def test_whoever_holds_less_than_a_grant_gives_does_not_include_it(
    held: tuple[str, ...], grant: str, does: bool
) -> None:
    assert includes(held, grant) is does


@pytest.mark.parametrize("grant", ["keyhatch:read", "keyhatch:*", "chat:*", "*", "*:admin"])
def test_only_the_reserved_resource_reaches_into_management(grant: str) -> None:
    assert is_reserved(grant) is grant.startswith("keyhatch:")
