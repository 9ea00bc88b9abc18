"""Guarantees of gateway/plane/aiohttp_upstream.py: the judged bytes are sent; no fault names an address."""

import errno
import ssl

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.refusal import Deny, Reason
from gateway.core.request import Target, read_target
from gateway.plane.aiohttp_upstream import fault_of, url_of
from gateway.wire.reply import refusal
from gateway.wire.response_head import ResponseFault
from gateway.wire.targets import UpstreamTarget

LOCAL = UpstreamTarget("local", "http", "10.9.8.7", 11434)
AT = ConnectionKey(
    "10.9.8.7", 11434, is_ssl=False, ssl=True, proxy=None, proxy_auth=None, proxy_headers_hash=None
)


@pytest.mark.parametrize(
    "target",
    [
        b"/",
        b"/v1/models",
        b"/a%2Eb/%7e/%e2%82%ac",
        b"/a;b=c,d:e@f!$&'()*+=~",
        b"/a?b=%20+%2B&c='x'",
        b"/a?what?",
        b"/a??",
        b"/a?b?c?",
        b"/a?%3f#".removesuffix(b"#"),
        b"/a?b=/../c",
        b"/a[b]^|",
    ],
    ids=repr,
)
def test_the_target_is_sent_byte_for_byte(target: bytes) -> None:
    assert url_of(LOCAL, target).raw_path_qs.encode() == target


def test_of_a_target_only_the_sign_of_an_empty_query_is_left_out() -> None:
    assert url_of(LOCAL, b"/a?").raw_path_qs == "/a"


@given(
    st.text(
        st.sampled_from("/aB0.~;=%25%2f%41?&+'[]|{}\"<>^`@:é#\\"),
        max_size=20,
    ).map(lambda text: b"/" + text.encode())
)
def test_whatever_passed_the_judgement_is_sent_as_it_was_judged_or_not_at_all(target: bytes) -> None:
    if isinstance(read_target(target), Target):
        sent = url_of(LOCAL, target).raw_path_qs.encode()
        assert sent == target or (sent + b"?" == target and b"?" not in sent)


@pytest.mark.parametrize("target", [b"", "/é".encode()], ids=repr)
def test_a_target_that_would_become_another_is_not_sent(target: bytes) -> None:
    with pytest.raises((ResponseFault, ValueError)):
        url_of(LOCAL, target)


@pytest.mark.parametrize(
    ("host", "port", "raw_host", "url"),
    [
        pytest.param("127.0.0.1", 11434, "127.0.0.1", "http://127.0.0.1:11434/", id="ipv4"),
        pytest.param("ai.test", 80, "ai.test", "http://ai.test/", id="name"),
        pytest.param("::1", 11434, "::1", "http://[::1]:11434/", id="ipv6"),
        pytest.param("2001:db8::1", 80, "2001:db8::1", "http://[2001:db8::1]/", id="ipv6-own-port"),
    ],
)
def test_the_upstream_is_found_by_name_or_address(host: str, port: int, raw_host: str, url: str) -> None:
    found = url_of(UpstreamTarget("u", "http", host, port), b"/")
    assert (found.raw_host, found.port, str(found)) == (raw_host, port, url)


TROUBLES = [
    pytest.param(
        aiohttp.ClientConnectorError(
            AT, OSError(errno.ECONNREFUSED, "Connect call failed ('10.9.8.7', 11434)")
        ),
        Deny(Reason.UPSTREAM_UNREACHABLE),
        id="refused",
    ),
    pytest.param(
        aiohttp.ClientConnectorDNSError(AT, OSError(-2, "Name or service not known: 10.9.8.7")),
        Deny(Reason.UPSTREAM_UNREACHABLE),
        id="no-such-name",
    ),
    pytest.param(
        aiohttp.ClientConnectorCertificateError(AT, ssl.SSLCertVerificationError("10.9.8.7")),
        Deny(Reason.UPSTREAM_UNREACHABLE),
        id="wrong-certificate",
    ),
    pytest.param(
        aiohttp.ConnectionTimeoutError("Connection timeout to host http://10.9.8.7:11434/"),
        Deny(Reason.UPSTREAM_TIMEOUT, {"phase": "connect"}),
        id="connect-timeout",
    ),
    pytest.param(
        TimeoutError("10.9.8.7"), Deny(Reason.UPSTREAM_TIMEOUT, {"phase": "connect"}), id="plain-timeout"
    ),
    pytest.param(
        aiohttp.ServerDisconnectedError("10.9.8.7:11434"),
        Deny(Reason.UPSTREAM_PROTOCOL, {"what": "closed the connection without answering"}),
        id="closed-without-answering",
    ),
    pytest.param(
        aiohttp.ClientOSError(errno.ECONNRESET, "10.9.8.7"),
        Deny(Reason.UPSTREAM_PROTOCOL, {"what": "broke the connection before answering"}),
        id="reset",
    ),
    pytest.param(aiohttp.ClientPayloadError("10.9.8.7"), Deny(Reason.UPSTREAM_PROTOCOL), id="bad-body"),
    pytest.param(aiohttp.InvalidURL("http://10.9.8.7"), Deny(Reason.UPSTREAM_PROTOCOL), id="bad-url"),
    pytest.param(ResponseFault("10.9.8.7"), Deny(Reason.UPSTREAM_PROTOCOL), id="broken-head"),
    pytest.param(OSError("10.9.8.7"), Deny(Reason.UPSTREAM_PROTOCOL), id="anything-else"),
]


@pytest.mark.parametrize(("trouble", "deny"), TROUBLES)
def test_each_trouble_has_its_reason(trouble: Exception, deny: Deny) -> None:
    assert fault_of(trouble) == deny


@pytest.mark.parametrize(("trouble", "deny"), TROUBLES)
def test_no_reply_names_the_upstreams_address(trouble: Exception, deny: Deny) -> None:
    assert "10.9.8.7" in str(trouble)
    reply = repr(refusal(fault_of(trouble), "req-1", "kh"))
    assert "10.9.8.7" not in reply
    assert "11434" not in reply
