"""What users of three products need of their keys, each need from its beginning to its end.

One running gateway with the routes of a home and a small company, called with real clients; keys are made,
seen and ended by the command line and by the management API in turn.
"""

import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType, web
from websockets.exceptions import InvalidStatus

from tests.support.management import Management, first_key
from tests.support.plain_caller import open_socket, open_stream
from tests.support.real_upstreams import AppUpstream
from tests.support.running_gateway import Home, RunningGateway, eventually

RECORD_END = "\x1e"
SCOPES = {
    "voice:use": "Talk to the voice server",
    "calls:read": "Read calls",
    "calls:write": "Make calls",
    "webhooks:manage": "Manage webhooks",
}
ROUTES: list[dict[str, Any]] = [
    {"id": "hub", "path": "/hub/**", "upstream": "main", "scopes": ["voice:use"]},
    {
        "id": "at-home",
        "path": "/home/**",
        "upstream": "main",
        "scopes": ["voice:use"],
        "anonymous": {"from": ["127.0.0.0/8"], "scopes": ["voice:use"]},
    },
    {"id": "calls", "path": "/calls/**", "methods": ["GET"], "upstream": "main", "scopes": ["calls:read"]},
    {
        "id": "calling",
        "path": "/calls/**",
        "methods": ["POST"],
        "upstream": "main",
        "scopes": ["calls:write"],
    },
    {"id": "webhooks", "path": "/webhooks/**", "upstream": "main", "scopes": ["webhooks:manage"]},
    {"id": "app", "path": "/app/**", "upstream": "main", "scopes": []},
]


class Servers(AppUpstream):
    """A SignalR hub, a stream without an end, and an app that tells which headers it was sent."""

    def __init__(self) -> None:
        app = web.Application()
        app.router.add_post("/hub/negotiate", self._negotiate)
        app.router.add_get("/hub", self._hub)
        app.router.add_get("/hub/", self._hub)
        app.router.add_get("/app/ticks", self._tick)
        app.router.add_route("*", "/{tail:.*}", self._headers)
        super().__init__(app)

    async def _negotiate(self, _request: web.Request) -> web.Response:
        transports = [{"transport": "WebSockets", "transferFormats": ["Text"]}]
        return web.json_response({"connectionToken": "c1", "availableTransports": transports})

    async def _hub(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                hello = json.loads(message.data.rstrip(RECORD_END)).get("protocol") == "json"
                await socket.send_str("{}" + RECORD_END if hello else message.data)
        return socket

    async def _tick(self, request: web.Request) -> web.StreamResponse:
        import asyncio  # noqa: PLC0415 - only here

        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        while True:
            await response.write(b"data: tick\n\n")
            await asyncio.sleep(0.02)

    async def _headers(self, request: web.Request) -> web.Response:
        return web.json_response({name.lower(): value for name, value in request.headers.items()})


@pytest.fixture(scope="module")
def upstream() -> Iterator[Servers]:
    with Servers() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def at_home(upstream: Servers, tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("home"))
    home.configure(upstream.url, ROUTES, scopes=SCOPES, keys={"max_active_per_owner": 3})
    return home


@pytest.fixture(scope="module")
def gateway(at_home: Home) -> Iterator[RunningGateway]:
    with at_home.serve() as gateway:
        yield gateway


@pytest.fixture
def admin(gateway: RunningGateway, at_home: Home) -> Management:
    return Management(gateway.admin_port, first_key(at_home.folder))


# --- Voxta ------------------------------------------------------------------------------------------------


def test_a_named_personal_key_for_an_external_program_opens_its_signalr_websocket(
    gateway: RunningGateway, at_home: Home
) -> None:
    key = at_home.create("VaM Plugin", "--scope", "voice:use")
    negotiated = gateway.ask("/hub/negotiate", "POST", key=key, body=b"")
    assert negotiated.data["availableTransports"][0]["transport"] == "WebSockets"
    with open_socket(gateway.port, f"/hub/?id=c1&access_token={key}") as socket:
        socket.send('{"protocol":"json","version":1}' + RECORD_END)
        assert socket.recv(timeout=5) == "{}" + RECORD_END
    [shown] = [each for each in at_home.keys("list", "-o", "json").data if each["name"] == "VaM Plugin"]
    assert (shown["use_count"], shown["last_used_from"]) == (2, "127.0.0.1")


def test_no_password_set_the_key_field_may_stay_empty_from_stated_networks_alone(
    gateway: RunningGateway,
) -> None:
    assert "x-keyhatch-key-id" not in gateway.ask("/home/say").data
    assert gateway.ask("/home/say", headers={"X-API-Key": ""}).status == 200
    assert gateway.ask("/hub/negotiate", "POST", body=b"").reason == "credential_missing"


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ("sk-proj-abcdefghijklmnopqrstuvwxyz0123456789", "an OpenAI key"),
        ("sk-ant-api03-abcdefghijklmnopqrstuvwxyz", "an Anthropic key"),
        ("sk-or-v1-0123456789abcdef0123456789abcdef", "an OpenRouter key"),
    ],
)
def test_three_kinds_of_key_confused_are_named_at_once_and_before_the_upgrade(
    gateway: RunningGateway, wrong: str, named: str
) -> None:
    began = time.monotonic()
    with pytest.raises(InvalidStatus) as refused, open_socket(gateway.port, "/hub/", key=wrong):
        pass
    assert time.monotonic() - began < 2
    assert refused.value.response.status_code == 401
    told = gateway.ask("/hub/negotiate", "POST", key=wrong, body=b"")
    assert told.reason == "credential_foreign"
    assert named in told.message
    assert "kh_" in told.message


def test_moving_to_a_new_computer_takes_every_key_along(
    gateway: RunningGateway, at_home: Home, upstream: Servers, tmp_path: Path
) -> None:
    key, ended = at_home.create("Moving"), at_home.create("Ended")
    at_home.keys("revoke", "Ended", "--yes")
    assert gateway.ask("/app/x", key=key).status == 200
    ran = at_home.keyhatch("backup", str(tmp_path / "keys.backup"))
    assert ran.code == 0, ran.err
    elsewhere = Home(tmp_path / "new computer")
    elsewhere.folder.mkdir()
    elsewhere.configure(upstream.url, ROUTES, scopes=SCOPES)
    ran = elsewhere.keyhatch("restore", str(tmp_path / "keys.backup"), "--yes")
    assert ran.code == 0, ran.err
    with elsewhere.serve() as moved:
        assert moved.ask("/app/x", key=key).data["x-keyhatch-key-name"] == "Moving"
        assert moved.ask("/app/x", key=ended).reason == "key_revoked"
        assert Management(moved.admin_port, first_key(at_home.folder))("GET", "/me").data["name"] == "admin"
        assert elsewhere.keyhatch("audit", "verify").code == 0


# --- Voxum ------------------------------------------------------------------------------------------------


def test_inventory_crm_and_custom_apps_each_have_a_key_of_their_own_in_x_api_key(
    gateway: RunningGateway, admin: Management
) -> None:
    keys = {name: admin.create(name)["key"] for name in ("Inventory Integration", "CRM Sync", "Custom app")}
    for name, key in keys.items():
        seen = gateway.ask("/app/who", headers={"X-API-Key": key}).data
        assert seen["x-keyhatch-key-name"] == name
        assert "x-api-key" not in seen


def test_the_list_tells_name_masked_preview_created_last_used_and_status(
    gateway: RunningGateway, at_home: Home, admin: Management
) -> None:
    key = admin.create("Listed")
    assert gateway.ask("/app/x", key=key["key"]).status == 200
    by_api = {each["id"]: each for each in admin.every("/keys")}[key["id"]]
    by_command = {each["id"]: each for each in at_home.keys("list", "-o", "json").data}[key["id"]]
    for told in (by_api, by_command):
        assert (told["name"], told["status"]) == ("Listed", "active")
        assert told["preview"] == f"{key['key'][:7]}…{key['key'][-4:]}"
        for moment in ("created_at", "last_used_at"):
            assert abs(datetime.fromisoformat(told[moment]).timestamp() - time.time()) < 60
        assert (told["last_used_from"], told["use_count"]) == ("127.0.0.1", 1)
        assert key["key"] not in json.dumps(told)


def test_the_full_key_is_shown_once_and_cannot_be_retrieved(
    gateway: RunningGateway, at_home: Home, admin: Management
) -> None:
    secret = at_home.create("Shown once")
    everything = [
        *(json.dumps(admin("GET", path).data) for path in ("/keys?status=all", "/audit", "/me")),
        at_home.keys("show", "Shown once", "-o", "json").out,
        at_home.keyhatch("audit", "export").out,
        gateway.log,
        gateway.ask_admin("/metrics").body.decode(),
    ]
    assert not any(secret in told or secret[3:] in told for told in everything)
    for file in at_home.folder.glob("keyhatch.db*"):
        assert file.is_socket() or secret.encode() not in file.read_bytes()


def test_revoking_asks_is_effective_immediately_ends_open_streams_and_keeps_the_record(
    gateway: RunningGateway, at_home: Home
) -> None:
    key = at_home.create("Doomed")
    assert at_home.keyhatch("keys", "revoke", "Doomed").code == 2, "off a terminal it takes --yes"
    with open_stream(gateway.port, "/app/ticks", key=key) as stream:
        assert stream.read1() == b"data: tick\n\n"
        at_home.keys("revoke", "Doomed", "--yes")
        revoked = time.monotonic()
        assert gateway.ask("/app/x", key=key).reason == "key_revoked"
        last_byte = revoked
        while True:
            try:
                if not stream.read1():
                    break
            except OSError:
                break
            except Exception as cut:  # noqa: BLE001 - http.client's word for a cut differs with where it fell
                assert "IncompleteRead" in type(cut).__name__  # noqa: PT017
                break
            last_byte = time.monotonic()
        assert last_byte - revoked < 1.0
    kept = at_home.keys("show", "Doomed", "-o", "json").data
    assert (kept["status"], kept["use_count"]) == ("revoked", 1)
    assert kept["revoked_at"] is not None


def test_good_names_are_hinted_at_where_a_key_is_named(at_home: Home, admin: Management) -> None:
    assert '"Inventory Integration", not "Key 1"' in at_home.keyhatch("keys", "create", "--help").out
    refused = admin("POST", "/keys", {"name": ""})
    assert [each["field"] for each in refused.data["errors"]] == ["name"]
    document = admin("GET", "/openapi.json").data
    assert "Inventory Integration" in json.dumps(document["components"]["schemas"]["CreateKey"])


def test_unused_keys_and_unusual_activity_are_visible(
    gateway: RunningGateway, at_home: Home, admin: Management
) -> None:
    unused, used = admin.create("Unused"), admin.create("Busy")
    gateway.ask("/app/x", key=used["key"])
    eventually(lambda: admin("GET", f"/keys/{used['id']}").data["use_count"] == 1, "the use shows")
    there = {each["id"]: each for each in admin.every("/keys")}
    assert there[unused["id"]]["last_used_at"] is None
    assert there[used["id"]]["last_used_from"] == "127.0.0.1"
    [line] = [line for line in at_home.keys("list").out.splitlines() if "Unused" in line]
    assert line.split("\t")[6] == "", "it was never used"


# --- VoxPria ----------------------------------------------------------------------------------------------


def test_scopes_give_each_key_the_least_it_needs(gateway: RunningGateway, admin: Management) -> None:
    reader = admin.create("Reader", scopes=["calls:read"])["key"]
    assert gateway.ask("/calls/7", key=reader).status == 200
    for method, path in (("POST", "/calls/7"), ("GET", "/webhooks/1")):
        refused = gateway.ask(path, method, key=reader, body=b"" if method == "POST" else None)
        assert (refused.status, refused.reason) == (403, "scope_missing")
        assert "calls:read" in refused.message, "what the key has"
    unknown = admin("POST", "/keys", {"name": "Typo", "scopes": ["calls:raed"]})
    assert "did you mean calls:read?" in unknown.data["errors"][0]["message"]


def test_authorization_bearer_is_enough(gateway: RunningGateway, admin: Management) -> None:
    key = admin.create("Bearer")["key"]
    seen = gateway.ask("/app/x", headers={"Authorization": f"Bearer {key}"}).data
    assert "authorization" not in seen
    assert seen["x-keyhatch-key-name"] == "Bearer"


def test_rotating_every_90_days_keeps_the_key_and_strands_nobody(
    gateway: RunningGateway, at_home: Home, admin: Management
) -> None:
    key = admin.create("Production", owner="acme")
    ends = datetime.fromisoformat(key["expires_at"]) - datetime.fromisoformat(key["created_at"])
    assert ends == timedelta(days=90)
    renewed = at_home.keys("rotate", "Production", "--overlap", "1h", "-o", "json").data
    assert (renewed["id"], renewed["name"]) == (key["id"], "Production")
    assert gateway.ask("/app/x", key=renewed["key"]).status == 200
    assert gateway.ask("/app/x", key=key["key"]).status == 200
    told = admin("GET", f"/keys/{key['id']}").data
    assert told["previous_secret_last_used_at"] is not None, "people see that it is not safe yet"
    admin("POST", f"/keys/{key['id']}/finish-rotation")
    assert gateway.ask("/app/x", key=key["key"]).reason == "key_rotated"
    assert gateway.ask("/app/x", key=renewed["key"]).status == 200


def test_keys_per_environment_have_a_limit_that_says_so(admin: Management) -> None:
    for environment in ("Development", "Staging", "Production"):
        admin.create(environment, owner="globex")
    refused = admin("POST", "/keys", {"name": "One more", "owner": "globex"})
    assert (refused.status, refused.data["code"]) == (409, "limit_reached")
    assert "has 3 keys, 3 is the most" in refused.data["detail"]
    assert len(admin.every("/keys?owner=globex")) == 3


def test_only_some_may_create_keys(gateway: RunningGateway, admin: Management) -> None:
    asked = {"name": "Mine", "scopes": ["calls:read"], "owner": "ann"}
    holders = {
        "nothing": (["calls:read"], 403),
        "read": (["keyhatch:read"], 403),
        "write without the scope": (["keyhatch:write"], 403),
        "write": (["keyhatch:write", "calls:*"], 201),
        "own": (["keyhatch:own", "calls:read"], 201),
    }
    for name, (scopes, status) in holders.items():
        key = admin.create(f"Holder of {name}", scopes=scopes, owner="ann" if name == "own" else "")["key"]
        assert Management(gateway.admin_port, key)("POST", "/keys", asked).status == status, name


def test_a_new_key_can_be_verified_to_work(gateway: RunningGateway, at_home: Home, admin: Management) -> None:
    key = at_home.create("Brand new", "--scope", "calls:read")
    assert at_home.keyhatch("keys", "verify", given=key).code == 0
    assert admin("POST", "/keys/verify", {"key": key}).data["valid"] is True
    me = gateway.ask("/.keyhatch/me", key=key).data
    assert (me["name"], me["scopes"]) == ("Brand new", ["calls:read"])
    story = admin("POST", "/explain", {"method": "GET", "path": "/calls/7", "key_id": me["id"]}).data
    assert (story["outcome"], story["route"]["id"]) == ("allowed", "calls")
