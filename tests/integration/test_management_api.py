"""The management API of the running command: acts count at once; what was acknowledged is what there is."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from tests.faults.test_store_locked import locked
from tests.support.lasting_upstream import LastingUpstream
from tests.support.management import Management, first_key
from tests.support.plane_stand import PLANES
from tests.support.running_gateway import ANY_KEY, Home, RunningGateway, eventually

MANY = 200


@pytest.fixture(scope="module")
def upstream() -> Iterator[LastingUpstream]:
    with LastingUpstream() as upstream:
        upstream.let_go()
        yield upstream


@pytest.fixture(scope="module")
def at_home(upstream: LastingUpstream, tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("home"))
    home.configure(upstream.url)
    return home


@pytest.fixture(scope="module")
def gateway(at_home: Home) -> Iterator[RunningGateway]:
    with at_home.serve() as gateway:
        yield gateway


@pytest.fixture
def admin(gateway: RunningGateway, at_home: Home) -> Management:
    return Management(gateway.admin_port, first_key(at_home.folder))


def test_the_first_start_leaves_an_admin_key_that_its_owner_alone_can_read(
    gateway: RunningGateway, at_home: Home, admin: Management
) -> None:
    assert (at_home.folder / "admin.key").stat().st_mode & 0o777 == 0o600
    assert admin.key is not None
    assert admin.key not in gateway.log + gateway.out
    admin("GET", "/me")
    me = admin("GET", "/me").data
    assert (me["name"], me["scopes"], me["created_by"]) == ("admin", ["keyhatch:admin"], "keyhatch")
    assert me["last_used_from"] == "127.0.0.1"


def test_a_lost_admin_key_is_replaced_on_the_host_and_the_old_one_ends(
    gateway: RunningGateway, at_home: Home
) -> None:
    lost = first_key(at_home.folder)
    ran = at_home.keyhatch("admin", "reset", "--yes", "-q")
    assert ran.code == 0, ran.err
    found = ran.out.strip()
    assert Management(gateway.admin_port, lost)("GET", "/me").status == 401
    assert Management(gateway.admin_port, found)("GET", "/me").data["name"] == "admin"
    (at_home.folder / "admin.key").write_text(found + "\n")


def test_two_hundred_creates_and_revokes_at_once_leave_exactly_what_was_acknowledged(
    gateway: RunningGateway, admin: Management
) -> None:
    doomed = [admin.create(f"Doomed {number}") for number in range(MANY // 2)]
    number_of_entries = admin("GET", "/audit/chain").data["entries"]
    barrier = threading.Barrier(16)

    def act(number: int) -> dict[str, object]:
        if number < 16:
            barrier.wait(10)
        if number % 2:
            return dict(admin("POST", f"/keys/{doomed[number // 2]['id']}/revoke").data)
        return admin.create(f"Made {number}")

    with ThreadPoolExecutor(16) as many:
        told = list(many.map(act, range(MANY)))
    there = {key["id"]: key for key in admin.every("/keys?status=all")}
    for key in told:
        found = there[str(key["id"])]
        assert found["status"] == ("active" if "key" in key else "revoked")
        assert {name: key[name] for name in found} == found
    made = [key for key in told if "key" in key]
    assert len({key["key"] for key in made}) == MANY // 2
    assert sum(key["name"].startswith(("Made", "Doomed")) for key in there.values()) == MANY
    assert {gateway.ask("/held", key=str(key["key"])).status for key in made} == {200}
    assert {gateway.ask("/held", key=key["key"]).reason for key in doomed} == {"key_revoked"}
    chain = admin("GET", "/audit/chain").data
    assert (chain["whole"], chain["entries"]) == (True, number_of_entries + MANY)


@pytest.mark.parametrize("plane", PLANES)
def test_a_key_that_the_api_revoked_opens_nothing_from_the_answer_on(
    upstream: LastingUpstream, tmp_path_factory: pytest.TempPathFactory, plane: str
) -> None:
    home = Home(tmp_path_factory.mktemp("immediate"))
    home.configure(upstream.url, server={"proxy": "127.0.0.1:0", "admin": "127.0.0.1:0", "plane": plane})
    with home.serve() as gateway:
        admin = Management(gateway.admin_port, first_key(home.folder))
        for number in range(20):
            key = admin.create(f"Doomed {number}")
            assert gateway.ask("/held", key=key["key"]).status == 200
            assert admin("POST", f"/keys/{key['id']}/revoke").data["status"] == "revoked"
            refused = gateway.ask("/held", key=key["key"])
            assert (refused.status, refused.reason) == (401, "key_revoked")


@pytest.mark.parametrize("plane", PLANES)
def test_whoever_made_a_key_sees_its_calls_arrive(
    upstream: LastingUpstream, tmp_path_factory: pytest.TempPathFactory, plane: str
) -> None:
    home = Home(tmp_path_factory.mktemp("watched"))
    server = {"proxy": "127.0.0.1:0", "admin": "127.0.0.1:0", "plane": plane}
    needing = {"id": "needing", "path": "/needing/**", "upstream": "main", "scopes": ["chat:write"]}
    home.configure(upstream.url, [*ANY_KEY, needing], server=server)
    with home.serve() as gateway:
        admin = Management(gateway.admin_port, first_key(home.folder))
        key = admin.create("Awaited")

        def seen() -> dict[str, Any] | None:
            call: dict[str, Any] | None = admin("GET", f"/keys/{key['id']}/last-call").data["call"]
            return call

        assert seen() is None
        assert gateway.ask("/held?api_key=hidden", key=key["key"]).status == 200
        call = eventually(seen, "the call is seen")
        assert (call["path"], call["status"], call["reason"]) == ("/held", 200, None)
        assert (call["method"], call["from"], call["route"]) == ("GET", "127.0.0.1", "all")
        assert gateway.ask("/needing/sk-9f2kQ7vLx03mZpR8sT1w", key=key["key"]).status == 403
        refused = eventually(lambda: (told := seen()) and told["status"] == 403 and told, "so is a refusal")
        assert (refused["path"], refused["reason"]) == ("/needing/sk-****", "scope_missing")
        renewed = admin("POST", f"/keys/{key['id']}/rotate").data
        assert gateway.ask("/held?old", key=key["key"]).status == 200
        assert gateway.ask("/held?new", key=renewed["key"], method="POST").status == 200
        assert eventually(seen, "and the new secret")["method"] == "POST"


def test_the_first_use_of_a_new_secret_at_the_api_ends_the_one_before(
    gateway: RunningGateway, admin: Management
) -> None:
    old = admin.create("Second admin", scopes=["keyhatch:admin"])
    rotated = admin("POST", f"/keys/{old['id']}/rotate", {"until_first_use": True}).data
    assert gateway.ask("/held", key=old["key"]).status == 200
    assert Management(gateway.admin_port, rotated["key"])("GET", "/me").status == 200
    assert Management(gateway.admin_port, old["key"])("GET", "/me").reason == "key_rotated"
    assert gateway.ask("/held", key=old["key"]).reason == "key_rotated"


def test_a_store_that_is_locked_takes_nothing_and_shows_no_secret(home: Home) -> None:
    home.configure("http://127.0.0.1:9")
    with home.serve() as gateway:
        admin = Management(gateway.admin_port, first_key(home.folder))
        before = admin.every("/keys?status=all")
        with locked(home):
            began = time.monotonic()
            refused = admin("POST", "/keys", {"name": "Not now"})
            assert time.monotonic() - began < 10
        assert (refused.status, refused.data["code"]) == (503, "store_unavailable")
        assert refused.headers["retry-after"] == "1"
        assert "kh_" not in refused.body.decode()
        assert str(home.folder) not in refused.body.decode()
        assert [key["id"] for key in admin.every("/keys?status=all")] == [key["id"] for key in before]
        admin.create("Now")


def test_a_management_write_whose_audit_cannot_be_written_does_not_happen(home: Home) -> None:
    home.configure("http://127.0.0.1:9")
    with home.serve() as gateway:
        admin = Management(gateway.admin_port, first_key(home.folder))
        key = admin.create("Before")
        with closing(sqlite3.connect(home.store)) as beside, beside:
            beside.execute(
                "CREATE TRIGGER no_record BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
        for method, path, data in (
            ("POST", "/keys", {"name": "After"}),
            ("POST", f"/keys/{key['id']}/revoke", None),
            ("POST", f"/keys/{key['id']}/rotate", {"overlap": "now"}),
            ("PATCH", f"/keys/{key['id']}", {"note": "changed"}),
        ):
            refused = admin(method, path, data)
            assert refused.status == 503, (path, refused.body)
            assert "kh_" not in refused.body.decode()
        with closing(sqlite3.connect(home.store)) as beside, beside:
            beside.execute("DROP TRIGGER no_record")
        assert gateway.ask("/x", key=key["key"]).status == 502
        there = {each["name"]: each for each in admin.every("/keys?status=all")}
        assert set(there) == {"admin", "Before"}
        assert (there["Before"]["status"], there["Before"]["note"]) == ("active", "")


def test_browsers_call_the_listener_by_the_names_it_is_given(upstream: LastingUpstream, home: Home) -> None:
    server = {"proxy": "127.0.0.1:0", "admin": "127.0.0.1:0", "admin_names": ["Keys.example.com"]}
    home.configure(upstream.url, server=server)
    with home.serve() as gateway:
        for host, status in [("keys.example.com", 200), ("keys.example.com:443", 200), ("evil.test", 421)]:
            for path in ("/healthz", "/console/"):  # of the porter, and of the application
                assert gateway.ask_admin(path, headers={"Host": host}).status == status
