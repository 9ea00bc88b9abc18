"""A folder with a store, a vault's key and an upstream that is lent a credential."""

import json
from base64 import b64encode
from pathlib import Path

import pytest

from tests.support.vaults import RAW
from tests.unit.cli.command_line import CommandLine

CONFIG = {
    "vault": {"key_file": "vault.key"},
    "upstreams": {"main": {"url": "http://127.0.0.1:1", "credential": "vault:openai"}},
    "routes": [{"id": "all", "path": "/**", "upstream": "main", "scopes": []}],
}


@pytest.fixture
def house(line: CommandLine, tmp_path: Path) -> CommandLine:
    """The command line beside a configuration with a vault."""
    (tmp_path / "config.yaml").write_text(json.dumps(CONFIG))
    (tmp_path / "vault.key").write_bytes(b64encode(RAW))
    (tmp_path / "vault.key").chmod(0o600)
    return line
