"""Guarantees of deploy/proxies: behind nginx and Caddy all is as without them, and no key is in their logs.

One upstream, one gateway and one of each proxy serve all of these tests.
"""

import asyncio
import http.client
import json
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import WSMsgType, web

from gateway.keeper.desk import KeyDraft
from gateway.tls.self_signed import self_signed
from gateway.wire.headers import CLAIMS
from tests.support.front_proxies import (
    ADMIN_NAME,
    CALLER,
    NAME,
    NAMES,
    CaddyInFront,
    FrontProxy,
    NginxInFront,
)
from tests.support.programs import program
from tests.support.real_upstreams import free_port
from tests.support.running_gateway import Home, RunningGateway, eventually
from tests.support.tls_caller import client_pair, write_pair
from tests.support.watched_upstream import WatchedUpstream

BY_ITSELF = """
server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://keyhatch/; proxy_set_header Host $http_host; }}
}}
"""
"""What the comment in nginx.conf warns of: a slash behind the name."""


AT_HOME = {"from": ["127.0.0.1/32"], "scopes": []}
"""This machine: where the proxy calls from."""


class Upstream(WatchedUpstream):
    """Streams as the test asks, counts bodies, echoes on a WebSocket, answers anything else."""

    def __init__(self) -> None:
        super().__init__(
            [
                web.get("/events", self._tell),
                web.get("/lines", self._tell),
                web.post("/size", self._count),
                web.get("/ws", self._talk),
                web.get("/moved", self._lead_on),
                web.route("*", "/{tail:.*}", self._answer),
            ]
        )
        self._asked: asyncio.Queue[bytes] = asyncio.Queue()

    def tell(self, piece: bytes) -> None:
        """Let the stream that is open go on by a piece."""
        self.call(lambda: self._asked.put_nowait(piece))

    async def _tell(self, request: web.Request) -> web.StreamResponse:
        kind = {"/events": "text/event-stream", "/lines": "application/x-ndjson"}[request.path]
        response = web.StreamResponse(headers={"Content-Type": kind})
        await response.prepare(request)
        while piece := await self._asked.get():
            await response.write(piece)
        return response

    async def _count(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"bytes": len(await request.read())})

    async def _talk(self, request: web.Request) -> web.StreamResponse:
        talk = web.WebSocketResponse()
        await talk.prepare(request)
        async for message in talk:
            if message.type is WSMsgType.TEXT:
                await talk.send_str(message.data)
        return talk

    async def _lead_on(self, _: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    async def _answer(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"hello": True})


@dataclass(frozen=True)
class Stand:
    """What all tests share."""

    upstream: Upstream
    gateway: RunningGateway
    fronts: dict[str, FrontProxy]
    key: str
    bound_key: str
    path_key: str
    trusting: ssl.SSLContext
    operators: ssl.SSLContext
    plain_port: int


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    folders = {name: tmp_path_factory.mktemp(name) for name in ("nginx", "caddy", "home")}
    pair, operator = self_signed(NAMES, time.time(), 30), client_pair()
    trusting, operators = (
        ssl.create_default_context(cadata=pair.certificate.decode("ascii")) for _ in range(2)
    )
    for folder in folders.values():
        write_pair(folder, pair, "keyhatch")
        operators.load_cert_chain(*write_pair(folder, operator, "operators"))
    home = Home(folders["home"])
    plain_port = free_port()
    with Upstream() as upstream:
        home.configure(
            upstream.url,
            [
                {"id": "all", "path": "/**", "upstream": "main", "scopes": [], "encoded_slash": "allow"},
                {"id": "home", "path": "/home", "upstream": "main", "scopes": [], "anonymous": AT_HOME},
            ],
            server={
                "proxy": "127.0.0.1:0",
                "admin": "127.0.0.1:0",
                "names": [NAME],
                "admin_names": [ADMIN_NAME],
                "trusted_proxies": ["127.0.0.1/32"],
            },
        )
        with home.serve() as gateway:
            slash = BY_ITSELF.format(port=plain_port)
            nginx = NginxInFront(
                folders["nginx"], gateway.port, trusting, admin_port=gateway.admin_port, more=slash
            )
            with nginx, CaddyInFront(folders["caddy"], gateway.port, trusting) as caddy:
                yield Stand(
                    upstream,
                    gateway,
                    fronts={"nginx": nginx, "caddy": caddy},
                    key=make(home, "Any"),
                    bound_key=make(home, "Bound", allow_from=f"{CALLER}/32"),
                    path_key=make(home, "Radio", in_path=True),
                    trusting=trusting,
                    operators=operators,
                    plain_port=plain_port,
                )


def make(home: Home, name: str, *, allow_from: str = "", in_path: bool = False) -> str:
    """The secret of a new key."""
    draft = KeyDraft(name=name, scopes=(), allow_from=(allow_from,) if allow_from else (), in_path=in_path)
    return home.manage(lambda desk: desk.create(draft))[1].reveal()


@pytest.fixture(params=["nginx", "caddy"])
def front(request: pytest.FixtureRequest, stand: Stand) -> FrontProxy:
    """One proxy after the other."""
    return stand.fronts[request.param]


def test_a_key_makes_200_of_401(front: FrontProxy, stand: Stand) -> None:
    refused = front.ask("/hello")
    assert (refused.status, refused.reason) == (401, "credential_missing")
    assert refused.headers["www-authenticate"].startswith('Bearer realm="keyhatch"')
    assert front.ask("/hello", key=stand.key).data == {"hello": True}


def test_http_2_is_spoken(front: FrontProxy, stand: Stand) -> None:
    done = subprocess.run(
        [
            *(program("curl"), "-sS", "--http2", "--cacert", str(front.folder / "keyhatch.crt")),
            *("--connect-to", f"::127.0.0.1:{front.port}", "-w", " %{http_version} %{http_code}", "-K", "-"),
            f"https://{NAME}:{front.port}/hello",
        ],
        input=f'header = "X-API-Key: {stand.key}"\n',
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    assert done.stdout == '{"hello": true} 2 200'


def test_a_key_that_is_bound_to_an_address_works_from_there_alone_whatever_a_caller_claims(
    front: FrontProxy, stand: Stand
) -> None:
    assert front.ask("/hello", key=stand.bound_key).status == 200
    lie = {"X-Forwarded-For": CALLER, "Forwarded": f"for={CALLER}", "X-Real-IP": CALLER}
    lie |= {"Connection": "X-Forwarded-For, close"}  # which would have it dropped as hop-by-hop
    refused = front.ask("/hello", key=stand.bound_key, source="127.0.0.3", headers=lie)
    assert (refused.status, refused.reason) == (403, "address_not_allowed")
    assert "127.0.0.3" in refused.message


def test_whoever_comes_through_the_proxy_is_not_taken_for_this_machine(
    front: FrontProxy, stand: Stand
) -> None:
    assert stand.gateway.ask("/home").status == 200
    for lie in ({}, {"X-Forwarded-For": "127.0.0.1"}, {"Connection": "X-Forwarded-For, close"}):
        assert front.ask("/home", headers=lie).reason == "credential_missing"
    assert front.ask("/home", source="127.0.0.1").status == 200


def test_the_server_behind_is_told_who_called_and_by_which_name_and_none_of_the_callers_own_claims(
    front: FrontProxy, stand: Stand
) -> None:
    claims = {name.decode("ascii"): "/admin" for name in CLAIMS}
    claims |= {f"x-forwarded-{what}": "/admin" for what in ("for", "host", "proto", "prefix", "port", "user")}
    claims |= {"X_Forwarded_User": "root", "X_Original_Url": "/admin", "X_Keyhatch_Owner": "root"}
    claims |= {"X~Real~IP": "root", "X+Forwarded+User": "root"}
    assert front.ask("/claims", key=stand.key, headers=claims).status == 200
    told = dict(stand.upstream.last("/claims").headers)
    assert told.pop("x-forwarded-for") == f"{CALLER}, 127.0.0.1"
    assert told.pop("x-forwarded-proto") == "https"
    assert told.pop("x-forwarded-host") == f"{NAME}:{front.port}"
    assert [name for name, value in told.items() if value in {"/admin", "root"}] == []


@pytest.mark.parametrize("path", ["/events", "/lines"])
def test_a_stream_arrives_piece_by_piece(front: FrontProxy, stand: Stand, path: str) -> None:
    with front.stream(path, key=stand.key) as answer:
        for piece in (b"data: one\n", b"data: two\n", b"data: three\n"):
            stand.upstream.tell(piece)
            assert answer.readline() == piece
        stand.upstream.tell(b"")
        assert answer.read() == b""


@pytest.mark.parametrize("path", ["/events", "/lines"])
def test_a_caller_that_leaves_stops_the_work_behind(front: FrontProxy, stand: Stand, path: str) -> None:
    before = stand.upstream.left[path]
    with front.stream(path, key=stand.key) as answer:
        stand.upstream.tell(b"data: one\n")
        assert answer.readline() == b"data: one\n"
    eventually(lambda: stand.upstream.left[path] == before + 1, "the work behind is stopped")


def test_a_websocket_passes_with_its_key_in_the_query(front: FrontProxy, stand: Stand) -> None:
    with front.socket(f"/ws?access_token={stand.key}&room=7") as talk:
        for text in ("grüß dich", "x" * 300_000):
            talk.send(text)
            assert talk.recv(timeout=20) == text
    assert stand.upstream.last("/ws").target == "/ws?room=7"


def test_a_large_body_passes_and_is_not_kept_on_the_way(front: FrontProxy, stand: Stand) -> None:
    def half_and_half() -> Iterator[bytes]:
        yield b"x" * 10_000_000
        eventually(lambda: stand.gateway.metric("keyhatch_requests_in_flight"), "the gateway knows of it")
        yield b"x" * 10_000_000

    eventually(lambda: not stand.gateway.metric("keyhatch_requests_in_flight"), "nothing else is under way")
    assert front.ask("/size", "POST", key=stand.key, body=half_and_half()).data == {"bytes": 20_000_000}


def test_a_head_as_large_as_the_gateway_takes_passes(front: FrontProxy) -> None:
    assert front.ask("/hello", headers={"X-Large": "x" * 30_000}).reason == "credential_missing"
    assert front.ask("/hello", headers={"X-Large": "x" * 40_000}).status in {400, 431}


@pytest.mark.parametrize(
    "target",
    [
        *("/a%2Fb", "/a/%7Eb", "/a/~b", "/caf%C3%A9", "/caf%c3%a9", "/a%20b", "/a;v=1/b", "/a:b@c!$'()*,"),
        *("/a?x=%2F%26&&y", "/a?x=a+b;c", "/a?", "/a?x=[1]", "/A/b/"),
        *("/a//b", "/a/./b", "/a/../b", "/a/%2e%2e/b", "/a%5Cb", "/a%00b", "/a%25b"),
    ],
)
def test_a_target_arrives_as_it_was_sent_or_not_at_all(front: FrontProxy, stand: Stand, target: str) -> None:
    asked = len(stand.upstream.seen)
    direct = stand.gateway.ask(target, key=stand.key)
    answer = front.ask(target, key=stand.key)
    assert answer.status == direct.status
    arrived = [each.target for each in stand.upstream.seen[asked:]]
    assert arrived == ([target, target] if direct.status == 200 else [])


def test_a_slash_behind_the_name_would_have_another_request_judged_than_was_sent(stand: Stand) -> None:
    def ask_by_itself(target: str) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", stand.plain_port, timeout=10)
        connection.request("GET", target, headers={"X-API-Key": stand.key})
        assert connection.getresponse().status == 200
        connection.close()
        return stand.upstream.seen[-1].target

    assert ask_by_itself("/open/%2e%2e/secret") == "/secret"
    assert ask_by_itself("/files/a%2Fb") == "/files/a/b"


def test_the_admin_listener_is_not_behind_the_callers_name(front: FrontProxy, stand: Stand) -> None:
    assert front.ask("/metrics", key=stand.key).data == {"hello": True}
    assert front.ask("/api/v1/keys").reason == "credential_missing"


def ask_admin(stand: Stand, context: ssl.SSLContext, name: str) -> int:
    """The status of a request to the admin listener, under a TLS connection made for `name`."""
    connection = http.client.HTTPConnection(ADMIN_NAME, stand.fronts["nginx"].port, timeout=10)
    connection.sock = stand.fronts["nginx"].connect(name=name, context=context)
    connection.request("GET", "/healthz")
    status = connection.getresponse().status
    connection.close()
    return status


def test_where_nginx_publishes_the_admin_listener_a_certificate_is_needed(stand: Stand) -> None:
    assert ask_admin(stand, stand.operators, ADMIN_NAME) == 200
    assert ask_admin(stand, stand.trusting, ADMIN_NAME) == 400
    assert ask_admin(stand, stand.trusting, NAME) == 421, "another name in the handshake opens nothing"


def say_the_key_everywhere(front: FrontProxy, stand: Stand) -> None:
    """Requests with keys in all the places where a proxy could log them."""
    referer = {"Referer": f"https://{NAME}/?access_token={stand.key}", "X-API-Key": stand.key}
    front.ask("/hello", headers=referer)
    front.ask(f"/events?access_token={stand.key}", "POST", headers={"Accept": "text/event-stream"})
    front.ask(f"/k/{stand.path_key}/moved")
    front.ask("/" + "x" * 9_000 + f"?access_token={stand.key}")
    with front.connect() as raw:
        raw.sendall(f"GET /%zz?access_token={stand.key} HTTP/1.1\r\nHost: {NAME}\r\n".encode())
        raw.sendall(b"Connection: close\r\n\r\n")
        while raw.recv(65_536):
            pass


def test_no_key_stands_in_a_log_also_where_things_go_wrong(
    front: FrontProxy, stand: Stand, tmp_path: Path
) -> None:
    say_the_key_everywhere(front, stand)
    moved = front.ask(f"/k/{stand.path_key}/moved").headers["location"]
    assert stand.path_key in moved, "what is answered may hold a key, too"
    with before_nobody(front, stand, tmp_path) as dead:
        say_the_key_everywhere(dead, stand)
    assert " 502 " in dead.access_log or '"status":502' in dead.access_log
    for each in (front, dead):
        assert CALLER in each.access_log
        for secret in (stand.key, stand.bound_key, stand.path_key):
            assert secret not in each.logged()
            assert secret[3:20] not in each.logged()


def test_whoever_takes_every_connection_of_nginx_has_it_log_no_key_of_others(
    stand: Stand, tmp_path: Path
) -> None:
    with before_nobody(stand.fronts["nginx"], stand, tmp_path) as nginx, ExitStack() as until_done:
        held: list[ssl.SSLSocket] = []
        with suppress(OSError):
            while True:
                held.append(until_done.enter_context(nginx.connect("127.0.0.9")))
                held[-1].sendall(f"GET / HTTP/1.1\r\nHost: {NAME}\r\nX-Slow: ".encode())
        held.pop().close()
        assert nginx.ask(f"/k/{stand.path_key}/hello?access_token={stand.key}").status == 500
        assert stand.path_key not in nginx.logged()
        assert stand.key not in nginx.logged()


def before_nobody(front: FrontProxy, stand: Stand, folder: Path) -> FrontProxy:
    """The same proxy before a gateway that is not there."""
    for name in ("keyhatch.crt", "keyhatch.key", "operators.crt"):
        (folder / name).write_bytes((front.folder / name).read_bytes())
    return type(front)(folder, free_port(), stand.trusting)


def test_the_log_of_nginx_and_that_of_the_gateway_tell_of_a_request_under_one_id(stand: Stand) -> None:
    answer = stand.fronts["nginx"].ask("/hello", key=stand.key)
    id_of_request = answer.headers["x-request-id"]
    eventually(lambda: id_of_request in stand.fronts["nginx"].access_log, "nginx has logged it")
    (line,) = eventually(lambda: stand.gateway.lines(request_id=id_of_request), "and so has the gateway")
    assert line["path"] == "/hello"
    assert json.dumps(line).count(CALLER) == 1
