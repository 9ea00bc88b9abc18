"""Guarantees of gateway/wire/trace.py: what is whole counts, and nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.trace import parent_in, parent_of, trace_id_of

TRACE = b"4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = b"00f067aa0ba902b7"
PARENT = b"00-%b-%b-01" % (TRACE, SPAN)
KEY = b"kh_" + b"x" * 49


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(PARENT, id="sampled"),
        pytest.param(PARENT[:-2] + b"00", id="not-sampled"),
        pytest.param(PARENT[:-2] + b"ff", id="flags-of-tomorrow"),
        pytest.param(b"cc" + PARENT[2:], id="a-later-version"),
        pytest.param(b"01" + PARENT[2:] + b"-what-may-come", id="a-later-version-that-says-more"),
        pytest.param(b"fe" + PARENT[2:] + b"-", id="a-later-version-that-ends-in-a-sign"),
    ],
)
def test_a_whole_value_counts_and_tells_the_trace(value: bytes) -> None:
    assert parent_in([value], []) == value
    assert trace_id_of(value) == TRACE.decode()


BROKEN = {
    "empty": b"",
    "version-ff": b"ff" + PARENT[2:],
    "version-00-says-more": PARENT + b"-more",
    "a-later-version-without-a-dash": b"01" + PARENT[2:] + b".more",
    "upper-case": PARENT.upper(),
    "upper-case-version": b"0A" + PARENT[2:],
    "trace-of-zeros": PARENT.replace(TRACE, b"0" * 32),
    "span-of-zeros": PARENT.replace(SPAN, b"0" * 16),
    "short-trace": PARENT.replace(TRACE, TRACE[:-1]),
    "long-trace": PARENT.replace(TRACE, TRACE + b"a"),
    "no-hexadecimal": PARENT.replace(TRACE, b"g" + TRACE[1:]),
    "short-flags": PARENT[:-1],
    "no-dashes": PARENT.replace(b"-", b"_"),
    "a-list": PARENT + b", " + PARENT,
    "blank": b" " + PARENT,
    "line-end": PARENT + b"\n",
    "a-line-end-in-a-later-version": b"01" + PARENT[2:] + b"-\n",
    "a-key": KEY,
    "beyond-ascii": "٣".encode() + PARENT,
}


@pytest.mark.parametrize("value", BROKEN.values(), ids=BROKEN)
def test_what_is_not_whole_does_not_count(value: bytes) -> None:
    assert parent_in([value], []) is None


def test_none_and_two_do_not_count() -> None:
    assert parent_in([], []) is None
    assert parent_in([PARENT, PARENT], []) is None


def test_one_that_is_for_this_hop_alone_does_not_count() -> None:
    assert parent_in([PARENT], [b"close, TraceParent"]) is None
    assert parent_in([PARENT], [b"close"]) == PARENT


def test_it_is_found_among_fields_as_they_came() -> None:
    assert parent_of(((b"Host", b"h"), (b"TraceParent", b"  " + PARENT + b"\t"))) == PARENT
    assert parent_of(((b"traceparent", PARENT), (b"TRACEPARENT", PARENT))) is None
    assert parent_of(((b"traceparent", PARENT), (b"Connection", b"traceparent"))) is None


@given(st.binary(max_size=80) | st.from_regex(rb"[0-9a-f]{2}-[0-9a-f]{31,33}-[0-9a-f]{16}-[0-9a-f]{2}"))
def test_whatever_counts_tells_32_digits_in_hexadecimal(value: bytes) -> None:
    found = parent_in([value], [])
    if found is not None:
        assert len(trace_id_of(found)) == 32
        assert int(trace_id_of(found), 16) > 0
