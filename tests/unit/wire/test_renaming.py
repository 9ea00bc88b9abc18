"""Guarantees of gateway/wire/renaming.py: each is called by its own name."""

from dataclasses import replace

import pytest

from gateway.wire.renaming import addressed, addressed_head
from gateway.wire.request_head import Head
from gateway.wire.targets import UpstreamTarget
from gateway.wire.upstream import Upstream, UpstreamHead, compose_head
from tests.unit.wire.heads import allowing, hop, lookup, reading

A = UpstreamTarget("a", "http", "10.0.0.1", 80)
B = UpstreamTarget("b", "https", "10.0.0.2", 443)
SEVERAL = Upstream("several", "http", "10.0.0.1", 80, targets=(A, B))


def as_bytes(composed: UpstreamHead) -> bytes:
    fields = b"".join(b"%b: %b\r\n" % each for each in composed.headers)
    return b"GET %b HTTP/1.1\r\n%b\r\n" % (composed.target, fields)


@pytest.mark.parametrize(
    ("upstream", "host", "origin"),
    [
        pytest.param(SEVERAL, b"10.0.0.2", b"http://gate.example", id="own-name"),
        pytest.param(
            replace(SEVERAL, origin_policy="rewrite"), b"10.0.0.2", b"https://10.0.0.2", id="own-origin"
        ),
        pytest.param(
            replace(SEVERAL, host_policy="preserve", origin_policy="rewrite"),
            b"gate.example",
            b"http://gate.example",
            id="preserved",
        ),
        pytest.param(
            replace(SEVERAL, host_policy="10.0.0.1"), b"10.0.0.1", b"http://gate.example", id="literal"
        ),
    ],
)
def test_of_several_targets_each_is_called_by_its_own_name(
    upstream: Upstream, host: bytes, origin: bytes
) -> None:
    head = reading((b"Host", b"gate.example"), (b"Origin", b"http://gate.example"), (b"X-A", b"10.0.0.1"))
    assert isinstance(head, Head)
    composed = compose_head(head, replace(allowing(), digest=b"d"), upstream, hop())
    for_b = addressed_head(composed, upstream, B)
    assert lookup(for_b.headers, b"host") == [host]
    assert lookup(for_b.headers, b"origin") == [origin]
    assert lookup(for_b.headers, b"x-a") == [b"10.0.0.1"]
    assert addressed(as_bytes(composed), upstream, B) == as_bytes(for_b)
    assert addressed(as_bytes(composed), upstream, A) == as_bytes(composed)
    assert addressed_head(composed, upstream, A) == composed


def test_an_upstream_without_targets_is_its_own_only_one() -> None:
    only = Upstream("one", "http", "10.0.0.1", 8080, path="/run/x")
    assert only.targets == (UpstreamTarget("one", "http", "10.0.0.1", 8080, "/run/x"),)
    assert only.crew.only is only.crew.standings[0]
    assert SEVERAL.crew.only is None
    assert SEVERAL.authority == "10.0.0.1"
