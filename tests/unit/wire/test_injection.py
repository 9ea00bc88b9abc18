"""Guarantees of gateway/wire/injection.py: whose credential an upstream sees, and that there is only one."""

import base64

import pytest

from gateway.core.credentials import NOTHING_TO_STRIP, Strip
from gateway.core.refusal import Reason
from gateway.core.request import Headers
from gateway.wire.injection import PARAMETERS, PLACES, Injection, Lent, injected, lend
from gateway.wire.request_head import Head
from gateway.wire.upstream import credential_refused, lent_to
from tests.unit.wire.heads import UPSTREAM, WEBSOCKET, head_of

REAL = "sk-real-0123456789"
BEARER = injected(REAL, "bearer")
OWN = Injection(BEARER)
EITHER = Injection(BEARER, passes_callers=True)
PROVIDER = Injection(BEARER, keeps_cookies=False)


def lent(head: Head, injection: Injection, strip: Strip = NOTHING_TO_STRIP) -> Lent:
    return lend(head.view, strip, injection)


def left(head: Head, injection: Injection) -> tuple[Headers, bytes | None]:
    """What of the caller's goes on: the fields beside `Host`, and the query if it was changed."""
    strip = lent(head, injection).strip
    return tuple(each for each in strip.apply(head.view.headers) if each[0] != b"host"), strip.query


@pytest.mark.parametrize(
    ("place", "field"),
    [
        ("bearer", (b"authorization", b"Bearer sk-1")),
        ("basic", (b"authorization", b"Basic " + base64.b64encode(b"sk-1"))),
        ("x-api-key", (b"x-api-key", b"sk-1")),
    ],
)
def test_a_credential_stands_where_its_upstream_looks_for_it(place: str, field: tuple[bytes, bytes]) -> None:
    assert injected("sk-1", place) == (field,)


def test_an_upstream_without_a_credential_gets_what_it_always_got() -> None:
    assert lent_to(head_of((b"Authorization", b"Bearer x")), Strip({0: None}), UPSTREAM) is None


@pytest.mark.parametrize("place", sorted(PLACES))
def test_whatever_could_be_a_callers_own_goes_before_ours_is_added(place: bytes) -> None:
    found = lent(head_of((place, b"sk-callers"), (b"Accept", b"*/*")), OWN)
    assert found.fields == BEARER
    assert found.is_ours
    assert left(head_of((place, b"sk-callers"), (b"Accept", b"*/*")), OWN)[0] == ((b"accept", b"*/*"),)


@pytest.mark.parametrize("spelling", [b"X.API.Key", b"x-api~key", b"API!KEY", b"Ocp.Apim.Subscription.Key"])
def test_a_spelling_that_some_server_reads_as_such_a_header_goes_too(spelling: bytes) -> None:
    assert left(head_of((spelling, b"sk-callers")), OWN)[0] == ()


def test_the_header_that_ours_stands_in_is_ours_alone() -> None:
    own = Injection(injected(REAL, "x-secret-token"))
    assert left(head_of((b"X.Secret.Token", b"callers"), (b"X-Other", b"1")), own)[0] == ((b"x-other", b"1"),)


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_a_callers_own_in_the_query_goes_too(name: bytes) -> None:
    target = b"/v1?a=%41&" + name + b"=AIza1&" + name.upper() + b"&b=%20+"
    assert left(head_of(target=target), OWN)[1] == b"a=%41&b=%20+"


def test_the_name_of_a_parameter_may_be_percent_encoded() -> None:
    assert left(head_of(target=b"/v1?%6Bey=AIza1"), OWN)[1] == b""


def test_one_that_stands_behind_a_semicolon_goes_with_what_it_stands_behind() -> None:
    assert left(head_of(target=b"/v1?a=1;key=AIza1&b=2;c"), OWN)[1] == b"b=2;c"


def test_a_query_without_one_passes_as_it_came() -> None:
    assert left(head_of(target=b"/v1?token=file&a&&keys=1"), OWN)[1] is None


def test_what_was_stripped_of_ours_stays_stripped() -> None:
    head = head_of((b"X-Stray", b"1"), target=b"/v1?a=1&key=x")
    strip = lent(head, OWN, Strip({1: None}, b"key=x")).strip
    assert (strip.apply(head.view.headers), strip.query) == (((b"host", b"gateway.test"),), b"")


def test_a_key_of_ours_in_the_path_stays_stripped_too() -> None:
    strip = Strip(path=b"/v1/models")
    head = head_of((b"Cookie", b"a=1"), (b"X-Api-Key", b"callers"))
    assert lent(head, PROVIDER, strip).strip.path == b"/v1/models"


@pytest.mark.parametrize(
    ("offered", "goes_on"),
    [
        (b"realtime, openai-insecure-api-key.sk-1, openai-beta.v1", b"realtime, openai-beta.v1"),
        (b"OpenAI-Insecure-API-Key.sk-1", None),
        (b"realtime", b"realtime"),
    ],
)
def test_a_subprotocol_with_a_key_goes_and_the_others_stay(offered: bytes, goes_on: bytes | None) -> None:
    fields, _ = left(head_of(*WEBSOCKET, (b"Sec-WebSocket-Protocol", offered)), OWN)
    assert dict(fields).get(b"sec-websocket-protocol") == goes_on


def test_a_subprotocol_that_was_stripped_whole_does_not_come_back() -> None:
    head = head_of(*WEBSOCKET, (b"Sec-WebSocket-Protocol", b"openai-insecure-api-key.kh_1"))
    index = len(head.view.headers) - 1
    assert lent(head, OWN, Strip({index: None})).strip.headers[index] is None


def test_cookies_pass_but_to_a_provider() -> None:
    head = head_of((b"Cookie", b"session=1"), (b"Accept", b"*/*"))
    assert left(head, OWN)[0] == ((b"cookie", b"session=1"), (b"accept", b"*/*"))
    assert left(head, PROVIDER)[0] == ((b"accept", b"*/*"),)


SHOWN = {
    "bearer": head_of((b"Authorization", b"Bearer sk-callers")),
    "basic": head_of((b"Authorization", b"Basic " + base64.b64encode(b":sk-callers"))),
    "header": head_of((b"xi-api-key", b"callers")),
    "spelling": head_of((b"X.Api.Key", b"callers")),
    "query": head_of(target=b"/v1?key=AIza1"),
    "subprotocol": head_of(*WEBSOCKET, (b"Sec-WebSocket-Protocol", b"a, openai-insecure-api-key.sk-1")),
}


@pytest.mark.parametrize("head", SHOWN.values(), ids=SHOWN)
@pytest.mark.parametrize("fields", [BEARER, ()], ids=["ours is there", "ours is locked"])
def test_where_callers_may_show_their_own_it_is_passed_on_and_ours_is_not_added(
    head: Head, fields: Headers
) -> None:
    found = lent(head, Injection(fields, passes_callers=True))
    assert (found.strip, found.fields, found.fault) == (NOTHING_TO_STRIP, (), None)
    assert not found.is_ours


NOT_SHOWN = {
    "nothing": head_of(),
    "an empty field": head_of((b"X-Api-Key", b" ")),
    "a scheme alone": head_of((b"Authorization", b"Bearer")),
    "an empty parameter": head_of(target=b"/v1?key=&a=1"),
    "other subprotocols": head_of(*WEBSOCKET, (b"Sec-WebSocket-Protocol", b"realtime")),
}


@pytest.mark.parametrize("head", NOT_SHOWN.values(), ids=NOT_SHOWN)
def test_where_callers_may_show_their_own_and_do_not_ours_is_used(head: Head) -> None:
    assert lent(head, EITHER).fields == BEARER


def test_the_gateways_own_key_never_counts_as_a_callers_own_credential() -> None:
    head = head_of((b"Authorization", b"Bearer kh_key"), target=b"/v1?key=kh_key")
    assert lent(head, EITHER, Strip({1: None}, b"")).fields == BEARER


def test_a_caller_with_their_own_gets_no_session_of_others_at_a_provider() -> None:
    head = head_of((b"X-Api-Key", b"callers"), (b"Cookie", b"a=1"))
    either = Injection(BEARER, passes_callers=True, keeps_cookies=False)
    assert left(head, either)[0] == ((b"x-api-key", b"callers"),)


def test_where_there_is_nothing_to_show_nothing_is_sent() -> None:
    for injection in (Injection(()), Injection((), passes_callers=True)):
        fault = lent(head_of(), injection).fault
        assert fault is not None
        assert (fault.reason, fault.detail) == (Reason.UPSTREAM_CREDENTIAL_INVALID, "locked")


def test_a_refusal_of_ours_is_told_from_a_lock_in_the_log_alone() -> None:
    assert (credential_refused().reason, credential_refused().detail) == (
        Reason.UPSTREAM_CREDENTIAL_INVALID,
        "refused by the upstream",
    )


def test_no_repr_holds_a_credential() -> None:
    assert REAL not in f"{OWN!r} {lent(head_of(), OWN)!r}"


@pytest.mark.parametrize("keeps_cookies", [False, True])
def test_a_key_that_was_cut_off_the_path_stays_cut_off(*, keeps_cookies: bool) -> None:
    led = Strip(path=b"/v1", in_address=True)
    head = head_of((b"x-api-key", b"sk-theirs"), (b"cookie", b"a=1"), target=b"/k/kh_x/v1?api_key=1&b=2")
    injection = Injection(injected("sk-ours", "bearer"), keeps_cookies=keeps_cookies)
    strip = lend(head.view, led, injection).strip
    assert (strip.path, strip.in_address, strip.query) == (b"/v1", True, b"b=2")
