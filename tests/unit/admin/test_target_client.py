"""Guarantees of gateway/admin/target_client.py; what every desk guarantees is held by tests/contract."""

from pathlib import Path

import pytest

from gateway.admin.control_client import DeskUnreachable, RemoteKeyring
from gateway.admin.target_client import RemoteTargets


async def test_where_nobody_listens_nothing_is_asked(tmp_path: Path) -> None:
    desk = RemoteTargets(RemoteKeyring(tmp_path / "keys.db"))
    assert desk.acting("somebody") is desk
    for asked in (desk.list_targets(), desk.drain("ai"), desk.resume("ai")):
        with pytest.raises(DeskUnreachable):
            await asked
