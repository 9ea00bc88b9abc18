"""Targets that are read in two ways, and forms of a target that a gateway must not take.

A refusal of these leaves the connection open: their framing is sound.
"""

from tests.gauntlet.payloads.parts import get, named
from tests.support.plane_stand import request

FORMS = {
    "absolute": b"http://gate.example/any/x",
    "absolute-foreign": b"http://evil.example/any/x",
    "absolute-admin": b"http://gate.example/admin/x",
    "absolute-https": b"https://gate.example/any/x",
    "absolute-userinfo": b"http://a@gate.example/any/x",
    "absolute-ftp": b"ftp://gate.example/any/x",
    "absolute-file": b"file:///etc/passwd",
    "absolute-gopher": b"gopher://gate.example/_x",
    "absolute-javascript": b"javascript:alert(1)",
    "absolute-no-path": b"http://gate.example",
    "absolute-no-host": b"http:///any/x",
    "absolute-one-slash": b"http:/any/x",
    "absolute-query": b"http://gate.example?/any/x",
    "absolute-upper": b"HTTP://GATE.EXAMPLE/any/x",
    "authority": b"gate.example:80",
    "authority-no-port": b"gate.example",
    "authority-address": b"127.0.0.1:80",
    "asterisk": b"*",
    "asterisk-path": b"*/any/x",
    "relative": b"any/x",
    "relative-dot": b"./any/x",
    "query-alone": b"?a=b",
    "double-slash-host": b"//evil.example/any/x",
    "semicolon": b";/any/x",
    "percent-slash": b"%2fany/x",
    "backslash": b"\\any\\x",
    "at": b"@evil.example/any/x",
}
PATHS = (
    *(b"/any/../admin/x", b"/any/./x", b"/any/..", b"/any/.", b"/any/%2e%2e/admin/x", b"/any/%2e/x"),
    *(b"/any/.%2E/admin/x", b"/any/%2E./admin/x", b"/any/..;/admin/x", b"/any/..;a=b/admin/x", b"/any/.;/x"),
    *(b"/any/%252e%252e/admin/x", b"/any/%25252e%25252e/admin", b"/any/..%2fadmin", b"/any/..%5cadmin"),
    *(
        b"/any/a%2fb",
        b"/any/a%2Fb",
        b"/any/a%252fb",
        b"/any/a%5cb",
        b"/any/a%5Cb",
        b"/any/a%255cb",
        b"/any/a\\b",
    ),
    *(
        b"/any//x",
        b"//any/x",
        b"/any/x//",
        b"///any/x",
        b"/any/;/x",
        b"/any/%20/x",
        b"/any/%00",
        b"/any/x%00.png",
    ),
    *(
        b"/any/a%0ab",
        b"/any/a%0d%0ab",
        b"/any/a%09b",
        b"/any/a%7f",
        b"/any/a%1b",
        b"/any/a%01",
        b"/any/a%c2%85",
    ),
    *(
        b"/any/%",
        b"/any/%4",
        b"/any/%zz",
        b"/any/%4g",
        b"/any/%-1",
        b"/any/%u0041",
        b"/any/%ff",
        b"/any/%c0%af",
    ),
    *(b"/any/%c0%ae%c0%ae/admin", b"/any/%ed%a0%80", b"/any/%f8%88%80%80%80", b"/any/%e2%82"),
    *(b"/any/%ef%bc%8e%ef%bc%8e/admin", b"/any/%ef%bc%8fadmin", b"/any/%ef%bc%85%32%65", b"/any/%e2%80%a5/x"),
    *(
        b"/any/x#fragment",
        b"/any/x?a#fragment",
        b"/any/x#",
        b'/any/a"b',
        b"/any/a<b>",
        b"/any/a{b}",
        b"/any/a`b",
    ),
    *(
        b"/any/x?a=%00#b",
        b"/any/Vault/x",
        b"/any/VAULT",
        b"/any/%76ault/x",
        b"/any/%2576ault/x",
        b"/any/vault;x/x",
    ),
    *(b"/any/vault%3bx", b"/any/vault%3fx", b"/any/vault%23x", b"/any/vault./x", b"/any/vault%20/x"),
    *(b"/any/x;a%2f..%2f..%2fadmin", b"/any/..%c0%af../admin", b"/any/..%u2216admin", b"/any/%2e%2e%5cadmin"),
    *(
        b"/any/.%00./admin",
        b"/any/..%00/admin",
        b"/any/..%0d/admin",
        b"/any/..%09/admin",
        b"/any/%2e%2e%3b/admin",
    ),
    *(
        b"/any/%e2%80%8b./x",
        b"/any/x/%ef%bc%8e",
        b"/any/%EF%BC%BC..",
        b"/any/va%c2%adult/x",
        b"/any/..%20/admin",
    ),
)
HIGH = {
    "latin-1": b"/any/\xe9",
    "utf-8": "/any/é".encode(),
    "utf-8-dotless": "/any/vaılt".encode(),
    "high-byte": b"/any/\xff",
    "utf-8-in-query": "/any/x?é".encode(),
    "high-byte-in-query": b"/any/x?\xff",
}
STAYING = {
    **named("path", {path[1:].decode("ascii"): get(target=path) for path in PATHS}),
    **named("form", {name: get(target=target) for name, target in FORMS.items()}),
    **named(
        "form-options",
        {n: request(b"OPTIONS " + form + b" HTTP/1.1") for n, form in FORMS.items() if form != b"*"},
    ),
}
STAYING |= named("high", {name: get(target=target) for name, target in HIGH.items()})
