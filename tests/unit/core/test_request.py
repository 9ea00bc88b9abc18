"""Guarantees of gateway/core/request.py: a target is taken as it came, or refused with the rule it breaks."""

import pytest

from gateway.core.refusal import Deny, Reason
from gateway.core.request import Kind, Target, ambiguous, fold, may_be_kept, read_target
from tests.unit.core.samples import A, target, view

# What real clients of the servers we stand before ask for. None of it may be refused.
LEGITIMATE = {
    "root": "/",
    "ollama-tags": "/api/tags",
    "ollama-blob": "/api/blobs/sha256:29fdb92e57cf0827ded04ae6461b5931d01fa595843f55d36f5b275a52087dd2",
    "ollama-registry": "/v2/library/llama3.2/manifests/3b-instruct-q4_K_M",
    "openai-chat": "/v1/chat/completions",
    "openai-fine-tune": "/v1/models/ft:gpt-4o-mini-2024-07-18:acme::7qTVM5AR",
    "openai-realtime": "/v1/realtime?model=gpt-4o-realtime-preview",
    "azure": "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
    "gemini": "/v1beta/models/gemini-2.0-flash:streamGenerateContent?alt=sse",
    "anthropic": "/v1/messages/count_tokens?beta=true",
    "elevenlabs": "/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM/stream-input?output_format=mp3_44100_128",
    "hf-file": "/TheBloke/Mistral-7B-Instruct-v0.2-GGUF/resolve/main/mistral-7b-instruct-v0.2.Q4_K_M.gguf",
    "lm-studio-model": "/api/v0/models/lmstudio-community/Meta-Llama-3.1-8B-Instruct-GGUF",
    "trailing-slash": "/tts_to_audio/",
    "comfy-view": "/view?filename=ComfyUI_00001_.png&subfolder=..%2Fx&type=output",
    "comfy-socket": "/ws?clientId=0f8fad5b-d9cb-469f-a165-70867728950e",
    "gradio-file": "/file=/tmp/gradio/4f2c/image.png",
    "a1111": "/sdapi/v1/txt2img",
    "open-webui-socket": "/ws/socket.io/?EIO=4&transport=websocket&sid=aB-_9",
    "signalr": "/hub?id=F2wLpQ3Vb1cRkA%2BzYw%3D%3D",
    "voxta": "/api/tts/gens/7c9e6679-7425-40de-944b-e07fc1f90ae7?pcm=true",
    "home-assistant-state": "/api/states/light.living_room",
    "home-assistant-history": "/api/history/period/2026-11-01T00:00:00+01:00?filter_entity_id=sensor.t",
    "home-assistant-history-encoded": "/api/history/period/2026-11-01T00%3A00%3A00%2B01%3A00",
    "home-assistant-bundle": "/frontend_latest/app.9c1b7e2f.js",
    "home-assistant-authorize": "/auth/authorize?redirect_uri=http%3A%2F%2Fha%3A8123%2F%3Fx%3D1&state=a",
    "home-assistant-media": "/media/local/Queen%20-%20Don%27t%20Stop%20Me%20Now.mp3?authSig=eyJ.x.y",
    "dot-in-front": "/.well-known/oauth-protected-resource",
    "matrix-room": "/_matrix/client/v3/directory/room/%23keyhatch%3Aexample.org",
    "odata": "/odata/Products('a%2Cb')?$filter=price%20gt%2010",
    "webdav": "/remote.php/dav/files/ada/Notes%20(old)/R%26D%20100%25.md",
    "umlaut": "/media/local/Gr%C3%BC%C3%9Fe%20aus%20K%C3%B6ln.ogg",
    "japanese": "/%E9%9F%B3%E6%A5%BD/%E3%81%93%E3%82%8C%E3%81%AF%EF%BC%9F%EF%BC%88%E7%B5%82%EF%BC%89.mp3",
    "ellipsis": "/media/To%20be%20continued%E2%80%A6/1.mp3",
    "emoji": "/chat/%F0%9F%94%91",
    "joined-emoji": "/chat/%F0%9F%91%A9%E2%80%8D%F0%9F%94%AC.png",
    "sub-delims": "/a!$&'()*+,=:@-._~/b",
    "matrix-parameters": "/cars;colour=red/wheels;size=17",
    "brackets-and-pipe": "/a[0]|b^c",
    "name-with-dots": "/wiki/Mr.%20Robot/v1..2/x...y",
    "deep": "/" + "/".join("abcdefghij"),
    "raw-query": '/search?q={a|b}\\c`d^e"f<g>[h]&&=;/?:@',
    "empty-query": "/search?",
    "question-in-query": "/search?a=?b",
}

BREAKS = {
    "origin": "origin-form",
    "fragment": "fragment",
    "path-char": "path holds a character",
    "query-char": "query holds a character",
    "percent": "two hexadecimal digits",
    "utf-8": "not UTF-8",
    "slash": "encoded '/'",
    "backslash": "backslash",
    "control": "control characters",
    "empty": "empty segment",
    "dots": "dot segments",
    "many": "too many times",
    "lookalike": "look-alike of '%'",
}

REFUSED = [
    ("origin", b""),
    ("origin", b"*"),
    ("origin", b"?x"),
    ("origin", b"admin/keys"),
    ("origin", b"http://h/admin/keys"),
    ("origin", b"http:/admin"),
    ("origin", b"h:443"),
    ("origin", b"\\admin"),
    ("origin", b" /admin"),
    ("origin", b"%2fadmin"),
    ("fragment", b"/admin/keys#/public"),
    ("fragment", b"/public?x#y"),
    ("fragment", b"/#"),
    ("path-char", b"/public\\..\\admin"),
    ("path-char", b"/a b"),
    ("path-char", b"/a\tb"),
    ("path-char", b"/a\r\nX: y"),
    ("path-char", b"/a\n"),
    ("path-char", b"/a\0"),
    ("path-char", b"/a\x7f"),
    ("path-char", "/admın".encode()),
    ("path-char", b"/caf\xe9"),
    ("path-char", b'/a"b'),
    ("path-char", b"/a<b>"),
    ("path-char", b"/a{b}"),
    ("path-char", b"/a`b"),
    ("query-char", b"/a?b c"),
    ("query-char", b"/a?b\n"),
    ("query-char", b"/a?b\0"),
    ("query-char", b"/a?b\x7f"),
    ("query-char", "/a?ü".encode()),
    ("percent", b"/a%"),
    ("percent", b"/a%4"),
    ("percent", b"/a%zz"),
    ("percent", b"/100%"),
    ("percent", b"/%u002e/a"),
    ("percent", b"/%%32e"),
    ("utf-8", b"/public/..%c0%af../"),
    ("utf-8", b"/%c0%ae%c0%ae/admin"),
    ("utf-8", b"/%ff"),
    ("utf-8", b"/caf%e9"),
    ("utf-8", b"/%ed%a0%80"),
    ("utf-8", b"/%25ff"),
    ("slash", b"/admin%2fkeys"),
    ("slash", b"/admin%2Fkeys"),
    ("slash", b"/admin%252fkeys"),
    ("slash", b"/admin%25252fkeys"),
    ("slash", b"/public/%2e%2e%2fadmin"),
    ("slash", b"/admin%ef%bc%8fkeys"),
    ("slash", b"/%e2%84%80"),
    ("backslash", b"/admin%5ckeys"),
    ("backslash", b"/admin%5Ckeys"),
    ("backslash", b"/public/..%5cadmin"),
    ("backslash", b"/admin%255ckeys"),
    ("backslash", b"/admin%ef%bc%bckeys"),
    ("control", b"/admin/keys%00"),
    ("control", b"/admin/keys%0a"),
    ("control", b"/admin/keys%0d%0aX:%20y"),
    ("control", b"/admin/keys%09"),
    ("control", b"/admin/keys%7f"),
    ("control", b"/admin/keys%1f"),
    ("control", b"/admin/keys%2500"),
    ("control", b"/admin/keys%c2%85"),
    ("empty", b"//admin/keys"),
    ("empty", b"//"),
    ("empty", b"///"),
    ("empty", b"/admin//keys"),
    ("empty", b"/admin/keys//"),
    ("empty", b"//evil/admin/keys"),
    ("empty", b"/admin/;x/keys"),
    ("empty", b"/;/admin/keys"),
    ("empty", b"/%3b/admin/keys"),
    ("dots", b"/."),
    ("dots", b"/.."),
    ("dots", b"/..."),
    ("dots", b"/./admin/keys"),
    ("dots", b"/public/../admin/keys"),
    ("dots", b"/public/..;/admin/keys"),
    ("dots", b"/public/..;a=b/admin/keys"),
    ("dots", b"/public/.;/admin"),
    ("dots", b"/public/.%2e/admin/keys"),
    ("dots", b"/public/%2e%2e/admin/keys"),
    ("dots", b"/public/%252e%252e/admin/keys"),
    ("dots", b"/public/%25252e%25252e/admin/keys"),
    ("dots", b"/public/x/.."),
    ("dots", b"/public/%2e"),
    ("dots", b"/public/..%20/admin"),
    ("dots", b"/public/%20../admin"),
    ("dots", b"/public/%20/admin"),
    ("dots", b"/public/x%3f/../admin"),
    ("dots", b"/public/..%3fx"),
    ("dots", b"/public/..%23x"),
    ("dots", b"/%ef%bc%8e%ef%bc%8e/admin"),
    ("dots", b"/public/%e2%80%a5/admin"),
    ("dots", b"/public/%e2%80%a4%2e/admin"),
    ("dots", b"/public/.%e2%80%8c./admin"),
    ("dots", b"/public/..%ef%bb%bf/admin"),
    ("empty", b"/admin/%e2%80%8b/keys"),
    ("dots", b"/public/..%ef%bc%9bx/admin"),
    ("dots", b"/public/..%ef%bc%9fx"),
    ("many", b"/%2525252541"),
    ("lookalike", b"/%ef%bc%852e%ef%bc%852e/admin"),
    ("lookalike", b"/%ef%bc%8561dmin"),
    ("lookalike", b"/%25ef%25bc%258561dmin"),
    ("lookalike", b"/%256%ef%bc%91dmin"),
    ("lookalike", b"/%256a%cc%81"),
    ("lookalike", b"/%25%e2%80%8c61dmin"),
]


@pytest.mark.parametrize("raw", LEGITIMATE.values(), ids=LEGITIMATE)
def test_what_real_clients_ask_for_is_accepted_byte_for_byte(raw: str) -> None:
    accepted = target(raw)
    path, _, query = raw.partition("?")
    assert (accepted.raw, accepted.path, accepted.query) == (raw.encode(), path, query.encode())
    assert "/" + "/".join(accepted.segments) == path


@pytest.mark.parametrize(("rule", "raw"), REFUSED, ids=[f"{rule} {raw!r}" for rule, raw in REFUSED])
def test_what_two_servers_could_read_in_two_ways_is_refused_with_its_rule(rule: str, raw: bytes) -> None:
    refused = read_target(raw)
    assert isinstance(refused, Deny), refused
    assert refused.reason is Reason.TARGET_AMBIGUOUS
    assert BREAKS[rule] in refused.facts["rule"]


def test_every_rule_is_put_to_the_test() -> None:
    assert {rule for rule, _ in REFUSED} == set(BREAKS)


def test_a_refusal_never_repeats_what_was_sent() -> None:
    refused = read_target(f"/{A}/..?api_key={A}".encode())
    assert isinstance(refused, Deny)
    assert A not in repr(refused)


@pytest.mark.parametrize(
    ("raw", "readings"),
    [
        pytest.param("/", {()}, id="root"),
        pytest.param("/a/b", {("a", "b")}, id="plain"),
        pytest.param("/a/b/", {("a", "b")}, id="trailing-slash"),
        pytest.param("/A/b", {("a", "b")}, id="case"),
        pytest.param("/%61/b", {("a", "b")}, id="encoded"),
        pytest.param("/%2561/b", {("%61", "b"), ("a", "b")}, id="encoded-twice"),
        pytest.param("/%252561", {("%2561",), ("%61",), ("a",)}, id="encoded-three-times"),
        pytest.param("/%25252561", {("%252561",), ("%2561",), ("%61",), ("a",)}, id="encoded-four-times"),
        pytest.param("/100%25", {("100%",)}, id="a-percent-sign"),
        pytest.param("/a;x=1/b;y", {("a;x=1", "b;y"), ("a", "b")}, id="parameters"),
        pytest.param("/a%3Bx/b", {("a;x", "b"), ("a", "b")}, id="encoded-parameters"),
        pytest.param("/a/;x", {("a", ";x"), ("a",)}, id="only-parameters"),
        pytest.param("/a%3Fx/b", {("a?x", "b"), ("a",)}, id="encoded-question-mark"),
        pytest.param("/a%23x/b", {("a#x", "b"), ("a",)}, id="encoded-hash"),
        pytest.param("/a;p%3Fx", {("a;p?x",), ("a;p",), ("a",)}, id="parameters-and-question-mark"),
        pytest.param("/a/%3Fx", {("a", "?x"), ("a",)}, id="question-mark-first"),
        pytest.param("/a./b../c%20", {("a", "b", "c")}, id="dots-and-blanks-at-the-end"),
        pytest.param("/a.%20.", {("a",)}, id="dots-and-blanks-mixed"),
        pytest.param("/a%C2%A0", {("a",)}, id="no-break-space"),
        pytest.param("/%20a/%C2%A0%20b%20c", {("a", "b c")}, id="blanks-in-front"),
        pytest.param("/.a/..b/%20.c", {(".a", "..b", ".c")}, id="dots-in-front-stay"),
        pytest.param("/api../x", {("api", "x")}, id="prefix-with-dots"),
        pytest.param("/adm%C4%B1n", {("admin",)}, id="dotless-i"),
        pytest.param("/adm%C4%B0n", {("admin",)}, id="dotted-capital-i"),
        pytest.param("/adm%49%CC%87n", {("admin",)}, id="capital-i-and-combining-dot"),
        pytest.param("/adm%E2%80%8Cin%C2%AD", {("admin",)}, id="invisible-characters"),
        pytest.param("/%E2%84%AAeys", {("keys",)}, id="kelvin-sign"),
        pytest.param("/key%C5%BF", {("keys",)}, id="long-s"),
        pytest.param("/%EF%BD%81dmin", {("admin",)}, id="fullwidth-letter"),
        pytest.param("/e%CC%81", {("\u00e9",)}, id="composed"),
        pytest.param("/stra%C3%9Fe", {("strasse",)}, id="sharp-s"),
        pytest.param("/a%EF%BC%9Bx", {("a;x",), ("a",)}, id="fullwidth-semicolon"),
        pytest.param("/a%EF%BC%9Fx", {("a?x",), ("a",)}, id="fullwidth-question-mark"),
        pytest.param("/a%EF%BC%83x", {("a#x",), ("a",)}, id="fullwidth-hash"),
        pytest.param("/a%EF%BC%9Fb%3Fc", {("a?b?c",), ("a?b",), ("a",)}, id="both-question-marks"),
        pytest.param("/100%EF%BC%85", {("100%",)}, id="fullwidth-percent"),
    ],
)
def test_every_other_way_to_read_a_path_is_listed(raw: str, readings: set[tuple[str, ...]]) -> None:
    assert set(target(raw).readings) == readings


@pytest.mark.parametrize("path", ["/a", "/a/", "/A.", "/%61", "/a;x", "/a%3Fx"])
def test_the_query_changes_no_reading(path: str) -> None:
    readings = target(path).readings
    assert target(path + "?x=/../%00;%ff").readings == readings


@pytest.mark.parametrize("path", ["/", "/a", "/a/", "/Ünïcode ıſK…/b. ./", "/a%41"])
def test_folding_twice_changes_nothing(path: str) -> None:
    assert fold("/" + "/".join(fold(path))) == fold(path)


def test_the_rule_is_what_an_ambiguous_target_tells() -> None:
    assert ambiguous("why") == Deny(Reason.TARGET_AMBIGUOUS, {"rule": "why"})


def test_a_request_is_plain_unless_said_otherwise() -> None:
    assert view().kind is Kind.PLAIN


def test_a_request_shows_neither_headers_nor_query() -> None:
    shown = repr(view(("authorization", "Bearer " + A), path="/v1?api_key=" + A))
    assert "/v1" in shown
    assert A not in shown


def test_equal_bytes_are_equal_targets() -> None:
    assert read_target(b"/a?b") == read_target(b"/a?b") != read_target(b"/a?c")
    assert isinstance(read_target(b"/a"), Target)


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        pytest.param(b"/v1/models", True, id="plain"),
        pytest.param(b"/" + b"a" * 256, False, id="long"),
        pytest.param(b"/v1/kh_" + b"A1" * 25, False, id="in-the-form-of-a-key"),
        pytest.param(b"/v1/kh%5F" + b"A1" * 10, False, id="encoded"),
    ],
)
def test_only_short_and_plain_paths_are_remembered(path: bytes, kept: bool) -> None:
    assert may_be_kept(path) is kept


@pytest.mark.parametrize(
    ("path", "readings"),
    [
        ("/a%2Fb", (("a", "b"), ("a\ue000b",))),
        ("/a%2fb/C", (("a", "b", "c"), ("a\ue000b", "c"))),
        ("/a;x%2Fb/c", (("a;x", "b", "c"), ("a", "b", "c"), ("a;x\ue000b", "c"), ("a", "c"))),
        ("/a%3F%2Fb", (("a?", "b"), ("a",), ("a?\ue000b",))),
    ],
)
def test_an_encoded_slash_is_read_as_a_slash_and_as_a_part_of_a_name(
    path: str, readings: tuple[tuple[str, ...], ...]
) -> None:
    read = read_target(path.encode(), slashes=True)
    assert isinstance(read, Target)
    assert (read.raw, read.path, read.has_slash) == (path.encode(), path, True)
    assert read.readings == readings
    assert isinstance(read_target(path.encode()), Deny)


@pytest.mark.parametrize(
    "path",
    [
        "/a%2F..%2Fb",
        "/..%2Fa",
        "/a%2F%2e",
        "/a%2F%2Fb",
        "/%2Fa",
        "/a%2F/b",
        "/a%252Fb",
        "/a%252Fb%2Fc",
        "/a%5C%2Fb",
        "/a%EF%BC%8Fb%2Fc",
        "/a%25%32%46b%2Fc",
    ],
)
def test_what_is_ambiguous_with_plain_slashes_is_so_with_encoded_ones(path: str) -> None:
    assert isinstance(read_target(path.encode(), slashes=True), Deny)


def test_without_one_nothing_is_read_otherwise() -> None:
    for path in (b"/a/b", b"/a%20b;x/c", b"/" + b"a" * 300):
        assert read_target(path, slashes=True) == read_target(path)
        assert not getattr(read_target(path, slashes=True), "has_slash", True)
