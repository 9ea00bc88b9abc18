"""Guarantees of gateway/keeper/desk.py: no message at the desk repeats a secret."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.keys import compose_secret
from gateway.keeper.desk import holds_secret, quoted


@given(
    entropy=st.binary(min_size=32, max_size=32),
    prefix=st.from_regex(r"[a-z][a-z0-9]{0,15}", fullmatch=True),
    before=st.text(max_size=10),
    after=st.text(max_size=10),
)
def test_a_secret_is_recognised_wherever_it_stands_and_never_repeated(
    entropy: bytes, prefix: str, before: str, after: str
) -> None:
    secret = compose_secret(prefix, entropy).reveal()
    assert holds_secret(before + secret + after)
    assert secret[-20:] not in quoted(before + secret + after)


@pytest.mark.parametrize(
    "text", ["", "laptop", "key_0123456789abcdef", "kh_test", "home-assistant_2", "a" * 200, "kh_AbCd…wXyZ"]
)
def test_ordinary_names_are_not_taken_for_secrets(text: str) -> None:
    assert not holds_secret(text)
    assert quoted(text) == repr(text[:60])
