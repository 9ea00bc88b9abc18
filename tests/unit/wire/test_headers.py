"""Guarantees of gateway/wire/headers.py: nobody speaks in the gateway's name, nobody hides behind a proxy."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.keys import Network
from gateway.core.policy import is_within
from gateway.wire.headers import (
    CLAIMS,
    HOP_BY_HOP,
    REWRITTEN,
    UNLISTABLE,
    caller_address,
    dropped_names,
    is_like_a_key,
    is_own,
    reads_as,
    request_id_of,
    tokens,
    values,
    without,
)

PROXIES: tuple[Network, ...] = (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))
SEPARATORS = "!#$%&'*+-.^_`|~"


def test_values_are_all_values_in_order() -> None:
    headers = ((b"accept", b"a"), (b"host", b"h"), (b"accept", b""), (b"accept", b"b, c"))
    assert values(headers, b"accept") == [b"a", b"", b"b, c"]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param([], [], id="none"),
        pytest.param([b""], [], id="empty"),
        pytest.param([b"close"], [b"close"], id="one"),
        pytest.param([b" Keep-Alive ,\tUpgrade"], [b"keep-alive", b"upgrade"], id="blanks-and-case"),
        pytest.param([b"a,,b,", b",c"], [b"a", b"b", b"c"], id="empty-elements-and-several-lines"),
    ],
)
def test_tokens_of_a_list_field(sent: list[bytes], expected: list[bytes]) -> None:
    assert tokens(tuple((b"connection", value) for value in sent), b"connection") == expected


@pytest.mark.parametrize("name", sorted(HOP_BY_HOP), ids=bytes.decode)
def test_hop_by_hop_fields_are_dropped_unlisted(name: bytes) -> None:
    assert name in dropped_names(())


def test_what_connection_lists_is_dropped_on_every_line() -> None:
    headers = ((b"connection", b"close, X-One"), (b"connection", b"x-two"))
    assert dropped_names(headers) == HOP_BY_HOP | {b"close", b"x-one", b"x-two"}


@pytest.mark.parametrize(
    "name",
    [
        b"content-length",
        b"cookie",
        b"host",
        b"sec-websocket-key",
        b"sec-websocket-version",
        b"set-cookie",
    ],
    ids=bytes.decode,
)
def test_connection_takes_away_nothing_that_frames_or_addresses_the_message(name: bytes) -> None:
    assert name in UNLISTABLE
    assert name not in dropped_names(((b"connection", name.upper()),))


@pytest.mark.parametrize(
    ("name", "own"),
    [
        pytest.param(b"x-keyhatch-key-id", True, id="plain"),
        pytest.param(b"x_keyhatch_key_id", True, id="underscores"),
        pytest.param(b"x-keyhatch_owner", True, id="one-underscore"),
        pytest.param(b"x.keyhatch.scopes", True, id="dots-as-lighttpd-reads-them"),
        pytest.param(b"x!keyhatch~key'name", True, id="any-other-sign"),
        pytest.param(b"x-keyhatch-", True, id="nothing-behind"),
        pytest.param(b"x-keyhatch-not-one-of-ours", True, id="the-whole-name-space"),
        pytest.param(b"x-keyhatch", False, id="without-the-separator"),
        pytest.param(b"x-keyhatcher-id", False, id="longer-word"),
        pytest.param(b"xkeyhatch-key-id", False, id="other-word"),
        pytest.param(b"my-x-keyhatch-key-id", False, id="not-at-the-beginning"),
    ],
)
def test_what_counts_as_the_gateways_own(name: bytes, own: bool) -> None:
    assert is_own(name) is own


@given(
    st.sampled_from(["key id", "key name", "owner", "scopes", "anything else"]),
    st.lists(st.sampled_from(SEPARATORS), min_size=8, max_size=8),
    st.booleans(),
)
def test_no_spelling_that_some_upstream_reads_as_ours_survives(
    name: str, signs: list[str], listed: bool
) -> None:
    spelled = "".join(signs.pop() if char == " " else char for char in f"x keyhatch {name}").encode()
    connection = ((b"connection", spelled),) if listed else ()
    assert without((*connection, (spelled, b"admin"), (b"x-other", b"1")), {b"connection"}) == (
        (b"x-other", b"1"),
    )


@pytest.mark.parametrize("name", sorted(REWRITTEN | CLAIMS), ids=bytes.decode)
def test_a_name_goes_in_any_spelling(name: bytes) -> None:
    spellings = {name, name.replace(b"-", b"_"), name.replace(b"-", b".")}
    headers = tuple((spelling, b"/admin") for spelling in sorted(spellings))
    assert without(headers, REWRITTEN | CLAIMS) == ()


def test_a_listed_name_goes_as_it_was_listed() -> None:
    headers = ((b"x.one", b"1"), (b"x-one", b"2"))
    assert without(headers, {b"x.one"}) == ((b"x-one", b"2"),)


def test_names_that_begin_as_stated_go_too() -> None:
    headers = ((b"x-forwarded-email", b"a@b"), (b"x_forwarded.user", b"root"), (b"x-forwarded", b"stays"))
    assert without(headers, (), begin=(b"x-forwarded-",)) == ((b"x-forwarded", b"stays"),)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param([], None, id="none"),
        pytest.param([b"a"], "a", id="short"),
        pytest.param([b"0123456789abcdef-_.ABCXYZ"], "0123456789abcdef-_.ABCXYZ", id="every-sign"),
        pytest.param([b"x" * 64], "x" * 64, id="longest"),
        pytest.param([b"x" * 65], None, id="too-long"),
        pytest.param([b""], None, id="empty"),
        pytest.param([b"a", b"a"], None, id="twice"),
        pytest.param([b"a b"], None, id="blank"),
        pytest.param([b"a\n"], None, id="end-of-line"),
        pytest.param([b"\x1b[31m"], None, id="terminal-escape"),
        pytest.param([b'{"a":1}'], None, id="json"),
        pytest.param([b"r\xc3\xa9"], None, id="not-ascii"),
        pytest.param([b"f" * 64], "f" * 64, id="sha-256"),
        pytest.param([b"req_" + b"0aZ" * 16], "req_" + "0aZ" * 16, id="shorter-than-a-key"),
        pytest.param([b"kh_" + b"7" * 49], None, id="a-key"),
        pytest.param([b"id-my_" + b"0aZ" * 17], None, id="a-key-within"),
    ],
)
def test_a_request_id_is_taken_over_only_if_it_is_safe(sent: list[bytes], expected: str | None) -> None:
    assert request_id_of(tuple((b"x-request-id", value) for value in sent)) == expected


@pytest.mark.parametrize(
    ("peer", "told", "expected"),
    [
        pytest.param("198.51.100.7", [b"203.0.113.9"], "198.51.100.7", id="a-stranger-is-not-believed"),
        pytest.param("10.0.0.1", [], "10.0.0.1", id="a-proxy-that-says-nothing-speaks-for-itself"),
        pytest.param("10.0.0.1", [b""], "10.0.0.1", id="an-empty-field-says-nothing"),
        pytest.param("10.0.0.1", [b"203.0.113.9"], "203.0.113.9", id="one-hop"),
        pytest.param("10.0.0.1", [b"127.0.0.1, 203.0.113.9"], "203.0.113.9", id="forged-left-end"),
        pytest.param("10.0.0.1", [b"127.0.0.1", b"203.0.113.9"], "203.0.113.9", id="forged-first-line"),
        pytest.param("10.0.0.1", [b"1.2.3.4, 203.0.113.9, 10.1.1.1"], "203.0.113.9", id="two-proxies"),
        pytest.param("10.0.0.1", [b"203.0.113.9", b"10.1.1.1,"], "203.0.113.9", id="empty-elements"),
        pytest.param("10.0.0.1", [b"10.9.9.9, 10.1.1.1"], "10.9.9.9", id="all-trusted-the-leftmost-calls"),
        pytest.param("2001:db8::1", [b"2001:DB8:1::9, 2001:4860::8"], "2001:4860::8", id="ipv6"),
        pytest.param("::ffff:10.0.0.1", [b"::ffff:203.0.113.9"], "203.0.113.9", id="ipv4-in-disguise"),
        pytest.param("10.0.0.1", [b"203.0.113.9:4711"], "203.0.113.9", id="with-a-port"),
        pytest.param("10.0.0.1", [b"[2001:4860::8]:4711"], "2001:4860::8", id="ipv6-with-a-port"),
        pytest.param("10.0.0.1", [b"[2001:4860::8]"], "2001:4860::8", id="ipv6-in-brackets"),
        pytest.param("10.0.0.1", [b"unknown"], "unknown", id="unknown"),
        pytest.param("10.0.0.1", [b"203.0.113.9, _hidden"], "unknown", id="unreadable"),
        pytest.param("10.0.0.1", [b"203.0.113.9, x, 10.1.1.1"], "unknown", id="unreadable-behind-a-proxy"),
        pytest.param("10.0.0.1", [b"127.0.0.1:"], "unknown", id="half-a-port"),
        pytest.param("10.0.0.1", [b"[127.0.0.1"], "unknown", id="half-a-bracket"),
        pytest.param("10.0.0.1", [b"127.1"], "unknown", id="abbreviated"),
        pytest.param("10.0.0.1", [b"010.0.0.1"], "unknown", id="octal"),
        pytest.param("10.0.0.1", [b"\xd9\xa1.2.3.4"], "unknown", id="foreign-digits"),
        pytest.param("", [b"203.0.113.9"], "", id="a-peer-without-an-address"),
    ],
)
def test_the_address_that_rules_are_applied_to(peer: str, told: list[bytes], expected: str) -> None:
    headers = tuple((b"x-forwarded-for", value) for value in told)
    assert caller_address(peer, headers, PROXIES) == expected


def test_without_trusted_proxies_the_peer_is_the_caller() -> None:
    assert caller_address("10.0.0.1", ((b"x-forwarded-for", b"127.0.0.1"),), ()) == "10.0.0.1"


@given(
    st.lists(st.binary(max_size=24).map(lambda text: text.replace(b",", b"")), max_size=6),
    st.ip_addresses().map(str).filter(lambda address: not is_within(address, PROXIES)),
)
def test_nothing_a_caller_writes_outweighs_what_the_proxy_saw(forged: list[bytes], seen: str) -> None:
    headers = ((b"x-forwarded-for", b",".join([*forged, seen.encode()])),)
    caller = caller_address("10.0.0.1", headers, PROXIES)
    assert is_within(caller, (ip_network(seen),)) or seen.startswith("::ffff:")


@given(st.lists(st.binary(max_size=40), max_size=4))
def test_an_unreadable_chain_never_makes_the_caller_a_proxy(told: list[bytes]) -> None:
    said = b",".join(told)
    caller = caller_address("10.0.0.1", tuple((b"x-forwarded-for", value) for value in told), PROXIES)
    if caller == "10.0.0.1":
        assert not said.strip(b" \t,") or b"10.0.0.1" in said


@pytest.mark.parametrize(
    ("name", "read"),
    [
        pytest.param(b"x-forwarded-for", b"x-forwarded-for", id="plain"),
        pytest.param(b"x_forwarded.for", b"x-forwarded-for", id="other-signs"),
        pytest.param(b"content!length", b"content-length", id="any-sign"),
        pytest.param(b"x1-a2", b"x1-a2", id="digits-stay"),
        pytest.param(b"caf\xe9", b"caf-", id="beyond-ascii"),
        pytest.param(b"", b"", id="nothing"),
    ],
)
def test_a_name_is_read_as_the_most_forgiving_upstream_reads_it(name: bytes, read: bytes) -> None:
    assert reads_as(name) == read


@pytest.mark.parametrize(
    ("value", "like"),
    [
        pytest.param(b"kh_" + b"a0Z" * 16 + b"x", True, id="a-key"),
        pytest.param(b"other_" + b"a" * 49, True, id="another-prefix"),
        pytest.param(b"Bearer kh_" + b"a" * 60, True, id="amid"),
        pytest.param(b"kh_" + b"a" * 48, False, id="too-short"),
        pytest.param(b"kh-" + b"a" * 49, False, id="without-the-sign"),
        pytest.param(b"", False, id="nothing"),
    ],
)
def test_what_has_the_form_of_a_key_is_known_wherever_it_stands(value: bytes, like: bool) -> None:
    assert is_like_a_key(value) is like
