"""Guarantees of gateway/wire/way_back.py: callers are led to where they can go, and never elsewhere."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.keys import Network
from gateway.core.request import Headers
from gateway.core.routes import Route
from gateway.wire.response_head import head_bytes
from gateway.wire.upstream import outline
from gateway.wire.way_back import Known, WayBack, known_by
from tests.unit.wire.heads import UPSTREAM, allowing, head_of, hop

PLAIN = Route("any", "/**", "local")
BOTH = Route("any", "/llm/**", "local", strip_prefix="/llm", add_prefix="/api")
CUT = Route("any", "/llm/**", "local", strip_prefix="/llm")
PUT = Route("any", "/**", "local", add_prefix="/api")


def way(
    route: Route = PLAIN, *fields: tuple[bytes, bytes], trusted: tuple[Network, ...] = (), **policies: str
) -> Known:
    """The way back of a caller who called the gateway `gateway.test`."""
    upstream = replace(UPSTREAM, **policies)  # type: ignore[arg-type]
    allow = replace(allowing(), route=route)
    asked = outline(head_of(*fields, target=b"/llm/x"), allow, upstream, hop(trusted=trusted))
    return known_by(route, upstream, head_bytes(b"", asked))


def back(route: Route, field: tuple[bytes, bytes], *others: tuple[bytes, bytes]) -> Headers:
    """What a caller by that route is told, if the upstream says so."""
    asked = outline(head_of(target=b"/llm/x"), replace(allowing(), route=route), UPSTREAM, hop())
    return WayBack(route, UPSTREAM, head_bytes(b"", asked)).headers((*others, field))


LOCATIONS = {
    "own-address": (PLAIN, b"http://10.9.8.7:11434/x?y#z", b"/x?y#z"),
    "own-address-in-capitals": (PLAIN, b"HTTP://10.9.8.7:11434/x", b"/x"),
    "own-address-alone": (PLAIN, b"http://10.9.8.7:11434", b"/"),
    "own-address-with-query": (PLAIN, b"http://10.9.8.7:11434?y", b"/?y"),
    "own-address-of-any-scheme": (PLAIN, b"//10.9.8.7:11434/x", b"/x"),
    "as-the-caller-called-us": (PLAIN, b"http://gateway.test/x", b"/x"),
    "with-the-scheme's-port": (PLAIN, b"http://gateway.test:80/x", b"/x"),
    "path": (PLAIN, b"/x", b"/x"),
    "beside": (PLAIN, b"../x", b"../x"),
    "query": (PLAIN, b"?x", b"?x"),
    "empty": (PLAIN, b"", b""),
    "elsewhere": (PLAIN, b"https://idp.example/login", b"https://idp.example/login"),
    "other-port": (PLAIN, b"http://10.9.8.7:1/x", b"http://10.9.8.7:1/x"),
    "to-https-by-our-name": (PLAIN, b"https://gateway.test/x", b"https://gateway.test/x"),
    "other-scheme": (PLAIN, b"mailto:a@b", b"mailto:a@b"),
    "cut": (CUT, b"/x/", b"/llm/x/"),
    "cut-root": (CUT, b"/", b"/llm/"),
    "cut-own-address": (CUT, b"http://10.9.8.7:11434/x", b"/llm/x"),
    "cut-heeded": (CUT, b"/llm/x", b"/llm/x"),
    "cut-heeded-with-our-name": (CUT, b"http://gateway.test/llm/x", b"/llm/x"),
    "cut-beside": (CUT, b"x", b"x"),
    "both": (BOTH, b"/api/x", b"/llm/x"),
    "both-root": (BOTH, b"/api", b"/llm"),
    "both-root-query": (BOTH, b"/api?x", b"/llm?x"),
    "both-out-of-reach": (BOTH, b"/other", b"/other"),
    "both-nearly": (BOTH, b"/apis", b"/apis"),
    "put": (PUT, b"/api/x", b"/x"),
    "put-root": (PUT, b"/api", b"/"),
    "never-another-site": (
        PLAIN,
        b"http://10.9.8.7:11434//evil.example",
        b"http://10.9.8.7:11434//evil.example",
    ),
    "never-by-backslash": (PLAIN, b"http://10.9.8.7:11434/\\evil", b"http://10.9.8.7:11434/\\evil"),
    "never-by-cutting": (PUT, b"/api//evil.example", b"/api//evil.example"),
    "never-by-a-tab": (PUT, b"/api/\t/evil.example", b"/api/\t/evil.example"),
    "somebody-at": (PLAIN, b"http://10.9.8.7:11434@evil.example/", b"http://10.9.8.7:11434@evil.example/"),
}


@pytest.mark.parametrize(("route", "named", "told"), LOCATIONS.values(), ids=LOCATIONS)
@pytest.mark.parametrize("field", [b"location", b"content-location"])
def test_a_location_is_told_as_the_caller_can_reach_it(
    field: bytes, route: Route, named: bytes, told: bytes
) -> None:
    assert back(route, (field, named), (b"server", b"x")) == ((b"server", b"x"), (field, told))


@pytest.mark.parametrize(
    ("named", "told"),
    [
        (b"0; url=/x", b"0; url=/llm/x"),
        (b"5;URL='/x'", b"5;URL='/llm/x'"),
        (b'5, url = "http://10.9.8.7:11434/x"', b'5, url = "/llm/x"'),
        (b"5", b"5"),
        (b"0; url=https://elsewhere.example/", b"0; url=https://elsewhere.example/"),
    ],
)
def test_so_is_the_one_in_a_refresh(named: bytes, told: bytes) -> None:
    assert back(CUT, (b"refresh", named)) == ((b"refresh", told),)


def test_an_upstream_is_known_by_the_name_it_was_called_by() -> None:
    literal = way(host_policy="localhost:11434")
    assert literal.location(b"http://localhost:11434/x") == b"/x"
    assert way(host_policy="preserve").location(b"http://gateway.test/x") == b"/x"
    assert way(host_policy="preserve", forwarded="off").location(b"http://gateway.test/x") == b"/x"
    assert way(forwarded="off").location(b"http://gateway.test/x") == b"http://gateway.test/x"


def test_to_be_sent_to_https_under_the_own_name_is_meant() -> None:
    """Told as a path it would lead a caller without TLS in a circle."""
    moved = b"https://gateway.test/x"
    assert way(host_policy="preserve", scheme="https").location(moved) == moved


def test_an_upstream_that_was_told_nothing_has_heeded_nothing() -> None:
    assert way(CUT, forwarded="off").location(b"/llm/x") == b"/llm/llm/x"


COOKIES = {
    "plain": (PLAIN, b"ARRAffinity=a; Path=/; HttpOnly", b"ARRAffinity=a; Path=/; HttpOnly"),
    "root": (CUT, b"a=b; Path=/; HttpOnly", b"a=b; Path=/llm; HttpOnly"),
    "deep": (CUT, b"a=b;path=/app", b"a=b;path=/llm/app"),
    "heeded": (CUT, b"a=b; Path=/llm", b"a=b; Path=/llm"),
    "none": (CUT, b"a=/path", b"a=/path"),
    "odd": (CUT, b"a=b; Path=x", b"a=b; Path=x"),
    "empty": (CUT, b"a=b; Path=; Secure", b"a=b; Path=; Secure"),
    "above": (BOTH, b"a=b; Path=/", b"a=b; Path=/llm"),
    "same": (BOTH, b"a=b; Path=/api/", b"a=b; Path=/llm"),
    "below": (BOTH, b"a=b; Path=/api/x", b"a=b; Path=/llm/x"),
    "elsewhere": (BOTH, b"a=b; Path=/other", b"a=b; Path=/other"),
    "put": (PUT, b"a=b; Path=/api", b"a=b; Path=/"),
    "host": (CUT, b"__Host-a=b; Secure; Path=/", b"__Host-a=b; Secure; Path=/"),
}


@pytest.mark.parametrize(("route", "named", "told"), COOKIES.values(), ids=COOKIES)
def test_a_cookie_comes_back_to_where_it_was_set(route: Route, named: bytes, told: bytes) -> None:
    assert back(route, (b"set-cookie", named)) == ((b"set-cookie", told),)


def test_what_names_no_location_is_not_touched() -> None:
    fields = ((b"content-type", b"text/html"), (b"link", b"</x>; rel=next"))
    assert WayBack(BOTH, UPSTREAM, b"").headers(fields) is fields


@given(st.sampled_from([PLAIN, CUT, PUT, BOTH]), st.text("/\\:apillm.x@?#%\t ", max_size=20))
def test_no_path_of_the_upstreams_becomes_another_sites_address(route: Route, text: str) -> None:
    """Whatever it names: what was within one site stays there, as browsers read it."""
    value = text.encode()
    for named in (value, b"http://10.9.8.7:11434" + value, b"http://gateway.test" + value):
        told = way(route).location(named)
        assert told == named or (told[:1] == b"/" and told[1:2] not in (b"/", b"\\") and b"\t" not in told)
