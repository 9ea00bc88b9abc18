"""Guarantees of gateway/keeper/credentials.py: what is told of a credential is never enough to use it."""

import pytest

from gateway.keeper.credentials import CredentialNotFound, assert_follows, described, preview_of
from gateway.keeper.ports import KeyNotFound
from tests.support.vaults import VALUE, sealed


@pytest.mark.parametrize(
    ("value", "preview"),
    [("sk-proj-0123456789xyz9", "sk-p…yz9"), ("a" * 20, "aaaa…aaa"), ("a" * 19, "****"), ("x", "****")],
)
def test_a_preview_shows_the_ends_of_a_long_one_and_nothing_of_a_short_one(value: str, preview: str) -> None:
    assert preview_of(value) == preview


def test_an_entry_tells_how_it_looked_and_not_what_it_is() -> None:
    told = described(sealed())
    assert told is not None
    assert set(told) == {"credential", "preview", "version", "vault_key"}
    assert VALUE not in repr(told)
    assert described(None) is None


def test_no_repr_of_a_record_holds_more_than_a_preview() -> None:
    assert sealed().sealed.hex() not in repr(sealed())
    assert "sealed=" not in repr(sealed())


def test_a_version_follows_only_a_lower_one() -> None:
    assert assert_follows(None, sealed()) is None
    assert assert_follows(sealed(), sealed(version=2)) is None
    assert assert_follows(sealed(version=2), sealed(version=2)) is not None


def test_a_missing_one_is_missing_like_a_key() -> None:
    assert issubclass(CredentialNotFound, KeyNotFound)
    assert "keyhatch credentials list" in str(CredentialNotFound())
