"""Configuration text is filled completely or not at all."""

import pytest

from bench.text import fill


def test_names_are_replaced_and_the_languages_of_the_peers_are_left_alone() -> None:
    assert fill('listen @port@; { "$host" @type: %s }', port=8080) == 'listen 8080; { "$host" @type: %s }'


def test_a_name_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError, match="port"):
        fill("listen @port@;")
