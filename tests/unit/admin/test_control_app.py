"""Guarantees of gateway/admin/control_app.py: whom it serves, what it refuses, what it never says."""

import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest

from gateway.admin.control import ControlServer
from gateway.admin.control_app import ACTS
from gateway.admin.control_client import RemoteKeyring
from gateway.admin.control_words import ASKED_BYTES_MAX
from gateway.core.keys import ApiKey, Secret
from gateway.keeper.audit import AuditQuery, verify_chain
from gateway.keeper.desk import KeyDesk, KeyDraft, NotAllowed, Rotation
from gateway.keeper.ports import StoreUnavailable
from tests.unit.admin.conftest import as_desk, make_keyring, send

# --- Who is served


@pytest.mark.parametrize("uid", [12_345, -1, None])
async def test_strangers_are_refused_before_they_are_heard(path: Path, uid: int | None) -> None:
    server = ControlServer(lambda: as_desk(None), path, peer_uid=lambda _: uid)
    await server.start()
    with pytest.raises(NotAllowed, match=rf"only root and the user .* \(uid {os.geteuid()}\)"):
        await RemoteKeyring(path).create(KeyDraft(name="laptop"))
    assert (await send(path, "POST", "/v1/verify", b"x" * ASKED_BYTES_MAX * 2))[0] == 403
    await server.stop()


@pytest.mark.parametrize("uid", [0, os.geteuid()])
async def test_root_and_the_owner_are_served(path: Path, uid: int) -> None:
    server = ControlServer(make_keyring, path, peer_uid=lambda _: uid)
    await server.start()
    assert await RemoteKeyring(path).is_there()
    await server.stop()


# --- What is refused


@pytest.mark.parametrize(
    ("method", "target", "body", "message"),
    [
        ("POST", "/v1/format", b"{}", "does not know this act"),
        ("POST", "/v1/", b"{}", "does not know this act"),
        ("POST", "/", b"{}", "does not know this act"),
        ("GET", "/v1/ping", b"", "does not know this act"),
        ("DELETE", "/v1/list", b"{}", "does not know this act"),
        ("POST", "/v1/ping", b"", "cannot read what was asked: all of it"),
        ("POST", "/v1/ping", b"[]", "cannot read what was asked: all of it"),
        ("POST", "/v1/ping", b'{"more": 1}', "cannot read what was asked: more"),
        ("POST", "/v1/resolve", b'{"id_or_name": 1}', "cannot read what was asked: id_or_name"),
        ("POST", "/v1/resolve", b'{"id_or_name": "\xff"}', "cannot read what was asked: all of it"),
        ("POST", "/v1/verify", b'{"text": "' + b"x" * ASKED_BYTES_MAX + b'"}', "what was asked is too long"),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_what_is_not_in_the_closed_set_is_refused(
    path: Path, server: ControlServer, method: str, target: str, body: bytes, message: str
) -> None:
    status, told = await send(path, method, target, body)
    assert status == 422
    assert told["kind"] == "rule_broken"
    assert message in told["message"]
    assert await RemoteKeyring(path).is_there()


def test_the_acts_are_those_of_the_desk() -> None:
    desk = {name for name in vars(KeyDesk) if not name.startswith("_")}
    assert set(ACTS) == desk - {"list_keys", "acting"} | {"list", "ping"}


async def test_the_unexpected_is_logged_here_and_told_without_its_words(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        async def resolve(self, _: str) -> ApiKey:
            raise RuntimeError("the inside of the house")

    server = ControlServer(lambda: as_desk(Broken()), path)
    await server.start()
    with pytest.raises(StoreUnavailable, match="met something unexpected: see its log") as refusal:
        await RemoteKeyring(path).resolve("laptop")
    await server.stop()
    assert "inside of the house" not in str(refusal.value)
    [logged] = [entry for entry in caplog.records if entry.name == "gateway.control"]
    assert logged.exc_info is not None


# --- What is never said


async def test_no_secret_is_logged_whatever_is_asked_and_whatever_breaks(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    keyring = make_keyring()
    server = ControlServer(lambda: keyring, path)
    await server.start()
    far = RemoteKeyring(path)
    key, first = await far.create(KeyDraft(name="laptop"))
    _, second = await far.rotate(key.id, Rotation(overlap_s=0, end_previous=True))
    await far.verify(first.reveal())
    await send(path, "POST", "/v1/verify", json.dumps({"text": 1, "more": first.reveal()}).encode())

    async def break_down(text: str) -> None:
        raise RuntimeError(f"{len(text)} characters were too many")

    monkeypatch.setattr(keyring, "verify", break_down)
    with pytest.raises(StoreUnavailable):
        await far.verify(second.reveal())
    await server.stop()
    assert "characters were too many" in caplog.text
    assert not [secret for secret in (first, second) if secret.reveal() in caplog.text]


async def test_a_secret_travels_only_in_answers_to_create_and_rotate(
    path: Path, server: ControlServer
) -> None:
    far = RemoteKeyring(path)
    key, first = await far.create(KeyDraft(name="laptop"))
    _, second = await far.rotate(key.id, Rotation(overlap_s=60, end_previous=True))
    one = json.dumps({"id_or_name": key.id}).encode()
    asked: list[tuple[str, bytes]] = [
        ("list", b'{"status": "all", "owner": null}'),
        ("resolve", one),
        ("disable", one),
        ("enable", one),
        ("verify", json.dumps({"text": first.reveal()}).encode()),
        ("revoke", one),
        ("delete", one),
    ]
    for act, body in asked:
        status, told = await send(path, "POST", f"/v1/{act}", body)
        assert status == 200
        assert not _holds(told, first)
        assert not _holds(told, second)


def _holds(told: dict[str, Any], secret: Secret) -> bool:
    return secret.reveal() in json.dumps(told)


async def test_what_is_done_is_recorded_under_the_user_who_asked(path: Path) -> None:
    server = ControlServer(make_keyring, path)
    await server.start()
    remote = RemoteKeyring(path)
    key, _ = await remote.create(KeyDraft(name="laptop"))
    await remote.revoke(key.id)
    entries = await remote.audit()
    assert [(entry.act, entry.actor) for entry in entries] == [
        ("create", f"host:{os.geteuid()}"),
        ("revoke", f"host:{os.geteuid()}"),
    ]
    assert verify_chain(entries) == (2, entries[-1].hash)
    assert await remote.audit(AuditQuery(after=1, limit=1)) == entries[1:]
    assert await remote.audit(AuditQuery(key_id="key_0000000000000000")) == []
    assert await remote.audit(AuditQuery(newest_first=True)) == entries[::-1]
    assert await remote.audit(AuditQuery(act="create")) == entries[:1]
    assert await remote.audit(AuditQuery(actor="host")) == []
    await server.stop()
