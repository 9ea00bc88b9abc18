"""Nothing that users meet is untold: each name in a closed set of the code stands on the page for it.

Options, reasons, metrics, commands, exit codes, presets and log lines have tests of their own beside this.
"""

import re
from collections.abc import Iterable
from typing import Final

import pytest

from gateway.admin.api.operations import OPERATIONS
from gateway.admin.api.problems import Code
from gateway.config.overlay import CONFIG_VARIABLE, PRESET_VARIABLE, STORE_VARIABLE, UPSTREAM_VARIABLE
from gateway.core.dialect import Dialect
from gateway.core.keys import Status
from gateway.core.scopes import RESERVED_SCOPES
from gateway.keeper.audit import ACTS
from gateway.keeper.credentials import CredentialState, TrialResult
from tests.arch.sources import modules, text
from tests.docs.documents import PATHS, document

SETS: Final[dict[str, tuple[str, Iterable[str]]]] = {
    "operations": ("docs/management.md", [f"{each.method} {each.path}" for each in OPERATIONS]),
    "problems": ("docs/management.md", Code),
    "scopes of management": ("docs/management.md", RESERVED_SCOPES),
    "variables": (
        "docs/configuration.md",
        (CONFIG_VARIABLE, PRESET_VARIABLE, STORE_VARIABLE, UPSTREAM_VARIABLE),
    ),
    "dialects": ("docs/errors.md", Dialect),
    "acts": ("docs/cli.md", ACTS),
    "states of a key": ("docs/metrics.md", Status),
    "states of a credential": ("docs/credentials.md", CredentialState),
    "results of a trial": ("docs/management.md", TrialResult),
}


@pytest.mark.parametrize("name", SETS)
def test_each_of_a_closed_set_stands_on_its_page(name: str) -> None:
    page, words = SETS[name]
    spans = set(document(page).code_spans())
    assert [word for word in map(str, words) if word not in spans] == []


_VARIABLE: Final = re.compile(r'"((?:KEYHATCH|OTEL|NOTIFY|WATCHDOG|NO)_[A-Z][A-Z_]*)"')


def test_every_variable_that_is_read_is_told_somewhere() -> None:
    read = {name for module in modules("gateway") for name in _VARIABLE.findall(text(module))}
    told = {span.partition("=")[0] for path in PATHS for span in document(path).code_spans()}
    assert {"NO_COLOR", "KEYHATCH_CONFIG"} <= read
    assert [name for name in read if name not in told and not name.startswith("OTEL_EXPORTER_")] == []
