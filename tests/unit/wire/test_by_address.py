"""Guarantees of gateway/wire/by_address.py: an address that is a secret is told to nobody else."""

import pytest

from gateway.core.credentials import NOTHING_TO_STRIP, Strip
from gateway.core.request import Headers, RequestView
from gateway.wire.by_address import NO_REFERRER, ByAddress, by_address, path_behind, told_path
from gateway.wire.request_head import Head
from tests.unit.core.samples import A, target

LEAD = f"/k/{A}".encode()
LED = ByAddress(LEAD, b"gate.example:8080")
PRIVATE = (b"cache-control", b"private")


def head(path: str) -> Head:
    view = RequestView("GET", target(path), (), "192.0.2.1")
    return Head(view, (1, 1), b"gate.example:8080", None, chunked=False, expects_continue=False)


@pytest.mark.parametrize(
    ("path", "rest"), [("/a/b", b"/a/b"), ("/a/", b"/a/"), ("/", b"/"), ("", b"/"), ("?a=1", b"/")]
)
def test_what_was_cut_of_a_path_leads_its_answers_again(path: str, rest: bytes) -> None:
    assert by_address(head(f"/k/{A}{path}"), Strip(path=rest, in_address=True)) == LED


def test_whoever_named_no_host_is_led_by_paths_alone() -> None:
    led = ByAddress(LEAD)
    for location in (b"http:///a", b"https://", b"http://other.example/a"):
        assert led.told(((b"location", location),))[0] == (b"location", location)
    assert led.told(((b"location", b"/a"),))[0] == (b"location", LEAD + b"/a")


def test_where_no_credential_stood_in_the_address_there_is_nothing_to_hide() -> None:
    assert by_address(head("/a"), NOTHING_TO_STRIP) is None
    assert by_address(head("/a"), Strip(query=b"")) is None
    assert by_address(head("/a"), Strip(query=b"", in_address=True)) == ByAddress()


@pytest.mark.parametrize(
    ("location", "told"),
    [
        (b"/tts/", LEAD + b"/tts/"),
        (b"/", LEAD + b"/"),
        (b"/a?b=/c", LEAD + b"/a?b=/c"),
        (b"http://gate.example:8080/a/", LEAD + b"/a/"),
        (b"HTTPS://Gate.example:8080/a", b"HTTPS://Gate.example:8080" + LEAD + b"/a"),
        (b"https://gate.example:8080", b"https://gate.example:8080" + LEAD),
        (b"http://gate.example:8080", LEAD),
        (b"http://gate.example:8080?a", LEAD + b"?a"),
        (b"a/b", b"a/b"),
        (b"../a", b"../a"),
        (b"?a=1", b"?a=1"),
        (b"", b""),
        (b"//other.example/a", b"//other.example/a"),
        (b"/\\other.example/a", b"/\\other.example/a"),
        (b"http://gate.example:80801/a", b"http://gate.example:80801/a"),
        (b"http://gate.example:8080.evil.example/a", b"http://gate.example:8080.evil.example/a"),
        (b"http://gate.example:8080@evil.example/", b"http://gate.example:8080@evil.example/"),
        (b"https://other.example/a", b"https://other.example/a"),
    ],
)
def test_a_location_on_this_server_leads_back_and_no_other_learns_the_key(
    location: bytes, told: bytes
) -> None:
    assert LED.told(((b"location", location), (b"link", location))) == (
        *((b"location", told), (b"link", location)),
        *(PRIVATE, NO_REFERRER),
    )
    assert ByAddress().told(((b"location", location),))[0] == (b"location", location)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ([], b"private"),
        ([b"max-age=60"], b"max-age=60, private"),
        ([b"public, max-age=60"], b"max-age=60, private"),
        ([b"Public", b"S-MaxAge=60, no-transform"], b"no-transform, private"),
        ([b"no-store"], b"no-store"),
        ([b"max-age=0, Private"], b"max-age=0, Private"),
        ([b""], b"private"),
    ],
)
def test_no_shared_cache_keeps_the_answer(said: list[bytes], told: bytes) -> None:
    headers: Headers = ((b"a", b"1"), *((b"cache-control", value) for value in said))
    assert ByAddress().told(headers) == ((b"a", b"1"), (b"cache-control", told), NO_REFERRER)


def test_a_path_is_told_without_the_key_that_leads_it() -> None:
    assert told_path(f"/k/{A}/a/{A}") == f"/k/kh_****/a/{A}"
    assert told_path(f"/k/{A[:-1]}") == "/k/kh_****"
    for path in ("/k/a/b", "/a", "*", "/k/kh_notes"):
        assert told_path(path) == path
    assert A not in repr(LED)


@pytest.mark.parametrize(
    ("told", "asked"),
    [
        ("/k/kh_****/v1/x", "/v1/x"),
        ("/k/kh_****", ""),
        ("/v1/k/kh_****/x", "/v1/k/kh_****/x"),
        ("/k/kh_****x/y", "/k/kh_****x/y"),
        ("/k/books", "/k/books"),
    ],
)
def test_what_is_asked_for_stands_behind_the_key(told: str, asked: str) -> None:
    assert path_behind(told) == asked
