"""Guarantees of gateway/admin/console/sign_in.py: a key is shown once, a session stands for it."""

import logging

import pytest

from gateway.admin.api.throttle import BURST
from gateway.admin.sessions import IDLE_S
from gateway.keeper.desk import Rotation
from tests.unit.admin.api.stand import STRANGER, Held
from tests.unit.admin.console.stand import Browser, ConsoleStand

SESSION = "/console/session"
ME = "/api/v1/me"


async def test_a_session_may_what_its_key_may(stand: ConsoleStand, admin: Held) -> None:
    page = await stand.sign_in(admin)
    assert (await stand.send("GET", ME, by=page)).json["id"] == admin.id
    told = await stand.send("POST", "/api/v1/keys", {"name": "laptop"}, by=page)
    assert told.status == 201
    assert stand.acts(Held(told.json["id"], "")) == [("create", admin.id)]


@pytest.mark.parametrize(
    ("scopes", "may"),
    [
        (("keyhatch:admin",), ["read", "write", "admin"]),
        (("keyhatch:write",), ["read", "write"]),
        (("keyhatch:read",), ["read"]),
        (("keyhatch:own",), ["read", "write"]),
    ],
)
async def test_a_page_is_told_what_it_may(
    stand: ConsoleStand, scopes: tuple[str, ...], may: list[str]
) -> None:
    held = await stand.make("ann's", *scopes, owner="ann")
    page = await stand.sign_in(held)
    told = (await stand.send("GET", SESSION, by=page)).json
    assert (told["key"]["id"], told["may"]) == (held.id, may)
    assert told["only_owner"] == ("ann" if scopes == ("keyhatch:own",) else None)
    assert told["proxy"] == {"host": "127.0.0.1", "port": 8080, "scheme": "http"}
    assert "token" not in told


async def test_the_cookie_is_for_no_script_no_other_site_and_not_kept(
    stand: ConsoleStand, admin: Held
) -> None:
    told = await stand.send("POST", SESSION, {"key": admin.secret})
    assert told.headers["Set-Cookie"].partition("=")[0] == "keyhatch_session_8081"
    attributes = told.headers["Set-Cookie"].split("; ")[1:]
    assert sorted(attributes) == ["HttpOnly", "Path=/", "SameSite=Strict"]
    assert told.headers["Cache-Control"] == "no-store"


async def test_under_tls_the_cookie_is_bound_to_the_host(stand: ConsoleStand, admin: Held) -> None:
    headers = {"Origin": "https://localhost:8081"}
    told = await stand.send("POST", SESSION, {"key": admin.secret}, headers=headers)
    assert told.headers["Set-Cookie"].startswith("__Host-keyhatch_session=")
    assert "Secure" in told.headers["Set-Cookie"].split("; ")
    page = Browser(told.headers["Set-Cookie"].partition(";")[0], told.json["token"])
    assert (await stand.send("GET", ME, by=page)).status == 200


async def test_the_secret_is_in_no_answer_and_in_no_log(
    stand: ConsoleStand, admin: Held, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        told = await stand.send("POST", SESSION, {"key": admin.secret})
    assert admin.secret.encode() not in told.raw
    assert [record.getMessage() for record in caplog.records if record.name == "gateway.console"] == [
        f"{admin.id} signed in to the console from 127.0.0.1"
    ]
    assert admin.secret not in caplog.text
    assert told.json["token"] not in caplog.text


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        (STRANGER, 401, "key_unknown"),
        (STRANGER[:-1], 401, "credential_malformed"),
        ("sk-" + "a" * 40, 401, "credential_foreign"),
        ("  ", 401, "credential_missing"),
        ("ключ\n\x00", 401, "credential_foreign"),
        ("", 422, "field_invalid"),
    ],
)
async def test_what_is_no_key_of_ours_signs_nobody_in(
    stand: ConsoleStand, text: str, status: int, code: str
) -> None:
    told = await stand.send("POST", SESSION, {"key": text})
    assert (told.status, told.code) == (status, code)
    assert "Set-Cookie" not in told.headers


async def test_a_key_for_callers_signs_nobody_in_and_is_told_why(stand: ConsoleStand) -> None:
    held = await stand.make("app", "*")
    told = await stand.send("POST", SESSION, {"key": held.secret})
    assert (told.status, told.code) == (403, "not_allowed")
    assert "keyhatch admin reset" in told.json["detail"]
    assert stand.uses == []


async def test_whoever_guesses_is_told_to_wait(stand: ConsoleStand) -> None:
    statuses = [(await stand.send("POST", SESSION, {"key": STRANGER})).status for _ in range(BURST + 1)]
    assert statuses == [401] * BURST + [429]


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
@pytest.mark.parametrize("headers", [{"Origin": "http://evil.test"}, {"Sec-Fetch-Site": "cross-site"}])
async def test_no_page_elsewhere_signs_anybody_in_or_out(
    stand: ConsoleStand, admin: Held, method: str, headers: dict[str, str]
) -> None:
    page = await stand.sign_in(admin)
    body = {"key": admin.secret} if method == "POST" else None
    told = await stand.send(method, SESSION, body, by=page, headers=headers)
    assert (told.status, told.code) == (403, "origin_not_allowed")
    assert (await stand.send("GET", ME, by=page)).status == 200


@pytest.mark.parametrize("body", ["key=value", "{", '{"key": 1}', '{"key": "a", "more": 1}'])
async def test_only_json_of_the_right_shape_is_read(stand: ConsoleStand, body: str) -> None:
    told = await stand.client.post(SESSION, data=body.encode(), headers={"Content-Type": "text/plain"})
    assert told.status == 415
    told = await stand.client.post(SESSION, data=body.encode(), headers={"Content-Type": "application/json"})
    assert told.status in (400, 422)


async def test_half_a_session_is_none(stand: ConsoleStand, admin: Held) -> None:
    page = await stand.sign_in(admin)
    for half in (Browser(cookie=page.cookie), Browser(token=page.token), Browser(page.cookie, "wrong")):
        for path in (ME, SESSION):
            told = await stand.send("GET", path, by=half)
            assert (told.status, told.code) == (401, "session_ended")
            assert "Sign in again" in told.json["detail"]


async def test_no_session_at_all_is_a_session_that_ended_to_the_page_alone(stand: ConsoleStand) -> None:
    assert (await stand.send("GET", SESSION)).code == "session_ended"
    assert (await stand.send("GET", ME)).code == "credential_missing"


async def test_signing_out_ends_it_on_the_server(stand: ConsoleStand, admin: Held) -> None:
    page = await stand.sign_in(admin)
    told = await stand.send("DELETE", SESSION, by=page)
    assert (told.status, told.raw) == (204, b"")
    assert "Max-Age=0" in told.headers["Set-Cookie"]
    assert (await stand.send("GET", ME, by=page)).code == "session_ended"


async def test_signing_in_anew_ends_the_session_before(stand: ConsoleStand, admin: Held) -> None:
    page = await stand.sign_in(admin)
    await stand.send("POST", SESSION, {"key": admin.secret}, by=page)
    assert (await stand.send("GET", ME, by=page)).code == "session_ended"
    assert len(stand.sessions) == 1


async def test_rest_ends_it(stand: ConsoleStand, admin: Held) -> None:
    page = await stand.sign_in(admin)
    stand.clock.time += IDLE_S
    assert (await stand.send("GET", ME, by=page)).code == "session_ended"


@pytest.mark.parametrize("end", ["revoke", "disable", "rotate", "expire"])
async def test_what_ends_the_key_ends_its_sessions(stand: ConsoleStand, end: str) -> None:
    held = await stand.make("ann", "keyhatch:admin", expires_at=stand.clock.now() + 60)
    page = await stand.sign_in(held)
    if end == "expire":
        stand.clock.time += 60
    elif end == "rotate":
        await stand.keyring.rotate(held.id, Rotation(overlap_s=0.0))
    else:
        await getattr(stand.keyring, end)(held.id)
    told = await stand.send("GET", ME, by=page)
    assert told.status == 401
    assert told.code.startswith("key_")


async def test_a_key_works_only_from_its_addresses_here_too(stand: ConsoleStand, admin: Held) -> None:
    page = await stand.sign_in(admin)
    edited = await stand.send("PATCH", f"/api/v1/keys/{admin.id}", {"allow_from": ["10.0.0.0/8"]}, by=page)
    assert edited.status == 200
    assert (await stand.send("GET", ME, by=page)).code == "address_not_allowed"


async def test_what_a_person_does_is_a_use_of_the_key_what_the_page_asks_itself_is_none(
    stand: ConsoleStand, admin: Held
) -> None:
    page = await stand.sign_in(admin)
    assert len(stand.uses) == 1
    await stand.send("GET", ME, by=page)
    assert len(stand.uses) == 2
    itself = {"X-Keyhatch-Background": "1"}
    await stand.send("GET", ME, by=page, headers=itself)
    assert len(stand.uses) == 2
    told = await stand.send("POST", "/api/v1/keys", {"name": "laptop"}, by=page, headers=itself)
    assert told.status == 201
    assert len(stand.uses) == 3  # a change is never hidden so
    asked = {"method": "GET", "path": "/v1/models"}
    assert (await stand.send("POST", "/api/v1/explain", asked, by=page, headers=itself)).status == 200
    assert len(stand.uses) == 3
    assert (await stand.send("GET", "/api/v1/keys/export", by=page, headers=itself)).status == 200
    assert len(stand.uses) == 4  # nor is what only an admin may take away


async def test_a_key_that_is_shown_counts_before_any_session(stand: ConsoleStand, admin: Held) -> None:
    page = await stand.sign_in(admin)
    reader = await stand.make("reader", "keyhatch:read")
    told = await stand.send("GET", ME, by=page, headers={"Authorization": f"Bearer {reader.secret}"})
    assert told.json["id"] == reader.id
