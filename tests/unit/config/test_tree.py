"""A tree keeps every value's place, and copies share nothing."""

import pytest

from gateway.config.problems import Origin
from gateway.config.tree import Node, find, from_plain, is_unicode, nearest, put

HERE = Origin("here")
THERE = Origin("there")
VALUES = {"server": {"proxy": "a", "list": ["x", {"y": None}]}, "n": 1}


def test_a_tree_over_plain_values_gives_them_back() -> None:
    assert from_plain(VALUES, HERE).plain() == VALUES
    assert {str(node.origin) for node in from_plain(VALUES, HERE).below()} == {"here"}
    assert from_plain(("a", "b"), HERE).plain() == ["a", "b"]


@pytest.mark.parametrize(
    ("loc", "content"),
    [
        ((), VALUES),
        (("server", "proxy"), "a"),
        (("server", "list", 0), "x"),
        (("server", "list", 1, "y"), None),
    ],
    ids=str,
)
def test_what_was_written_is_found_at_its_place(loc: tuple[str | int, ...], content: object) -> None:
    node = find(from_plain(VALUES, HERE), loc)
    assert node is not None
    assert node.plain() == content


@pytest.mark.parametrize(
    "loc",
    [
        ("gone",),
        ("server", "gone", "deeper"),
        ("server", "list", 2),
        ("server", "list", "x"),
        ("n", "x"),
        ("n", 0),
    ],
    ids=str,
)
def test_what_was_not_written_is_not_found(loc: tuple[str | int, ...]) -> None:
    assert find(from_plain(VALUES, HERE), loc) is None


def test_the_nearest_value_is_the_innermost_one_around_it() -> None:
    root = from_plain(VALUES, HERE)
    assert nearest(root, ("server", "gone", "deeper")) is root.child("server")
    assert nearest(root, ("server", "proxy")).content == "a"
    assert nearest(root, ("gone",)) is root


def test_a_value_is_put_through_mappings_made_on_the_way() -> None:
    root = from_plain({"server": None, "keys": {"prefix": "kh"}}, HERE)
    put(root, ("server", "tls", "cert_file"), Node(THERE, "x"))
    put(root, ("keys", "prefix"), Node(THERE, "ab"))
    assert root.plain() == {"server": {"tls": {"cert_file": "x"}}, "keys": {"prefix": "ab"}}
    assert nearest(root, ("server", "tls")).origin == THERE
    assert nearest(root, ("keys",)).origin == HERE


@pytest.mark.parametrize("written", [{"server": "scalar"}, {"server": ["list"]}], ids=str)
def test_what_stands_in_the_way_stays_to_be_found_wrong(written: dict[str, object]) -> None:
    root = from_plain(written, HERE)
    put(root, ("server", "proxy"), Node(THERE, "x"))
    put(root, ("server", "tls", "cert_file"), Node(THERE, "x"))
    assert root.plain() == written


def test_a_copy_shares_nothing_and_counts_every_node() -> None:
    root = from_plain(VALUES, HERE)
    counted: list[None] = []
    copy = root.copied(lambda: counted.append(None))
    assert copy == root
    assert len(counted) == len(list(root.below())) == 8
    put(copy, ("server", "proxy"), Node(THERE, "changed"))
    copy.content["server"].content["list"].content.clear()
    assert root.plain() == VALUES


def test_half_a_character_is_not_unicode() -> None:
    assert is_unicode("grün 😀")
    assert not is_unicode("a\udcff")
