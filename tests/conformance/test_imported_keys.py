"""A string that was imported is judged like a key of ours and never reaches the upstream, on every plane."""

import base64
from collections.abc import Iterator

import pytest

from gateway.core.keys import ApiKey, digest_of
from gateway.keeper.ports import StoreUnavailable, WholeKey
from tests.support.http_samples import EVENTS, switching, websocket
from tests.support.plane_stand import KEY, Stand, key, request

TEXT = b"sk-q7ZbR2mX9tLw4VnKc8DsPe"
RECORD = key(id="key_old", name="old app", digest=digest_of(TEXT.decode()), preview="sk-q\u2026DsPe")

PLACES = {
    "bearer": b"Authorization: Bearer " + TEXT,
    "bearer-doubled": b"Authorization: Bearer Bearer " + TEXT,
    "quotes": b'Authorization: Bearer "' + TEXT + b'"',
    "alone": b"Authorization: " + TEXT,
    "basic-user": b"Authorization: Basic " + base64.b64encode(TEXT + b":"),
    "basic-password": b"Authorization: Basic " + base64.b64encode(b"x:" + TEXT),
    "basic-elsewhere": b"X-API-Key: Basic " + base64.b64encode(TEXT + b":"),
    "scheme-elsewhere": b"api-key: Token " + TEXT,
    "percent-encoded": b"Authorization: Bearer " + TEXT.replace(b"-", b"%2D"),
    "x-api-key": b"X-API-Key: " + TEXT,
    "api-key": b"api-key: " + TEXT,
    "xi-api-key": b"xi-api-key: " + TEXT,
    "x-goog-api-key": b"x-goog-api-key: " + TEXT,
}


async def imported(stand: Stand, record: ApiKey = RECORD) -> Stand:
    """The stand after the import of the string, told as the keyring tells it."""
    await stand.store.insert_many([WholeKey(record, {record.digest: True})])
    stand.gatekeeper.key_changed(record.id, record)
    stand.gatekeeper.imported({record.digest: record.id})
    return stand


async def reason(
    stand: Stand, *fields: bytes, line: bytes = b"GET /any/x HTTP/1.1"
) -> tuple[int, bytes | None]:
    caller = await stand.call(request(line, *fields, shown=None))
    response = await caller.response()
    assert TEXT not in bytes(caller.received)
    return response.status, response.one(b"x-keyhatch-reason")


@pytest.fixture(autouse=True)
def _never_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    assert TEXT.decode() not in caplog.text


@pytest.mark.parametrize("field", PLACES.values(), ids=PLACES)
async def test_it_is_accepted_here_and_goes_no_further(stand: Stand, field: bytes) -> None:
    await imported(stand)
    for _ in range(3):  # as it came, from a known passage, from a known plan
        assert await reason(stand, field) == (200, None)
    for seen in stand.upstream.requests():
        assert seen.all(field.partition(b":")[0]) == []
        assert seen.one(b"x-keyhatch-key-id") == b"key_old"
    assert TEXT not in stand.upstream.everything()


@pytest.mark.parametrize("field", PLACES.values(), ids=PLACES)
async def test_on_a_public_route_it_is_taken_out_and_not_judged(stand: Stand, field: bytes) -> None:
    await imported(stand, key(id="key_old", digest=RECORD.digest, revoked_at=1.0))
    assert await reason(stand, field, line=b"GET /open/x HTTP/1.1") == (200, None)
    assert stand.upstream.the_request().all(field.partition(b":")[0]) == []


@pytest.mark.parametrize("name", [b"api_key", b"access_token"])
async def test_an_event_stream_may_show_it_in_the_query(stand: Stand, name: bytes) -> None:
    await imported(stand)
    line = b"GET /any/x?a=1&%b=%b HTTP/1.1" % (name, TEXT)
    assert await reason(stand, EVENTS, line=line) == (200, None)
    assert stand.upstream.the_request().target == b"/any/x?a=1"
    assert await reason(stand, line=line) == (401, b"credential_missing")


async def test_a_websocket_may_show_it_as_subprotocol(by_hand: Stand) -> None:
    await imported(by_hand)
    field = b"Sec-WebSocket-Protocol: realtime, openai-insecure-api-key." + TEXT
    caller = await by_hand.call(websocket(b"/any/x", field, shown=None))
    upstream = await by_hand.upstream.connection()
    assert (await upstream.request()).all(b"sec-websocket-protocol") == [b"realtime"]
    upstream.send(switching())
    assert (await caller.response()).status == 101


async def test_beside_another_key_of_ours_it_is_ambiguous(stand: Stand) -> None:
    await imported(stand)
    fields = (b"X-API-Key: " + KEY, b"Authorization: Bearer " + TEXT)
    assert await reason(stand, *fields) == (400, b"credential_ambiguous")
    stand.assert_untouched()


async def test_an_import_counts_for_a_head_that_was_refused_before(stand: Stand) -> None:
    field = b"Authorization: Bearer " + TEXT
    for _ in range(3):
        assert await reason(stand, field) == (401, b"credential_foreign")
    await imported(stand)
    assert await reason(stand, field) == (200, None)
    assert TEXT not in stand.upstream.everything()


async def test_revoked_it_is_refused_and_deleted_it_is_foreign_again(stand: Stand) -> None:
    await imported(stand)
    field = b"X-API-Key: " + TEXT
    assert await reason(stand, field) == (200, None)
    revoked = await stand.store.update(
        "key_old", lambda old: key(id="key_old", digest=old.digest, revoked_at=1.0)
    )
    stand.gatekeeper.key_changed("key_old", revoked)
    assert await reason(stand, field) == (401, b"key_revoked")
    await stand.store.delete("key_old")
    stand.gatekeeper.key_changed("key_old", None)
    assert await reason(stand, field) == (401, b"credential_foreign")
    caller = await stand.call(request(b"GET /any/x HTTP/1.1", b"Authorization: Bearer " + TEXT))
    assert (await caller.response()).status == 200
    assert stand.upstream.requests()[-1].all(b"authorization") == [b"Bearer " + TEXT]


async def test_while_nobody_knows_what_was_imported_no_foreign_credential_passes(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken() -> dict[bytes, str]:
        raise StoreUnavailable("broken by the test")

    with monkeypatch.context() as patched:
        patched.setattr(stand.store, "imported", broken)
        with pytest.raises(StoreUnavailable):
            await stand.gatekeeper.data_changed()
    for path in (b"any", b"open", b"home"):
        line = b"GET /%b/x HTTP/1.1" % path
        assert await reason(stand, b"X-API-Key: " + TEXT, line=line) == (503, b"store_unavailable")
    stand.assert_untouched()
    await stand.gatekeeper.data_changed()
    assert await reason(stand, b"X-API-Key: " + TEXT) == (401, b"credential_foreign")


@pytest.mark.differs("aiohttp", "values that are not UTF-8")
async def test_a_blank_of_latin_1_pasted_around_it_is_forgiven(stand: Stand) -> None:
    await imported(stand)
    assert await reason(stand, b"X-API-Key: \xa0" + TEXT + b"\xa0") == (200, None)
    assert stand.upstream.the_request().all(b"x-api-key") == []


async def test_a_no_break_space_pasted_around_it_is_forgiven(stand: Stand) -> None:
    await imported(stand)
    assert await reason(stand, b"X-API-Key: \xc2\xa0" + TEXT + b"\xc2\xa0") == (200, None)
    assert stand.upstream.the_request().all(b"x-api-key") == []
