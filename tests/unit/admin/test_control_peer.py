"""Guarantees of gateway/admin/control_peer.py: both ends know whom they talk to before they say anything."""

import os
import socket
from pathlib import Path

import pytest

from gateway.admin.control_peer import may_serve, uid_of_peer


def test_the_kernel_tells_who_is_calling() -> None:
    here, there = socket.socketpair(socket.AF_UNIX)
    with here, there:
        assert uid_of_peer(here) == os.geteuid()


def test_where_there_is_no_store_only_root_and_we_may_answer_for_it(tmp_path: Path) -> None:
    assert may_serve(tmp_path / "keys.db") == {0, os.geteuid()}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_whom_the_store_belongs_to_may_answer_for_it(tmp_path: Path) -> None:
    store = tmp_path / "keys.db"
    store.touch()
    os.chown(store, 1234, -1)
    assert may_serve(store) == {0, 1234}
