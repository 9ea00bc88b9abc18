"""A signed address opens what it was signed for, while its key may, and no byte of it goes further."""

import pytest

from gateway.core.keys import ApiKey
from gateway.core.signed_url import sign, signed_query, signing_key
from tests.conformance.conftest import BuildStand
from tests.support.http_samples import EVENTS, answer, websocket
from tests.support.plane_stand import ELSEWHERE, EPOCH_S, KEY, OTHER_KEY, Stand, key, other_key, request
from tests.support.raw_caller import json_body
from tests.support.raw_connection import eventually
from tests.support.scripted_upstream import answering

SIGNING = signing_key(bytes(range(32)))
ENDS = int(EPOCH_S) + 300


def signed(path: bytes, query: bytes = b"", record: ApiKey | None = None, ends: int = ENDS) -> bytes:
    record = record or key()
    signature = sign(SIGNING, record.digest, record.id, path, query, ends)
    return path + b"?" + signed_query("kh", query, record.id, ends, signature)


def get(target: bytes, *fields: bytes, method: bytes = b"GET", shown: bytes | None = None) -> bytes:
    return request(method + b" " + target + b" HTTP/1.1", *fields, shown=shown)


async def signing_stand(build: BuildStand, **setting: object) -> Stand:
    stand = await build(**setting)
    stand.gatekeeper.signing = SIGNING
    return stand


async def reason_of(stand: Stand, line: bytes) -> bytes | None:
    return (await (await stand.call(line)).response()).one(b"x-keyhatch-reason")


@pytest.mark.parametrize("query", [b"", b"voice=anna&x=%2F", b"&", b"api_key=theirs"])
async def test_it_opens_as_it_was_signed_and_is_cut_off(build: BuildStand, query: bytes) -> None:
    stand = await signing_stand(build)
    response = await (await stand.call(get(signed(b"/chat/a.mp3", query)))).response()
    assert (response.status, response.body) == (200, b"ok")
    seen = stand.upstream.the_request()
    assert seen.target == (b"/chat/a.mp3?" + query if query else b"/chat/a.mp3")
    assert seen.one(b"x-keyhatch-key-id") == b"key_ada"
    assert response.all(b"referrer-policy") == [b"no-referrer"]
    assert response.all(b"cache-control") == [b"private"]


async def test_it_opens_for_head_too(build: BuildStand) -> None:
    stand = await signing_stand(build, script=answering(answer(b"204 No Content")))
    assert (
        await (await stand.call(get(signed(b"/chat/a"), method=b"HEAD"))).response(to=b"HEAD")
    ).status == 204


async def test_it_opens_again_and_again_from_memory_alone_and_each_time_is_a_use(build: BuildStand) -> None:
    stand = await signing_stand(build)
    caller = await stand.call()
    for _ in range(4):
        caller.transport.write(get(signed(b"/chat/a"), b"Range: bytes=0-"))
        assert (await caller.response()).status == 200
    assert (stand.store.fetched, stand.store.looking) == (1, 0)
    await stand.gatekeeper.usage.flush()
    assert (await stand.store.find_by_digest(key().digest)).use_count == 4  # type: ignore[union-attr]


async def test_its_end_ends_what_was_remembered_of_it(build: BuildStand) -> None:
    stand = await signing_stand(build)
    caller = await stand.call()
    for at in (0, 0, 0, 299.9):
        stand.clock.at = EPOCH_S + at
        caller.transport.write(get(signed(b"/chat/a")))
        assert (await caller.response()).status == 200
    stand.clock.at = ENDS
    caller.transport.write(get(signed(b"/chat/a")))
    response = await caller.response()
    assert response.one(b"x-keyhatch-reason") == b"signature_expired"
    assert "2027-01-15T08:05:00Z" in json_body(response)["error"]["message"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        pytest.param(get(signed(b"/chat/a") + b"A"), b"signature_invalid", id="longer"),
        pytest.param(get(signed(b"/chat/a")[:-1]), b"signature_invalid", id="shorter"),
        pytest.param(get(signed(b"/chat/a").replace(b"chat/a", b"chat/b")), b"signature_invalid", id="path"),
        pytest.param(
            get(signed(b"/chat/a", b"b=1").replace(b"b=1", b"b=2")), b"signature_invalid", id="query"
        ),
        pytest.param(get(signed(b"/chat/a").replace(b"_ada", b"_bob")), b"signature_invalid", id="key"),
        pytest.param(get(signed(b"/chat/a").replace(b"kh_s", b"kh%5Fs")), b"signature_invalid", id="encoded"),
        pytest.param(get(signed(b"/chat/a"), method=b"POST"), b"signature_invalid", id="post"),
        pytest.param(websocket(signed(b"/chat/a"), shown=None), b"signature_invalid", id="websocket"),
        pytest.param(get(signed(b"/admin/a")), b"scope_missing", id="scope"),
        pytest.param(get(signed(b"/nowhere")), b"no_route", id="no-route"),
        pytest.param(get(signed(b"/chat/a"), shown=OTHER_KEY), b"credential_ambiguous", id="another-key"),
        pytest.param(get(signed(b"/chat/a"), shown=KEY), b"credential_ambiguous", id="its-own-key"),
        pytest.param(get(b"/k/" + KEY + signed(b"/chat/a")), b"credential_ambiguous", id="under-a-key"),
        pytest.param(get(signed(b"/home/a") + b"A"), b"signature_invalid", id="no-key-needed-here"),
    ],
)
async def test_whatever_is_changed_nothing_is_forwarded(
    build: BuildStand, line: bytes, reason: bytes
) -> None:
    stand = await signing_stand(build)
    assert await reason_of(stand, line) == reason
    stand.assert_untouched()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"revoked_at": EPOCH_S}, b"key_revoked"),
        ({"expires_at": EPOCH_S}, b"key_expired"),
        ({"disabled_at": EPOCH_S}, b"key_disabled"),
        ({"allow_from": (ELSEWHERE,)}, b"address_not_allowed"),
        ({"scopes": frozenset()}, b"scope_missing"),
        ({"digest": b"1" * 32, "rotated_at": EPOCH_S}, b"signature_invalid"),
    ],
    ids=str,
)
async def test_it_dies_with_its_key(build: BuildStand, change: dict[str, object], reason: bytes) -> None:
    stand = await signing_stand(build)
    assert await reason_of(stand, get(signed(b"/chat/a"))) is None
    await stand.change_key(**change)
    assert await reason_of(stand, get(signed(b"/chat/a"))) == reason


async def test_a_deleted_key_leaves_nothing_that_opens(build: BuildStand) -> None:
    stand = await signing_stand(build)
    assert await reason_of(stand, get(signed(b"/chat/a"))) is None
    await stand.delete_key()
    assert await reason_of(stand, get(signed(b"/chat/a"))) == b"signature_invalid"


async def test_the_old_secrets_addresses_end_with_the_overlap(
    build: BuildStand,
) -> None:
    stand = await signing_stand(build)
    old = signed(b"/chat/a")
    changes = {"digest": b"1" * 32, "previous_digest": key().digest, "rotated_at": EPOCH_S}
    await stand.change_key(**changes, previous_secret_valid_until=EPOCH_S + 60, previous_until_first_use=True)
    new = signed(b"/chat/a", record=key(digest=b"1" * 32))
    assert [await reason_of(stand, get(each)) for each in (old, new, old)] == [None, None, None]
    stand.clock.at += 60
    assert [await reason_of(stand, get(each)) for each in (old, new)] == [b"key_rotated", None]


async def test_a_stream_that_it_opened_ends_with_the_key_and_not_with_the_address(build: BuildStand) -> None:
    stand = await signing_stand(build, script=None)
    caller = await stand.call(get(signed(b"/chat/a"), EVENTS))
    upstream = await stand.upstream.asked()
    upstream.transport.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
    await caller.until_body(b"one")
    stand.clock.at = EPOCH_S + 400
    stand.gatekeeper.live.sweep()
    upstream.transport.write(b"3\r\ntwo\r\n")
    await caller.until_body(b"onetwo")
    await stand.change_key(revoked_at=stand.clock.at)
    await caller.cut_response()
    assert (await stand.exchange()).cut == "key_ended"


async def test_without_a_vaults_key_it_opens_nothing(build: BuildStand) -> None:
    stand = await build()
    assert await reason_of(stand, get(signed(b"/chat/a"))) == b"signature_invalid"
    stand.assert_untouched()


async def test_while_the_store_is_broken_it_is_not_known_and_not_passed(build: BuildStand) -> None:
    stand = await signing_stand(build)
    stand.store.is_broken = True
    assert await reason_of(stand, get(signed(b"/chat/a"))) == b"store_unavailable"
    stand.assert_untouched()


async def test_a_page_that_it_opened_tells_the_upstream_nothing_of_it(build: BuildStand) -> None:
    stand = await signing_stand(build)
    came_from = b"Referer: http://gate.example" + signed(b"/chat/a")
    assert (
        await reason_of(
            stand, get(b"/chat/b?src=" + signed(b"/x").replace(b"&", b"%26"), came_from, shown=KEY)
        )
        is None
    )
    assert b"signature" not in stand.upstream.everything()


async def test_no_shared_cache_may_keep_what_it_opened(build: BuildStand) -> None:
    kept = answer(b"200 OK", b"Cache-Control: public, s-maxage=60, max-age=9", body=b"ok")
    stand = await signing_stand(build, script=answering(kept))
    for _ in range(2):
        response = await (await stand.call(get(signed(b"/chat/a")))).response()
        assert response.all(b"cache-control") == [b"max-age=9, private"]


async def test_of_another_key_it_opens_what_that_may(build: BuildStand) -> None:
    stand = await signing_stand(build)
    assert await reason_of(stand, get(signed(b"/admin/a", record=other_key()))) is None
    await eventually(lambda: stand.notebook.ended, "the exchange is told")
    told = await stand.exchange()
    assert (told.key_id, told.path, told.digest) == ("key_bob", "/admin/a", other_key().digest)


@pytest.mark.parametrize("change", [{"revoked_at": EPOCH_S}, {}], ids=["dead", "wrong"])
async def test_no_refusal_of_it_makes_a_browser_ask_its_user(
    build: BuildStand, change: dict[str, object]
) -> None:
    stand = await signing_stand(build)
    await stand.change_key(**change)
    target = signed(b"/ui/a") if change else signed(b"/ui/a") + b"A"
    response = await (await stand.call(get(target))).response()
    assert response.status == 401
    assert response.all(b"www-authenticate") == [b'Bearer realm="keyhatch", error="invalid_token"']
