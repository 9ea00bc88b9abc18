"""docs/security-model.md: each switch that weakens something exists, with the default that is told."""

import re
from typing import Final

from gateway.core.keys import CHECKSUM_CHARS, ENTROPY_BYTES
from gateway.core.strength import BITS_MIN
from tests.docs.documents import document
from tests.docs.named_tests import lost, named_tests

PAGE: Final = document("docs/security-model.md")
OPTIONS: Final = document("docs/configuration.md").text.partition("\n## Options\n")[2]

_SWITCH: Final = re.compile(r"^\| `([\w.]+)` \| (.+?) \| (.+) \|$", re.MULTILINE)
_SECTION: Final = re.compile(r"^### ([\w.]+)\n(.*?)(?=^### |\Z)", re.MULTILINE | re.DOTALL)
_OPTION: Final = re.compile(r"^\| `([\w.]+)` \| .+? \| (.+?) \| .* \|$", re.MULTILINE)

DEFAULTS: Final = {
    f"{section}.{name}": default
    for section, table in _SECTION.findall(OPTIONS)
    for name, default in _OPTION.findall(table)
}
SWITCHES: Final = _SWITCH.findall(PAGE.section("## What is off, and what it costs to switch it on"))


def test_each_switch_exists_with_the_default_that_is_told() -> None:
    groups = {option.rpartition(".")[0] for option in DEFAULTS}
    known = dict.fromkeys(groups, "none") | DEFAULTS
    assert [(option, known.get(option)) for option, _, _ in SWITCHES] == [each[:2] for each in SWITCHES]


def test_no_switch_that_is_known_to_weaken_is_forgotten() -> None:
    """A word that opens something, in an option's own description, asks for a row here."""
    told = {option for option, _, _ in SWITCHES}
    opens = {"public", "anonymous", "encoded_slash", "browser_prompt", "cors", "trusted_proxies", "host"}
    opens |= {"pass_caller_credential", "credential", "names", "client_cert"}
    assert {option for option in DEFAULTS if option.rpartition(".")[2] in opens} - told - UNTOLD == set()


UNTOLD: Final = {"upstreams.NAME.cors"}  # the same as on routes, for those of a preset


def test_the_figures_of_a_key_are_those_of_the_code() -> None:
    section = PAGE.section("## What a key is")
    assert f"{ENTROPY_BYTES} random bytes" in section
    assert f"in {CHECKSUM_CHARS}." in section
    assert f"{BITS_MIN:.0f} bits" in section


def test_the_tests_that_are_named_exist() -> None:
    named = named_tests(PAGE.text)
    assert named
    assert lost(named) == []
