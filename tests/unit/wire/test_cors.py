"""Guarantees of gateway/wire/cors.py: browsers are told once, by us, and only of pages that may know."""

import pytest

from gateway.core.cors import ANY_ORIGIN, Cors
from gateway.core.credentials import NOTHING_TO_STRIP
from gateway.core.decision import Allow, Decision, NeedKey
from gateway.core.refusal import Deny, Reason
from gateway.core.request import Headers
from gateway.core.routes import PREFLIGHT_ROUTE, Route, RouteTable
from gateway.wire.cors import ASKED_MAX, Share, own_fields, share_of

A, B = b"https://a.example", b"https://b.example"
LISTED = Route("listed", "/listed", "main", cors=Cors(frozenset({A.decode()})))
ANY = Route("any", "/any", "main", cors=ANY_ORIGIN)
NONE = Route("none", "/none", "main")
TABLE = RouteTable([LISTED, ANY, NONE])
NARROW = RouteTable([LISTED, NONE])
OURS = b"x-keyhatch-reason, x-keyhatch-key-expires, x-request-id, retry-after, www-authenticate"
TO_A = (
    (b"vary", b"Origin"),
    (b"access-control-allow-origin", A),
    (b"access-control-allow-credentials", b"true"),
)


def need(route: Route) -> NeedKey:
    return NeedKey(b"d", route, NOTHING_TO_STRIP, "::1")


@pytest.mark.parametrize(
    ("decision", "table", "origin", "share"),
    [
        (need(LISTED), TABLE, A, Share(A)),
        (need(LISTED), TABLE, B, Share(b"")),
        (need(LISTED), TABLE, None, Share(b"")),
        (need(LISTED), TABLE, b"null", Share(b"")),
        (need(ANY), TABLE, B, Share(b"*")),
        (need(ANY), TABLE, b"null", Share(b"*")),
        (need(ANY), TABLE, None, Share(b"")),
        (need(NONE), TABLE, A, None),
        (Allow(LISTED, NOTHING_TO_STRIP), TABLE, A, Share(A)),
        (Deny(Reason.CREDENTIAL_MISSING, route_id="listed"), TABLE, A, Share(A)),
        (Deny(Reason.CREDENTIAL_MISSING, route_id="none"), TABLE, A, None),
        (Deny(Reason.CREDENTIAL_MISSING, route_id="keyhatch-me"), NARROW, A, Share(A)),
        (Deny(Reason.NO_ROUTE), TABLE, B, Share(b"*")),
        (Deny(Reason.NO_ROUTE), TABLE, A, Share(A)),
        (Deny(Reason.NO_ROUTE), NARROW, A, Share(A)),
        (Deny(Reason.NO_ROUTE), NARROW, B, Share(b"")),
        (None, NARROW, A, Share(A)),
        (need(NONE), RouteTable([NONE]), A, None),
    ],
)
def test_an_answer_is_shared_with_whom_its_route_answers(
    decision: Decision | None, table: RouteTable, origin: bytes | None, share: Share | None
) -> None:
    headers = ((b"Origin", origin),) if origin is not None else ()
    assert share_of(headers, decision, table) == share


def test_two_origins_are_none() -> None:
    assert share_of(((b"origin", A), (b"origin", A)), need(LISTED), TABLE) == Share(b"")


def test_any_origin_is_answered_without_credentials_and_may_read_all() -> None:
    assert own_fields((), None, Share(b"*")) == (
        (b"vary", b"Origin"),
        (b"access-control-allow-origin", b"*"),
        (b"access-control-expose-headers", b"*, " + OURS),
    )


def test_a_listed_origin_is_answered_by_name_and_with_credentials() -> None:
    assert own_fields((), None, Share(A)) == (*TO_A, (b"access-control-expose-headers", OURS))


def test_an_origin_that_is_not_answered_gets_no_field_but_the_warning_to_caches() -> None:
    assert own_fields((), None, Share(b"")) == ((b"vary", b"Origin"),)
    assert own_fields((), None, None) == ()


UPSTREAMS = (
    (b"content-type", b"text/html"),
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-credentials", b"true"),
    (b"access-control-expose-headers", b"x-secret"),
    (b"access-control-allow-private-network", b"true"),
    (b"set-cookie", b"a=b"),
)


def test_what_the_upstream_says_of_it_is_replaced_whole() -> None:
    kept = (UPSTREAMS[0], UPSTREAMS[5])
    assert Share(b"").on_answer(UPSTREAMS) == (*kept, (b"vary", b"Origin"))
    exposed = (b"access-control-expose-headers", OURS + b", content-type")
    assert Share(A).on_answer(UPSTREAMS) == (*kept, *TO_A, exposed)


@pytest.mark.parametrize(
    ("said", "varies"),
    [
        ((b"vary", b"Accept, ORIGIN"), [b"Accept, ORIGIN"]),
        ((b"vary", b"Accept"), [b"Accept", b"Origin"]),
        ((b"vary", b"*"), [b"*", b"Origin"]),
    ],
)
def test_every_answer_varies_by_origin_and_says_so_once(
    said: tuple[bytes, bytes], varies: list[bytes]
) -> None:
    fields = Share(b"*").on_answer((said,))
    assert [value for name, value in fields if name == b"vary"] == varies


def preflighted(share: Share, *more: tuple[bytes, bytes]) -> dict[bytes, bytes]:
    asked: Headers = ((b"access-control-request-method", b"PUT"), *more)
    return dict(own_fields(asked, Allow(PREFLIGHT_ROUTE, NOTHING_TO_STRIP), share))


def test_a_preflight_is_told_the_method_and_every_place_for_a_key() -> None:
    told = preflighted(Share(A))
    assert told == {
        b"vary": b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
        b"access-control-allow-origin": A,
        b"access-control-allow-credentials": b"true",
        b"access-control-allow-methods": b"PUT",
        b"access-control-allow-headers": (
            b"authorization, api-key, x-api-key, x-goog-api-key, xi-api-key, content-type"
        ),
        b"access-control-max-age": b"600",
    }
    assert set(preflighted(Share(b""))) == {b"vary"}


def test_what_else_a_page_would_send_is_allowed_if_it_is_a_name() -> None:
    names = b"X-Stainless-Lang, content-type, bad name, x\x00, " + b"a" * 65
    told = preflighted(Share(b"*"), (b"access-control-request-headers", names))
    assert told[b"access-control-allow-headers"].endswith(b", xi-api-key, content-type, x-stainless-lang")
    many = b",".join(b"x-%d" % number for number in range(ASKED_MAX + 9))
    told = preflighted(Share(b"*"), (b"access-control-request-headers", many))
    assert told[b"access-control-allow-headers"].count(b"x-") == ASKED_MAX + 2


@pytest.mark.parametrize(("share", "said"), [(Share(A), True), (Share(b"*"), False), (Share(b""), False)])
def test_a_private_network_is_open_to_listed_origins_alone(share: Share, said: bool) -> None:
    told = preflighted(share, (b"access-control-request-private-network", b"true"))
    assert (told.get(b"access-control-allow-private-network") == b"true") is said
    assert b"access-control-allow-private-network" not in preflighted(share)
