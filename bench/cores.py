"""Which core each part of a measurement runs on, so that every peer has the same one to itself.

With three cores or more the peer, the upstream and the load each have their own; with two the
upstream and the load share one; with one core nothing can be kept apart, and the report says so.
"""

import os
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Cores:
    """The core numbers for each part."""

    peer: frozenset[int]
    upstream: frozenset[int]
    load: frozenset[int]

    def __str__(self) -> str:
        """How the cores are shared, in words for the report."""
        if self.peer == self.load:
            return "peer, upstream and load share the only core"
        if self.upstream == self.load:
            return "each peer pinned to one core, the upstream and the load to another"
        return "each peer, the upstream and the load pinned to a core of their own"


def share(available: AbstractSet[int]) -> Cores:
    """Share out the ``available`` cores (at least one): the peer's is never shared if it can be helped."""
    first, *rest = sorted(available)
    peer = frozenset({first})
    upstream = frozenset(rest[:1]) or peer
    return Cores(peer=peer, upstream=upstream, load=frozenset(rest[1:2]) or upstream)


@contextmanager
def pinned(cores: AbstractSet[int]) -> Iterator[None]:
    """Pin this thread to ``cores`` meanwhile: a process started here inherits it."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
