"""Guarantees of gateway/admin/api/same_origin.py: what a page elsewhere had a browser send is not heard."""

import pytest

from gateway.admin.api.operations import OPERATIONS, Operation
from tests.unit.admin.api.stand import Held, Stand, Told, path_of

ELSEWHERE = [
    {"Origin": "https://evil.test"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://localhost"},
    {"Origin": "http://localhost:8081.evil.test"},
    {"Origin": "chrome-extension://localhost:8081"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": ""},
    {"Origin": "http://localhost:8081", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "https://evil.test", "Sec-Fetch-Site": "same-origin"},
]
HERE = [
    {},
    {"Origin": "http://localhost:8081"},
    {"Origin": "https://localhost:8081"},
    {"Origin": "HTTP://LOCALHOST:8081"},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "http://localhost:8081", "Sec-Fetch-Site": "same-origin"},
]


async def ask(stand: Stand, by: Held, headers: dict[str, str]) -> Told:
    return await stand.ask(by, "GET", "/me", headers={"Host": "localhost:8081", **headers})


@pytest.mark.parametrize("headers", ELSEWHERE, ids=str)
async def test_a_page_elsewhere_is_refused_whatever_key_it_has(
    stand: Stand, admin: Held, headers: dict[str, str]
) -> None:
    told = await ask(stand, admin, headers)
    assert (told.status, told.code) == (403, "origin_not_allowed")
    assert stand.uses == []


@pytest.mark.parametrize("headers", HERE, ids=str)
async def test_a_page_of_this_listener_and_a_program_pass(
    stand: Stand, admin: Held, headers: dict[str, str]
) -> None:
    assert (await ask(stand, admin, headers)).status == 200


async def test_the_name_of_the_host_may_be_written_large(stand: Stand, admin: Held) -> None:
    headers = {"Host": "LOCALHOST:8081", "Origin": "http://localhost:8081"}
    assert (await stand.ask(admin, "GET", "/me", headers=headers)).status == 200


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
async def test_it_is_refused_before_anything_is_read(stand: Stand, operation: Operation) -> None:
    path = path_of(operation, "nothing")
    headers = {"Origin": "https://evil.test"}
    told = await stand.ask(None, operation.method, f"{path}?no=such", headers=headers, raw=b"{", media="x/y")
    assert (told.status, told.code) == (403, "origin_not_allowed")


@pytest.mark.parametrize("second", ["Origin: https://evil.test", "Sec-Fetch-Site: cross-site"])
async def test_of_two_origins_none_may_be_elsewhere(stand: Stand, admin: Held, second: str) -> None:
    answer = await stand.speak(
        b"GET /api/v1/me HTTP/1.1\r\nHost: localhost:8081\r\nOrigin: http://localhost:8081\r\n"
        b"Sec-Fetch-Site: same-origin\r\nConnection: close\r\n"
        + f"{second}\r\nX-API-Key: {admin.secret}\r\n\r\n".encode()
    )
    assert answer.startswith(b"HTTP/1.1 403 ")


async def test_without_a_host_no_origin_is_ours(stand: Stand, admin: Held) -> None:
    said = f"GET /api/v1/me HTTP/1.0\r\nX-API-Key: {admin.secret}\r\n"
    assert (await stand.speak(f"{said}\r\n".encode())).startswith(b"HTTP/1.0 200 ")
    assert (await stand.speak(f"{said}Origin: http://localhost\r\n\r\n".encode())).startswith(
        b"HTTP/1.0 403 "
    )


async def test_no_answer_lets_a_page_elsewhere_read_it(stand: Stand, admin: Held) -> None:
    for headers in ({}, {"Origin": "https://evil.test"}, {"Origin": "http://localhost:8081"}):
        told = await ask(stand, admin, headers)
        assert not [name for name in told.headers if name.lower().startswith("access-control-")]
