"""Guarantees of gateway/admin/probe.py: only what cannot be read in two ways is a probe."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.admin.probe import PROBE_BYTES_MAX, Probe, Verdict, read_probe
from gateway.wire.request_head import Limits

LIMITS = Limits(fields_max=8)
KUBERNETES = (
    b"GET /readyz HTTP/1.1\r\nHost: 10.0.0.7:8081\r\nUser-Agent: kube-probe/1.31\r\nAccept: */*\r\n"
    b"Connection: close\r\n\r\n"
)
PROMETHEUS = (
    b"GET /metrics HTTP/1.1\r\nHost: gateway:8081\r\nUser-Agent: Prometheus/3.1\r\n"
    b"Accept: application/openmetrics-text;version=1.0.0,*/*;q=0.1\r\nAccept-Encoding: gzip\r\n"
    b"X-Prometheus-Scrape-Timeout-Seconds: 10\r\n\r\n"
)


@pytest.mark.parametrize(
    ("raw", "probe"),
    [
        pytest.param(
            KUBERNETES, Probe("/readyz", False, 1, "10.0.0.7:8081", "*/*", False, 0), id="kubernetes"
        ),
        pytest.param(
            PROMETHEUS,
            Probe(
                *("/metrics", False, 1, "gateway:8081"),
                *("application/openmetrics-text;version=1.0.0,*/*;q=0.1", True, 0),
            ),
            id="prometheus",
        ),
        pytest.param(
            b"HEAD /healthz HTTP/1.0\r\n\r\n", Probe("/healthz", True, 0, None, "", False, 0), id="bare"
        ),
        pytest.param(
            b"GET /healthz HTTP/1.0\r\nHOST:\t a \t\r\nConnection: Keep-Alive\r\n\r\n",
            Probe("/healthz", False, 0, "a", "", True, 0),
            id="kept-before-1.1",
        ),
    ],
)
def test_a_plain_head_is_a_probe_and_ends_where_it_ends(raw: bytes, probe: Probe) -> None:
    whole = replace(probe, head_bytes=len(raw))
    assert read_probe(raw, LIMITS) == whole
    assert read_probe(raw + b"GET /nothing HTTP/1.1\r\n\r\n", LIMITS) == whole


@pytest.mark.parametrize("raw", [KUBERNETES, PROMETHEUS], ids=["kubernetes", "prometheus"])
def test_every_beginning_of_a_probe_is_early(raw: bytes) -> None:
    for end in range(len(raw)):
        assert read_probe(raw[:end], LIMITS) is Verdict.EARLY


FIRST = b"GET /healthz HTTP/1.1\r\n"
FOREIGN = {
    "garbage": b"garbage",
    "tls": b"\x16\x03\x01",
    "blank-line-first": b"\r\nGET /healthz HTTP/1.1\r\n",
    "other-path": b"GET /healthz/",
    "query": b"GET /healthz?now",
    "other-method": b"POST",
    "lower-case": b"get",
    "other-version": b"GET /healthz HTTP/1.2",
    "bare-feed": b"GET /healthz HTTP/1.1\n",
    "no-host": FIRST + b"\r\n",
    "two-hosts": FIRST + b"Host: a\r\nhost: a\r\n\r\n",
    "length": FIRST + b"Host: a\r\nContent-Length: 0\r\n\r\n",
    "chunked": FIRST + b"Host: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    "upgrade": FIRST + b"Host: a\r\nUpgrade: h2c\r\n\r\n",
    "expectation": FIRST + b"Host: a\r\nExpect: 100-continue\r\n\r\n",
    "other-connection": FIRST + b"Host: a\r\nConnection: close, x\r\n\r\n",
    "blank-in-a-name": FIRST + b"Host: a\r\nA : b\r\n",
    "no-colon": FIRST + b"Host\r\n",
    "folded": FIRST + b"Host: a\r\n b\r\n",
    "bare-feed-in-a-field": FIRST + b"Host: a\n",
    "control-character": FIRST + b"Host: \x00\r\n",
    "not-ascii": FIRST + "Host: ä\r\n".encode(),
    "many-fields": FIRST + b"".join(b"X-%d: y\r\n" % each for each in range(9)) + b"Host: a\r\n\r\n",
    "heavy": FIRST + b"Host: a\r\nX: " + b"a" * PROBE_BYTES_MAX + b"\r\n\r\n",
    "heavy-and-not-whole": FIRST + b"X: " + b"a" * PROBE_BYTES_MAX,
}


@pytest.mark.parametrize("name", FOREIGN)
def test_whatever_is_different_in_any_way_is_foreign(name: str) -> None:
    assert read_probe(FOREIGN[name], LIMITS) is Verdict.FOREIGN


def test_a_head_beyond_the_limits_is_foreign() -> None:
    assert read_probe(KUBERNETES, Limits(head_bytes_max=64)) is Verdict.FOREIGN


@given(st.binary(max_size=80), st.integers(0, len(KUBERNETES)))
def test_no_bytes_raise_and_what_is_foreign_stays_so(raw: bytes, end: int) -> None:
    said = KUBERNETES[:end] + raw
    verdict = read_probe(said, LIMITS)
    if verdict is Verdict.FOREIGN:
        assert read_probe(said + b"a\r\n\r\n", LIMITS) is Verdict.FOREIGN
