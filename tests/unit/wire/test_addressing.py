"""Guarantees of gateway/wire/addressing.py: Host, Origin and X-Forwarded-* as each upstream wants them."""

import base64
from dataclasses import replace
from ipaddress import ip_network

import pytest

from gateway.core.credentials import NOTHING_TO_STRIP, Strip, find
from gateway.core.decision import Allow, NeedKey
from gateway.core.keys import Network, compose_secret
from gateway.core.ours import Ours
from gateway.core.request import Headers
from gateway.wire.addressing import (
    authority_of,
    is_foreign,
    is_sent_by_itself,
    plain_authority,
    with_origin,
)
from gateway.wire.request_head import Head
from gateway.wire.upstream import compose_head, outline
from tests.unit.wire.heads import HOST, PEER, ROUTE, UPSTREAM, allowing, head_of, hop, lookup, reading

SECRET = compose_secret("kh", bytes(range(32))).reveal().encode()
BASIC = b"Basic " + base64.b64encode(b"x:" + SECRET)
BEARER = b"Bearer " + SECRET
PROXY = "10.0.0.1"
TRUSTED: tuple[Network, ...] = (ip_network("10.0.0.0/8"),)
EVIL = b"https://evil.example"
OWN = b"http://gateway.test"


def sent(*fields: tuple[bytes, bytes], peer: str = PEER, trusted: bool = False, **policies: str) -> Headers:
    """What an upstream with these policies is sent of a request that shows its key, if it shows one."""
    head = head_of(*fields)
    strip = find(head.view, Ours("kh")).strip
    decision = NeedKey(b"d", ROUTE, strip, peer) if strip.headers else Allow(ROUTE, strip)
    around = hop(peer, TRUSTED if trusted else ())
    return outline(head, decision, replace(UPSTREAM, **policies), around)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("policy", "host"),
    [
        ("upstream", b"10.9.8.7:11434"),
        ("preserve", b"gateway.test"),
        ("localhost:11434", b"localhost:11434"),
    ],
)
def test_the_upstream_is_called_as_its_policy_says_and_once(policy: str, host: bytes) -> None:
    fields = sent(host_policy=policy)
    assert fields[0] == (b"host", host)
    assert lookup(fields, b"host") == [host]
    assert lookup(fields, b"x-forwarded-host") == [b"gateway.test"]


def test_a_caller_that_called_nobody_leaves_the_upstream_its_own_name() -> None:
    head = reading(version=(1, 0))
    assert isinstance(head, Head)
    fields = outline(head, allowing(), replace(UPSTREAM, host_policy="preserve"), hop())
    assert lookup(fields, b"host") == [b"10.9.8.7:11434"]


@pytest.mark.parametrize(
    ("policy", "origin"),
    [("preserve", [EVIL]), ("rewrite", [b"http://10.9.8.7:11434"]), ("strip", [])],
)
def test_the_origin_follows_its_policy_for_whoever_shows_a_key(policy: str, origin: list[bytes]) -> None:
    fields = sent((b"Origin", EVIL), (b"Authorization", BEARER), origin_policy=policy)
    assert lookup(fields, b"origin") == origin


def test_a_rewritten_origin_is_that_of_the_host_that_is_sent() -> None:
    fields = sent(
        (b"Origin", EVIL), (b"X-Api-Key", SECRET), host_policy="localhost:8188", origin_policy="rewrite"
    )
    assert lookup(fields, b"origin") == [b"http://localhost:8188"]


@pytest.mark.parametrize("policy", ["rewrite", "strip"])
def test_no_origin_is_made_up(policy: str) -> None:
    assert lookup(sent((b"Authorization", BEARER), origin_policy=policy), b"origin") == []


@pytest.mark.parametrize("policy", ["rewrite", "strip"])
@pytest.mark.parametrize(
    "shown", [(), ((b"Authorization", BASIC),)], ids=["no-key", "remembered-by-a-browser"]
)
@pytest.mark.parametrize("origin", [EVIL, b"null", b"gateway.test", b"http://gateway.test.evil.example"])
def test_a_page_of_strangers_keeps_its_origin_where_nobody_showed_a_key_for_it(
    policy: str, shown: tuple[tuple[bytes, bytes], ...], origin: bytes
) -> None:
    assert lookup(sent((b"Origin", origin), *shown, origin_policy=policy), b"origin") == [origin]


@pytest.mark.parametrize("origin", [OWN, b"https://GATEWAY.test", b"http://gateway.test:80"])
def test_a_page_of_the_gateways_own_host_needs_no_key_to_be_fitted_in(origin: bytes) -> None:
    assert lookup(sent((b"Origin", origin), origin_policy="strip"), b"origin") == []
    assert lookup(sent((b"Origin", origin), origin_policy="rewrite"), b"origin") == [b"http://10.9.8.7:11434"]


def test_behind_a_trusted_proxy_the_pages_host_is_the_one_it_tells() -> None:
    told = ((b"Origin", b"https://ai.example"), (b"X-Forwarded-Host", b"ai.example"))
    assert lookup(sent(*told, peer=PROXY, trusted=True, origin_policy="strip"), b"origin") == []
    assert lookup(sent(*told, origin_policy="strip"), b"origin") == [b"https://ai.example"]


@pytest.mark.parametrize("policy", ["rewrite", "strip"])
@pytest.mark.parametrize(
    ("host", "told"),
    [(b"evil.example", ()), (b"gateway.test", (b"evil.example",)), (b"evil.example", (b"gateway.test",))],
    ids=["host", "told", "passed-on-by-a-proxy"],
)
def test_a_page_that_leads_its_own_name_here_keeps_its_origin(
    policy: str, host: bytes, told: tuple[bytes, ...]
) -> None:
    fields = [(b"Host", host), (b"Origin", b"http://" + (told or (host,))[0])]
    fields += [(b"X-Forwarded-Host", each) for each in told]
    head = reading(*fields, peer=PROXY, trusted=TRUSTED)
    assert isinstance(head, Head)
    to = replace(UPSTREAM, origin_policy=policy)
    around = hop(PROXY, TRUSTED)
    assert lookup(outline(head, Allow(ROUTE, NOTHING_TO_STRIP), to, around), b"origin") == [fields[1][1]]
    with_key = NeedKey(b"d", ROUTE, NOTHING_TO_STRIP, PROXY)
    assert lookup(outline(head, with_key, to, around), b"origin") != [fields[1][1]]


@pytest.mark.parametrize(
    ("peer", "called"),
    [("10.0.0.1", (b"gateway.test", b"ai.example", b"evil.example")), ("192.0.2.1", (b"gateway.test",))],
    ids=["trusted", "untrusted"],
)
def test_the_gateway_was_called_by_its_host_and_by_all_that_trusted_proxies_tell(
    peer: str, called: tuple[bytes, ...]
) -> None:
    told = ((b"X-Forwarded-Host", b"ai.example"), (b"X-Forwarded-Host", b"evil.example"))
    assert head_of(*told, peer=peer, trusted=TRUSTED).view.called == called


def test_a_caller_of_old_may_have_called_nobody() -> None:
    head = reading(version=(1, 0))
    assert isinstance(head, Head)
    assert head.view.called == ()


def test_both_planes_decide_about_the_origin_alike() -> None:
    """One knows the need of a key, the other its record; who needed none has neither."""
    head, strict = head_of((b"Origin", EVIL)), replace(UPSTREAM, origin_policy="strip")
    for decision, origin in (
        (NeedKey(b"d", ROUTE, NOTHING_TO_STRIP, PEER), []),
        (replace(allowing(), digest=b"d"), []),
        (allowing(identity=None), [EVIL]),
    ):
        assert lookup(outline(head, decision, strict, hop()), b"origin") == origin
    composed = compose_head(head, replace(allowing(), digest=b"d"), strict, hop())
    assert lookup(composed.headers, b"origin") == []


CLAIMED = (
    (b"X-Forwarded-For", b"192.0.2.1"),
    (b"X-Forwarded-Proto", b"https"),
    (b"X-Forwarded-Host", b"ai.example"),
    (b"X-Forwarded-Port", b"443"),
    (b"X-Real-IP", b"192.0.2.1"),
    (b"Forwarded", b"for=192.0.2.1"),
)


def told_of(fields: Headers) -> Headers:
    """What is said of the way so far."""
    return tuple(f for f in fields if f[0].startswith((b"x-forwarded", b"x-real", b"forwarded")))


@pytest.mark.parametrize("trusted", [False, True])
def test_replace_tells_only_what_this_hop_saw(trusted: bool) -> None:
    assert told_of(sent(*CLAIMED, peer=PROXY, trusted=trusted, forwarded="replace")) == (
        (b"x-forwarded-for", PROXY.encode()),
        (b"x-forwarded-proto", b"http"),
        (b"x-forwarded-host", b"gateway.test"),
    )


@pytest.mark.parametrize("trusted", [False, True])
def test_off_tells_nothing_at_all_whoever_said_it(trusted: bool) -> None:
    fields = sent(*CLAIMED, peer=PROXY, trusted=trusted, forwarded="off")
    assert told_of(fields) == ()
    assert lookup(fields, b"via") == [b"1.1 keyhatch"]


def test_append_is_what_a_trusted_proxy_said_and_then_what_this_hop_saw() -> None:
    fields = sent(*CLAIMED, peer=PROXY, trusted=True)
    assert lookup(fields, b"x-forwarded-for") == [b"192.0.2.1, 10.0.0.1"]
    assert lookup(fields, b"x-forwarded-proto") == [b"https"]
    assert lookup(fields, b"x-real-ip") == [b"192.0.2.1"]


@pytest.mark.parametrize(
    ("origin", "authority"),
    [
        (b"https://a.example", b"a.example"),
        (b"https://a.example:443", b"a.example"),
        (b"http://a.example:443", b"a.example:443"),
        (b"HTTP://A.example:80", b"a.example"),
        (b"tauri://localhost", b"localhost"),
        (b"null", b""),
        (b"", b""),
    ],
)
def test_an_origin_is_compared_in_its_plain_form(origin: bytes, authority: bytes) -> None:
    assert authority_of(origin) == authority


def test_a_host_is_compared_without_the_port_of_the_pages_scheme() -> None:
    assert plain_authority(b"A.example:443", b"https") == b"a.example"
    assert not is_foreign([b"https://a.example"], b"a.example:443")
    assert is_foreign([b"https://a.example", EVIL], b"a.example")


def test_every_origin_is_replaced_and_nothing_else() -> None:
    fields = ((b"origin", b"a"), (b"accept", b"b"), (b"origin", b"c"))
    assert with_origin(fields, b"d") == ((b"origin", b"d"), (b"accept", b"b"), (b"origin", b"d"))
    assert with_origin(fields, None) == ((b"accept", b"b"),)


def test_a_key_that_also_stood_where_no_browser_puts_it_was_sent_on_purpose() -> None:
    basic, header = (b"authorization", BASIC), (b"x-api-key", SECRET)
    assert is_sent_by_itself((HOST, basic), Strip({1: None}))
    assert not is_sent_by_itself((basic, header), Strip({0: None, 1: None}))
    assert not is_sent_by_itself((basic,), Strip({0: None}, query=b""))
    assert not is_sent_by_itself((basic,), NOTHING_TO_STRIP)
