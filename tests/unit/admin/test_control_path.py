"""Guarantees of gateway/admin/control_path.py: one socket for each store, however deep it lies."""

import os
import socket
import sys
from pathlib import Path

import pytest

from gateway.admin.control_path import ADDRESS_BYTES_MAX, address_of, socket_path


def test_the_socket_lies_beside_the_store(tmp_path: Path) -> None:
    assert socket_path(tmp_path / "keys.db") == tmp_path / "keys.db.sock"


def test_every_name_of_a_store_leads_to_one_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "keys.db").touch()
    (tmp_path / "link.db").symlink_to("keys.db")
    monkeypatch.chdir(tmp_path)
    expected = tmp_path / "keys.db.sock"
    assert socket_path(Path("keys.db")) == expected
    assert socket_path(tmp_path / "link.db") == expected
    assert socket_path(tmp_path / "." / ".." / tmp_path.name / "keys.db") == expected


def test_a_short_path_is_its_own_address() -> None:
    path = Path("/run/keyhatch/keys.db.sock")
    with address_of(path) as address:
        assert address == str(path)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux names files through /proc")
def test_a_socket_in_a_deep_folder_can_be_bound_and_reached(tmp_path: Path) -> None:
    path = tmp_path / ("deep" * 40) / "keys.db.sock"
    path.parent.mkdir()
    descriptors = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count is all that is wanted
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as caller:
        with address_of(path) as address:
            assert len(address) <= ADDRESS_BYTES_MAX
            listener.bind(address)
        listener.listen()
        assert path.is_socket()
        with address_of(path) as address:
            caller.connect(address)
    assert len(os.listdir("/proc/self/fd")) == descriptors  # noqa: PTH208


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the path itself is tried")
def test_a_deep_folder_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), address_of(tmp_path / ("deep" * 40) / "keys.db.sock"):
        pass
