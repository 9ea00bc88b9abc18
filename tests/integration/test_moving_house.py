"""Guarantees of backup, restore and doctor as people use them: real commands around a real gateway."""

import json
import threading
from pathlib import Path

import pytest

from gateway.core.keys import digest_of
from gateway.store.judge import judge, keys_in, opened
from tests.support.real_upstreams import DemoUpstream, free_port
from tests.support.running_gateway import Home

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    folder = tmp_path / "old"
    folder.mkdir()
    return Home(folder)


def digests(store: Path) -> set[bytes]:
    with opened(store, is_still=True) as connection:
        judge(connection)
        return {key.digest for key in keys_in(connection)}


def test_a_backup_under_load_has_all_that_was_acknowledged_before_it_began(home: Home) -> None:
    home.configure(NOWHERE, keys={"max_active_per_owner": 10_000})
    acknowledged: list[str] = []
    is_over = threading.Event()

    def write() -> None:
        while not is_over.is_set():
            acknowledged.append(home.make_key("busy"))

    with home.serve():
        acknowledged.append(home.make_key("first"))
        writer = threading.Thread(target=write)
        writer.start()
        try:
            for number in range(5):
                before = {digest_of(secret) for secret in list(acknowledged)}
                ran = home.keyhatch("backup", f"copy-{number}.db", "-o", "json")
                assert ran.code == 0, ran.err
                assert before <= digests(home.folder / f"copy-{number}.db")
                assert ran.data["keys"] == ran.data["audit_entries"] >= len(before)
        finally:
            is_over.set()
            writer.join()
        assert len(acknowledged) > 5
    assert len(digests(home.folder / "copy-4.db")) <= len(acknowledged)


def test_moved_to_a_new_computer_keys_open_what_they_opened(home: Home, tmp_path: Path) -> None:
    with DemoUpstream() as demo:
        home.configure(demo.url)
        with home.serve() as gateway:
            known, ended = home.make_key("Game"), home.make_key("Leaked")
            assert home.keyhatch("backup", "moving.db").code == 0
            assert home.keyhatch("keys", "revoke", "Leaked", "--yes").code == 0
            refused = home.keyhatch("restore", "moving.db", "--yes")
            assert (refused.code, "takes a gateway that is stopped" in refused.err) == (1, True)
            assert gateway.ask("/v1/models", key=ended).reason == "key_revoked"
        (tmp_path / "new").mkdir()
        new = Home(tmp_path / "new")
        new.configure(demo.url)
        moved = new.keyhatch("restore", str(home.folder / "moving.db"), "--yes")
        assert moved.code == 0, moved.err
        with new.serve() as gateway:
            assert gateway.ask("/v1/models", key=known).status == 200
        put_back = home.keyhatch("restore", "moving.db", "--yes")
        assert put_back.code == 0
        assert "revoked since" in put_back.err
        with home.serve() as gateway:
            assert gateway.ask("/v1/models", key=known).status == 200
            assert gateway.ask("/v1/models", key=ended).reason == "key_revoked"
        assert home.keyhatch("audit", "verify").code == 0


def test_the_doctor_names_what_is_wrong_and_changes_nothing(home: Home) -> None:
    proxy, admin = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    server = {"proxy": proxy, "admin": admin}
    home.configure(NOWHERE, server=server)
    before = sorted(home.folder.iterdir())
    sick = home.keyhatch("doctor")
    assert sick.code == 1
    assert "upstream main: 127.0.0.1 port 9 cannot be reached" in sick.out
    assert sorted(home.folder.iterdir()) == before
    with DemoUpstream() as demo:
        home.configure(demo.url, server=server)
        home.make_key("one")
        with home.serve():
            well = home.keyhatch("doctor", "-o", "json")
            found = {each["what"]: each for each in json.loads(well.out)}
            assert (well.code, {each["state"] for each in found.values()} <= {"ok", "warn"}) == (0, True)
            assert "is ready" in found[f"port {admin} (server.admin)"]["found"]
            assert "1 key, 1 entry" in found["store"]["found"]
