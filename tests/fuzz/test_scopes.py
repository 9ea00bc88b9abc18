"""Properties of scopes.

1. A grant covers what a plain reading of it says, and nothing else.
2. Adding a scope to a key never removes access; a route that asks for more never lets more pass.
3. One word is covered by itself and by `*` alone. No wildcard over resources reaches a reserved scope.
4. No text makes the grammar raise, and every plain scope is a grant.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.routes import Route
from gateway.core.scopes import (
    RESERVED_RESOURCE,
    RESERVED_SCOPES,
    coverers,
    covers,
    is_grant,
    is_scope,
    unknown_grants,
)
from tests.fuzz.inputs import named_corpus

MANY = settings(max_examples=max(150, settings().max_examples))

resources = st.sampled_from(["chat", "models", "audio", "cha", RESERVED_RESOURCE])
actions = st.sampled_from(["read", "write", "admin", "rea"])
pairs = st.builds("{}:{}".format, resources, actions)
words = st.sampled_from(["admin", "chat", "read"])
scopes = st.one_of(pairs, pairs, words)
grants = st.one_of(
    scopes, st.just("*"), st.builds("{}:*".format, resources), st.builds("*:{}".format, actions)
)
held_sets = st.frozensets(grants, max_size=4)
routes = st.builds(
    lambda all_of, any_of: Route("it", "/", scopes=tuple(all_of), any_of=tuple(any_of)),
    st.lists(scopes, max_size=3),
    st.lists(scopes, max_size=3),
)


def plainly_covers(grant: str, scope: str) -> bool:
    if ":" not in scope or ":" not in grant:
        return grant == scope or (grant == "*" and not scope.startswith(f"{RESERVED_RESOURCE}:"))
    resource, action = scope.split(":")
    granted_resource, granted_action = grant.split(":")
    if granted_resource == "*":
        return resource != RESERVED_RESOURCE and granted_action == action
    return granted_resource == resource and granted_action in {"*", action}


@pytest.mark.parametrize("raw", named_corpus("scopes"))
def test_the_corpus_is_read_plainly_or_is_no_grant(raw: bytes) -> None:
    grant, scope = raw.decode().split("|")
    assert is_grant(grant) >= is_scope(grant)
    if is_grant(grant) and is_scope(scope):
        assert covers(frozenset({grant}), scope) is plainly_covers(grant, scope)


@MANY
@given(held_sets, scopes)
def test_a_key_covers_what_a_plain_reading_of_its_grants_covers(held: frozenset[str], scope: str) -> None:
    assert covers(held, scope) is any(plainly_covers(grant, scope) for grant in held)


@MANY
@given(routes, held_sets)
def test_a_route_lets_pass_what_a_plain_reading_of_it_lets_pass(route: Route, held: frozenset[str]) -> None:
    everything = all(covers(held, scope) for scope in route.scopes)
    something = not route.any_of or any(covers(held, scope) for scope in route.any_of)
    assert route.satisfied_by(held) is (everything and something)


@MANY
@given(routes, held_sets, grants)
def test_adding_a_scope_to_a_key_never_removes_access(route: Route, held: frozenset[str], more: str) -> None:
    assert route.satisfied_by(held | {more}) >= route.satisfied_by(held)


@MANY
@given(routes, held_sets, scopes)
def test_a_route_that_asks_for_more_lets_no_more_pass(route: Route, held: frozenset[str], more: str) -> None:
    stricter = Route("it", "/", scopes=(*route.scopes, more), any_of=route.any_of)
    assert stricter.satisfied_by(held) <= route.satisfied_by(held)


@given(
    st.frozensets(st.just("*") | st.builds("*:{}".format, actions)), st.sampled_from(sorted(RESERVED_SCOPES))
)
def test_no_wildcard_over_resources_reaches_a_reserved_scope(held: frozenset[str], scope: str) -> None:
    assert not covers(held, scope)


@MANY
@given(st.text(max_size=12) | st.text(alphabet="ab:*-_. \n", max_size=6))
def test_no_text_makes_the_grammar_raise(text: str) -> None:
    assert is_grant(text) >= is_scope(text)
    if is_scope(text):
        assert all(is_grant(grant) for grant in coverers(text))
    assert unknown_grants([text], ["chat:read"]) in ([], [text])


@given(st.lists(grants, max_size=4), st.lists(scopes, max_size=4))
def test_an_unknown_grant_is_one_that_covers_nothing_in_the_catalogue(
    held: list[str], catalogue: list[str]
) -> None:
    known = [*catalogue, *RESERVED_SCOPES]
    useless = {grant for grant in held if grant != "*" and not any(covers([grant], scope) for scope in known)}
    assert unknown_grants(held, catalogue) == sorted(useless)
