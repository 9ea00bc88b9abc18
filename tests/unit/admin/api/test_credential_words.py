"""The shapes of credentials: names by one rule in all places, and a value in no repr."""

import re

import pytest

from gateway.admin.api.credential_words import CREDENTIAL_NAME, CREDENTIAL_NAME_CHARS_MAX, PutCredential
from gateway.config.problems import Unfit
from gateway.config.vault_section import read_credential_name


@pytest.mark.parametrize("name", ["a", "open-ai", "a_b", "a--b", "-a", "a-", "A", "", "x" * 63, "x" * 64])
def test_the_api_takes_the_names_that_the_configuration_takes(name: str) -> None:
    try:
        is_name = read_credential_name(name) == name
    except Unfit:
        is_name = False
    is_named = re.fullmatch(CREDENTIAL_NAME, name) is not None and len(name) <= CREDENTIAL_NAME_CHARS_MAX
    assert is_named is is_name


def test_a_value_stands_in_no_repr() -> None:
    assert "sk-1" not in repr(PutCredential(value="sk-1"))
