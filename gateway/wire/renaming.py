"""A forwarded head as one of several targets is to have it.

Heads are composed for the upstream's first target. Where `Host` is the upstream's own (`wire.addressing`), it
is the one that is asked, and so is an `Origin` that follows it.
"""

from collections.abc import Iterator
from dataclasses import replace

from gateway.wire import addressing
from gateway.wire.targets import UpstreamTarget
from gateway.wire.upstream import Upstream, UpstreamHead


def addressed(question: bytes, upstream: Upstream, target: UpstreamTarget) -> bytes:
    """A whole head as one of several targets is to have it: named is that one, not the first."""
    for (name, first), (_, own) in _renamed(upstream, target):
        question = question.replace(b"\r\n%b: %b\r\n" % (name, first), b"\r\n%b: %b\r\n" % (name, own), 1)
    return question


def addressed_head(head: UpstreamHead, upstream: Upstream, target: UpstreamTarget) -> UpstreamHead:
    """The same for a head that is not written yet."""
    renamed = dict(_renamed(upstream, target))
    headers = tuple(renamed.get(each, each) for each in head.headers)
    return replace(head, headers=headers)


def _renamed(
    upstream: Upstream, target: UpstreamTarget
) -> Iterator[tuple[tuple[bytes, bytes], tuple[bytes, bytes]]]:
    """The fields that name the first target, each with what names this one instead."""
    first = upstream.targets[0]
    if upstream.host_policy != addressing.UPSTREAM or first.url == target.url:
        return
    one, other = first.authority.encode("ascii"), target.authority.encode("ascii")
    yield (b"host", one), (b"host", other)
    if upstream.origin_policy == addressing.REWRITE:
        yield (b"origin", first.url.encode("ascii")), (b"origin", target.url.encode("ascii"))
