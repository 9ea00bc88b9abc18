"""Guarantees of gateway/admin/api/asked.py: what is asked is read whole or not at all."""

import json
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.admin.api.asked import cursor_of, number_of
from gateway.admin.api.problems import Refused
from tests.unit.admin.api.stand import STRANGER, Held, Stand, Told

ROOM = 65_536
NAMED = {"name": "laptop"}


async def create(stand: Stand, by: Held, raw: bytes, media: str = "application/json") -> Told:
    return await stand.ask(by, "POST", "/keys", raw=raw, media=media)


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"nothing",
        b"{'name': 'a'}",
        b'{"name": "a",}',
        b'{"name": "a"} {}',
        b'\xef\xbb\xbf{"name": "a"}',
        b'{"name": "\xff"}',
        '{"name": "a"}'.encode("utf-16"),
        b'{"name": "a\x00"}',
        b'{"name": "a", "name": "a"}',
        b'{"name": "a", "n\\u0061me": "b"}',
        b'{"name": {"a": 1, "a": 2}}',
        b'{"name": "a", "note": NaN}',
        b'{"name": "a", "note": -Infinity}',
        b'{"name": "\\ud800"}',
        b'{"\\udc00": 1}',
        b'{"name": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
        b'{"name": ' + b'{"a":' * 9_000 + b"1" + b"}" * 9_000 + b"}",
        b'{"name": ' + b"9" * 5_000 + b"}",
        b"[]",
        b'["name"]',
        b'"name"',
        b"null",
        b"1",
        b" ",
    ],
    ids=lambda raw: repr(raw[:24]),
)
async def test_a_body_that_two_readers_could_read_in_two_ways_is_400(
    stand: Stand, admin: Held, raw: bytes
) -> None:
    told = await create(stand, admin, raw)
    assert (told.status, told.code, told.fields) == (400, "request_malformed", [])
    assert len(stand.store._keys) == 1


async def test_where_a_body_stops_being_json_is_told(stand: Stand, admin: Held) -> None:
    assert "line 2, column 1" in (await create(stand, admin, b'{"name":\n}')).json["detail"]
    twice = await create(stand, admin, b'{"name": "a", "name": "b"}')
    assert "a name stands twice" in twice.json["detail"]


@pytest.mark.parametrize(
    "media",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/json",
        "application/json; charset=utf-16",
        "application/json, text/plain",
        "application/jsonp",
        "application/merge-patch+json",
        "",
    ],
)
async def test_a_body_that_is_not_called_json_is_415(stand: Stand, admin: Held, media: str) -> None:
    told = await create(stand, admin, json.dumps(NAMED).encode(), media)
    assert (told.status, told.code) == (415, "media_type_unsupported")
    assert told.headers["Accept"] == "application/json"
    assert len(stand.store._keys) == 1


@pytest.mark.parametrize(
    "media",
    [
        "application/json",
        "Application/JSON",
        "application/json;charset=utf-8",
        'application/json; charset="UTF-8"',
    ],
)
async def test_json_may_say_that_it_is_utf_8(stand: Stand, admin: Held, media: str) -> None:
    raw = '{"name": "Büro ☕"}'.encode()
    assert (await create(stand, admin, raw, media)).json["name"] == "Büro ☕"


def padded(size: int) -> bytes:
    body = json.dumps(NAMED).encode()
    return body + b" " * (size - len(body))


async def test_a_body_has_64_kib_at_most(stand: Stand, admin: Held) -> None:
    assert (await create(stand, admin, padded(ROOM))).status == 201
    told = await create(stand, admin, padded(ROOM + 1))
    assert (told.status, told.code) == (413, "body_too_large")
    assert len(stand.store._keys) == 2


async def test_a_name_of_a_mebibyte_is_not_read(stand: Stand, admin: Held) -> None:
    raw = b'{"name": "%b"}' % (b"a" * 2**20)
    told = await stand.ask(admin, "POST", "/keys", raw=BytesIO(raw))
    assert (told.status, told.code) == (413, "body_too_large")


async def test_a_body_in_many_pieces_is_one_body(stand: Stand, admin: Held) -> None:
    pieces = b"".join(b"1\r\n%c\r\n" % byte for byte in b'{"name": "laptop"}')
    answer = await stand.speak(
        b"POST /api/v1/keys HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
        + f"X-API-Key: {admin.secret}\r\n\r\n".encode()
        + pieces
        + b"0\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 201 ")


async def test_without_a_body_every_field_is_left_out(stand: Stand, admin: Held) -> None:
    assert (await stand.ask(admin, "POST", f"/keys/{admin.id}/rotate")).status == 200
    told = await stand.ask(admin, "POST", "/keys")
    assert (told.status, told.fields) == (422, ["name"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", 1),
        ("name", None),
        ("name", True),
        ("name", ["a"]),
        ("name", {}),
        ("name", ""),
        ("name", "a" * 101),
        ("name", "a\nb"),
        ("name", "\u202ereversed"),
        ("name", STRANGER),
        ("scopes", "chat:write"),
        ("scopes", None),
        ("scopes", ["no:such"]),
        ("scopes", ["chat:write"] * 65),
        ("owner", 1),
        ("owner", " ann"),
        ("note", "n" * 1001),
        ("note", STRANGER),
        ("allow_from", ["10.0.0.1/8"]),
        ("allow_from", ["0.0.0.0/0"] * 101),
        ("expires", 90),
        ("expires", "soon"),
        ("expires", "2001-01-01"),
        ("expires", "1" * 41),
        ("expires_at", "soon"),
        ("expires_at", 1_900_000_000),
        ("expires_at", "2001-01-01T00:00:00Z"),
        ("nothing", 1),
        ("created_by", "me"),
        ("id", "key_0123456789abcdef"),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_a_wrong_field_is_named_and_its_value_is_not_repeated(
    stand: Stand, admin: Held, field: str, value: Any
) -> None:
    told = await stand.ask(admin, "POST", "/keys", {**NAMED, field: value})
    assert (told.status, told.code, len(told.fields)) == (422, "field_invalid", 1)
    assert told.fields[0].split(".")[0] == field
    assert STRANGER.encode() not in told.raw
    assert len(stand.store._keys) == 1


async def test_all_that_is_wrong_is_told_at_once_types_and_rules_alike(stand: Stand, admin: Held) -> None:
    body = {
        "owner": " ann",
        "note": 1,
        "scopes": ["no:such", 2],
        "allow_from": ["home"],
        "expires": "soon",
        "color": "red",
    }
    told = await stand.ask(admin, "POST", "/keys", body)
    assert told.fields == ["allow_from.0", "color", "expires", "name", "note", "owner", "scopes.1"]
    assert told.json["detail"].startswith("This was not done, because 7 fields are not right")
    right = {each["field"]: each["message"] for each in told.json["errors"]}
    assert right["name"] == "is missing, and has to be there"
    assert right["note"] == "has to be text"
    assert right["color"].startswith("is unknown here; there are name, scopes, owner")


async def test_rules_alone_are_told_at_once(stand: Stand, admin: Held) -> None:
    body = {"name": STRANGER, "owner": "a\nb", "scopes": ["no:such", "a b"], "expires_at": "2001-01-01"}
    told = await stand.ask(admin, "POST", "/keys", body)
    assert told.fields == ["expires_at", "name", "owner", "scopes.0", "scopes.1"]


async def test_a_field_of_a_long_name_is_told_in_short(stand: Stand, admin: Held) -> None:
    told = await stand.ask(admin, "POST", "/keys", {**NAMED, "x" * 60_000: 1})
    assert told.fields == ["x" * 60]


async def test_what_takes_no_body_takes_no_field(stand: Stand, admin: Held) -> None:
    told = await stand.ask(admin, "POST", f"/keys/{admin.id}/disable", {"why": "lost"})
    assert (told.status, told.fields) == (422, ["why"])
    assert stand.record(admin).disabled_at is None
    assert (await stand.ask(admin, "POST", f"/keys/{admin.id}/disable", {})).status == 200


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("limit=0", ["limit"]),
        ("limit=-1", ["limit"]),
        ("limit=201", ["limit"]),
        ("limit=x", ["limit"]),
        ("limit=", ["limit"]),
        ("limit=1.0", ["limit"]),
        ("limit=%201", ["limit"]),
        ("limit=1_0", ["limit"]),
        ("limit=%D9%A1", ["limit"]),
        ("limit=" + "9" * 5_000, ["limit"]),
        ("limit=1&limit=1", ["limit"]),
        ("status=alive", ["status"]),
        ("status=", ["status"]),
        ("q=", ["q"]),
        ("q=" + "a" * 101, ["q"]),
        ("owner=" + "a" * 101, ["owner"]),
        ("name=a", ["name"]),
        ("Limit=1", ["Limit"]),
        ("limit=0&status=x&page=2", ["limit", "page", "status"]),
        ("a=1&b=1&b=2&a=2", ["a", "b"]),
        ("cursor=", ["cursor"]),
        ("cursor=" + "a" * 41, ["cursor"]),
    ],
)
async def test_a_query_knows_its_parameters_each_once(
    stand: Stand, admin: Held, query: str, fields: list[str]
) -> None:
    told = await stand.ask(admin, "GET", f"/keys?{query}")
    assert (told.status, told.code, told.fields) == (422, "field_invalid", fields)


@pytest.mark.parametrize("path", ["/me", "/scopes", "/audit/chain"])
async def test_what_takes_no_query_takes_no_parameter(stand: Stand, admin: Held, path: str) -> None:
    told = await stand.ask(admin, "GET", f"{path}?verbose=1")
    assert (told.status, told.fields) == (422, ["verbose"])


@pytest.mark.parametrize(
    "cursor",
    ["1", "n1", "bjE=", "bjE%3D", "bg", "bi0x", "bjAx", "bjEK", "b%C3%A4", "bj_", "bjE.", "bjEbjE", "bvE"],
)
async def test_a_forged_cursor_is_refused(stand: Stand, admin: Held, cursor: str) -> None:
    for path in ("/keys", "/audit"):
        told = await stand.ask(admin, "GET", f"{path}?cursor={cursor}")
        assert (told.status, told.fields) == (422, ["cursor"])


@given(st.integers(0, 10**18 - 1))
def test_a_cursor_is_read_as_it_was_written(number: int) -> None:
    assert number_of(cursor_of(number)) == number


@given(st.text(max_size=40))
def test_a_cursor_has_one_spelling(cursor: str) -> None:
    try:
        number = number_of(cursor)
    except Refused:
        return
    assert number is not None
    assert cursor_of(number) == cursor


@pytest.mark.parametrize("name", ["", "a b", "ä", "a" * 256])
async def test_an_idempotency_key_is_one_visible_name(stand: Stand, admin: Held, name: str) -> None:
    told = await stand.ask(admin, "POST", "/keys", NAMED, headers={"Idempotency-Key": name})
    assert (told.status, told.code) == (400, "request_malformed")
    assert len(stand.store._keys) == 1


async def test_two_idempotency_keys_are_none(stand: Stand, admin: Held) -> None:
    answer = await stand.speak(
        b"POST /api/v1/keys HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"Content-Type: application/json\r\nContent-Length: 13\r\n"
        b"Idempotency-Key: a\r\nIdempotency-Key: a\r\n"
        + f'X-API-Key: {admin.secret}\r\n\r\n{{"name": "a"}}'.encode()
    )
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert len(stand.store._keys) == 1


@pytest.mark.parametrize("name", ["a" * 255, "8e03978e-40d5-43dd-bc93-6894a57f9324", "~!"])
async def test_an_idempotency_key_may_have_255_characters(stand: Stand, admin: Held, name: str) -> None:
    told = await stand.ask(admin, "POST", "/keys", NAMED, headers={"Idempotency-Key": name})
    assert told.status == 201


@pytest.mark.parametrize("tag", ["", "x", '"', '"a', "'1'", '"1" "2"', '*, "1"', "1234567890"])
async def test_an_if_match_that_is_none_is_400_and_changes_nothing(
    stand: Stand, admin: Held, tag: str
) -> None:
    told = await stand.ask(admin, "POST", f"/keys/{admin.id}/disable", headers={"If-Match": tag})
    assert (told.status, told.code) == (400, "request_malformed")
    assert stand.record(admin).disabled_at is None
