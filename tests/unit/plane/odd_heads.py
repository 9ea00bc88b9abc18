"""Heads in pieces for the tests of what a lean plane remembers: plain, odd and broken ones."""

from hypothesis import strategies as st

from gateway.core.keys import compose_secret
from gateway.wire.request_head import Limits

KEY = compose_secret("kh", bytes(range(32))).reveal().encode()
OTHER_KEY = compose_secret("kh", bytes(range(1, 33))).reveal().encode()
TRACED = (
    *(b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", b"00-%b-%b-00" % (b"a" * 32, b"b" * 16)),
    *(b"00-%b-%b-01" % (b"0" * 32, b"b" * 16), b"00-%b-%b-01" % (b"a" * 32, b"0" * 16), b"\0", b""),
    *(b"00-%b-%b-01-x" % (b"a" * 32, b"b" * 16), b"01-%b-%b-01-x" % (b"a" * 32, b"b" * 16), b"00-A"),
)

METHODS = (b"GET", b"HEAD", b"POST", b"OPTIONS", b"get", b"CONNECT", b"BREW", b"PROPFIND", b"GE T", b"")
TARGETS = (
    *(
        b"/any/x",
        b"/any/y?page=2",
        b"/any/?",
        b"/open/a;b",
        b"/lost",
        b"/home",
        b"/no",
        b"/.keyhatch/me",
        b"*",
    ),
    *(b"/any//x", b"/any/%41", b"/any/../open/x", b"/any/x#y", b"/any/x?q=%zz", b"http://gate.example/any/x"),
    *(
        b"/any/x?api_key=" + KEY,
        b"/any/x?access_token=sk-1",
        b"/any/x?q=" + KEY,
        b"/any/" + KEY,
        b"/any/x?a=<",
    ),
    *(b"/shared/x", b"/shared/half", b"/shared/?access_token=" + KEY),
    *(b"/moved/x?page=2", b"/moved", b"/moved?x", b"/moved/x?access_token=" + KEY),
    *(b"/any/x\t", b"/any/x y", b"/any/\xc3\xa9", b"/any/" + b"y" * 300, b""),
)
VERSIONS = (b"HTTP/1.1", b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"http/1.1", b"HTTP/1.1 ", b"")
FIELDS = (
    *(b"Content-Length: 3", b"Content-Length: 44", b"content-length: 044", b"Content-Length: 0"),
    *(b"Content-Length: ", b"Content-Length: \x00", b"Content-Length: 3, 3", b"Content-Length:3"),
    *(b"Content-Length: 999999999999999999", b"Content-Length: 9999999999999999999", b"Content-Length: +3"),
    *(b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip", b"Expect: 100-continue", b"Expect: 200-ok"),
    *(b"X-A: b", b"X_A: b", b"X-A : b", b" folded", b"X-A: \x00", b"X-A: \r", b"X-A: Content-Length: 3"),
    *(b"Origin: https://a.example", b"Origin: null", b"Access-Control-Request-Method: POST"),
    b"Origin: https://a.example\r\nAccess-Control-Request-Method: POST",
    *(b"Connection: close", b"Connection: x-a", b"X-Forwarded-For: 10.0.0.1", b"X-Request-Id: mine-1"),
    *(b"Accept: text/event-stream", b"Authorization: Bearer " + OTHER_KEY, b"Authorization: Bearer sk-1"),
    *(b"Authorization: Basic eDp5", b"Cookie: a=" + KEY, b"X-Keyhatch-Owner: root", b"Host: other.example"),
    *(b"Connection: Upgrade\r\nUpgrade: websocket", b"Connection: Upgrade\r\nUpgrade: h2c", b"\nX-B: c"),
    *(b"Connection: traceparent", b"traceparent: " + TRACED[0], b"TRACEPARENT: x", b"Tracestate: a=b"),
)
LIMITS = (
    Limits(),
    Limits(body_bytes_max=10),
    Limits(target_bytes_max=256),
    Limits(head_bytes_max=1024),
    Limits(head_bytes_max=4096, fields_max=4),
)

BASE = {"method": b"POST", "target": b"/any/x", "version": b"HTTP/1.1", "length": b"3", "peer": b"10.1.1.1"}
BASE["parent"] = TRACED[0]
TRACE_SPELLINGS = (
    b"traceparent: %b",
    b"Traceparent: %b",
    b"TraceParent: %b",
    b"traceparent:%b",
    b"traceparent: %b ",
)
SPELLINGS = (
    *(b"Content-Length: %b", b"content-length: %b", b"CONTENT-LENGTH: %b", b"Content-LENGTH: %b"),
    *(b"Content-Length:%b", b"Content-Length:  %b", b"Content-Length:\t%b", b"Content-Length: %b ", b""),
)
CHANGES = st.one_of(
    *(
        st.tuples(st.just(part), st.sampled_from(values))
        for part, values in {
            "method": METHODS,
            "target": (
                *TARGETS,
                b"/shared/y",
                b"/shared/half",
                b"/moved/y",
                b"/any/y",
                b"/any/" + b"y" * 700,
            ),
            "version": VERSIONS,
            "length": (b"44", b"\0", b"", b"044", b"+3"),
            "peer": (b"10.1.1.2",),
            "parent": TRACED[1:],
        }.items()
    )
)
