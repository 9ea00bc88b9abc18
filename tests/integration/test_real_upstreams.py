"""Real servers behind the real command: nginx, and Python's own `http.server` and `wsgiref`."""

import gzip
import http.client
import json
import subprocess
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tests.support.plain_caller import Answer, read
from tests.support.programs import program
from tests.support.real_upstreams import Nginx, http_server, wsgi_server
from tests.support.running_gateway import Home, RunningGateway

PAGE = b"<h1>nginx</h1>\n" * 400
PADDING = "p" * 3_000
DIRECTIVES = """
        gzip on; gzip_min_length 1; gzip_types text/html text/plain; gzip_proxied any;
        location = /asked { default_type text/plain; return 200
            "$request_method $request_uri|$http_authorization|$http_x_api_key|$http_x_keyhatch_key_name"; }
        location = /connection { default_type text/plain; return 200 "$connection"; }
        location = /old { return 301 /new/; }
        location = /elsewhere { return 302 https://other.example/there?a=b; }
        location = /padded { add_header X-Padding "PADDING"; return 200 "ok"; }
        location = /twice { add_header Set-Cookie "a=1"; add_header Set-Cookie "b=2"; return 200 "ok"; }
        location = /nothing { return 204; }
        location = /numbered { default_type text/plain; return 200 "$arg_n"; }
"""


class Rig:
    """A gateway before an upstream, and a key."""

    def __init__(self, home: Home, gateway: RunningGateway) -> None:
        self.gateway = gateway
        self.key = home.make_key("Visitor")

    def ask(self, path: str, method: str = "GET", **request: Any) -> Answer:
        """One request with the key."""
        return self.gateway.ask(path, method, key=self.key, **request)


@contextmanager
def before(url: str, folder: Path) -> Iterator[Rig]:
    home = Home(folder)
    home.configure(url)
    with home.serve() as gateway:
        yield Rig(home, gateway)


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    upstream = Nginx(tmp_path_factory.mktemp("nginx"), DIRECTIVES.replace("PADDING", PADDING))
    (upstream.site / "page.html").write_bytes(PAGE)
    (upstream.site / "folder").mkdir()
    (upstream.site / "ünïcode name.txt").write_text("grüß dich", "utf-8")
    with upstream, before(upstream.url, tmp_path_factory.mktemp("home")) as rig:
        yield rig


def test_nginx_is_asked_exactly_what_the_caller_asked_but_for_the_key(nginx: Rig) -> None:
    answer = nginx.ask("/asked?q=%2Fa%20b&q=&x=%C3%BC")
    assert answer.body == b"GET /asked?q=%2Fa%20b&q=&x=%C3%BC|||Visitor"


def test_an_authorization_that_is_not_ours_reaches_nginx_beside_our_key(nginx: Rig) -> None:
    shown = {"X-API-Key": nginx.key, "Authorization": "Bearer the-upstreams-own"}
    answer = nginx.gateway.ask("/asked", headers=shown)
    assert answer.body == b"GET /asked|Bearer the-upstreams-own||Visitor"


def test_connections_stay_open_on_both_sides(nginx: Rig) -> None:
    used = set()
    with closing(http.client.HTTPConnection("127.0.0.1", nginx.gateway.port, timeout=10)) as connection:
        connection.connect()
        first = connection.sock
        for _ in range(20):
            connection.request("GET", "/connection", headers={"X-API-Key": nginx.key})
            used.add(read(connection.getresponse()).body)
            assert connection.sock is first
    assert len(used) == 1


def test_a_range_is_206_and_an_impossible_one_416(nginx: Rig) -> None:
    part = nginx.ask("/page.html", headers={"Range": "bytes=10-29"})
    assert (part.status, part.body) == (206, PAGE[10:30])
    assert part.headers["content-range"] == f"bytes 10-29/{len(PAGE)}"
    assert nginx.ask("/page.html", headers={"Range": "bytes=999999-"}).status == 416


def test_head_has_the_length_and_no_body(nginx: Rig) -> None:
    answer = nginx.ask("/page.html", "HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["content-length"]) == len(PAGE)


@pytest.mark.parametrize(
    ("validator", "header"), [("etag", "If-None-Match"), ("last-modified", "If-Modified-Since")]
)
def test_what_has_not_changed_is_304_without_a_body(nginx: Rig, validator: str, header: str) -> None:
    first = nginx.ask("/page.html")
    assert (first.status, first.body) == (200, PAGE)
    again = nginx.ask("/page.html", headers={header: first.headers[validator]})
    assert (again.status, again.body) == (304, b"")
    assert "content-length" not in again.headers


def test_compressed_answers_pass_as_they_are(nginx: Rig) -> None:
    answer = nginx.ask("/page.html", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert len(answer.body) < len(PAGE)
    assert gzip.decompress(answer.body) == PAGE
    plain = nginx.ask("/page.html", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers


def test_redirects_are_the_callers_to_follow(nginx: Rig) -> None:
    moved = nginx.ask("/elsewhere")
    assert (moved.status, moved.headers["location"]) == (302, "https://other.example/there?a=b")
    assert nginx.ask("/old").status == 301
    assert nginx.ask("/folder").status == 301


def test_large_fields_pass_both_ways(nginx: Rig) -> None:
    assert nginx.ask("/padded").headers["x-padding"] == PADDING
    assert nginx.ask("/asked", headers={"X-Large": "x" * 6_000}).status == 200


def test_repeated_fields_stay_apart(nginx: Rig) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", nginx.gateway.port, timeout=10)) as connection:
        connection.request("GET", "/twice", headers={"X-API-Key": nginx.key})
        response = connection.getresponse()
        assert response.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
        response.read()


def test_an_answer_without_a_body_is_one(nginx: Rig) -> None:
    answer = nginx.ask("/nothing")
    assert (answer.status, answer.body) == (204, b"")


def test_encoded_names_find_their_files(nginx: Rig) -> None:
    answer = nginx.ask("/%C3%BCn%C3%AFcode%20name.txt")
    assert answer.body.decode("utf-8") == "grüß dich"


def test_what_nginx_refuses_is_nginxs_answer(nginx: Rig) -> None:
    missing = nginx.ask("/not-there")
    assert (missing.status, missing.reason) == (404, None)
    assert b"nginx" in missing.body


def test_answers_are_never_mixed_up(nginx: Rig) -> None:
    with ThreadPoolExecutor(16) as pool:
        numbers = range(300)
        found = pool.map(lambda number: nginx.ask(f"/numbered?n={number}").body, numbers)
        assert [int(body) for body in found] == list(numbers)


class Shelf(BaseHTTPRequestHandler):
    """Keeps what is PUT, in memory; HTTP/1.1."""

    protocol_version = "HTTP/1.1"
    kept: dict[str, bytes] = {}  # noqa: RUF012 - shared by all requests, as intended

    def do_PUT(self) -> None:
        new = self.path not in self.kept
        self.kept[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(201 if new else 200, b"kept")

    def do_GET(self) -> None:
        found = self.kept.get(self.path)
        self._answer(404 if found is None else 200, found or b"")

    def do_DELETE(self) -> None:
        self._answer(404 if self.kept.pop(self.path, None) is None else 204, b"")

    def do_REPORT(self) -> None:
        self._answer(207, json.dumps(sorted(self.kept)).encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        """Say nothing."""

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def test_every_method_reaches_pythons_own_server(home: Home) -> None:
    with http_server(Shelf) as upstream, before(upstream.url, home.folder) as rig:
        assert rig.ask("/a", "PUT", body=b"one").status == 201
        assert rig.ask("/a", "PUT", body=b"").status == 200
        assert rig.ask("/a", "PUT", body=b"two").status == 200
        assert rig.ask("/a").body == b"two"
        assert rig.ask("/", "REPORT").data == ["/a"]
        assert (rig.ask("/a", "DELETE").status, rig.ask("/a", "DELETE").status) == (204, 404)
        assert rig.ask("/a").status == 404


def test_curl_sends_a_large_body_only_where_the_key_was_accepted(home: Home) -> None:
    content = b"0123456789abcdef" * 100_000
    (home.folder / "large.bin").write_bytes(content)
    with http_server(Shelf) as upstream, before(upstream.url, home.folder) as rig:
        assert put_by_curl(home, rig.gateway, "kh_" + "A" * 49) == "401 0"
        assert put_by_curl(home, rig.gateway, rig.key) == f"201 {len(content)}"
        assert rig.ask("/large.bin").body == content


def put_by_curl(home: Home, gateway: RunningGateway, key: str) -> str:
    """The status, and how many bytes of the body curl sent: it waits for 100 Continue first."""
    command = [program("curl"), "--silent", "--show-error", "--config", "-", f"{gateway.url}/large.bin"]
    options = ["upload-file large.bin", "output /dev/null", 'write-out "%{http_code} %{size_upload}"']
    options += [f'header "X-API-Key: {key}"', 'header "Expect: 100-continue"', "expect100-timeout 10"]
    done = subprocess.run(
        command,
        input="\n".join(options),
        cwd=home.folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return done.stdout


def test_files_come_whole_from_a_server_that_speaks_http_1_0(home: Home) -> None:
    content = bytes(range(256)) * 4_000
    (home.folder / "site").mkdir()
    (home.folder / "site" / "data.bin").write_bytes(content)
    with http_server(_files(home)) as upstream, before(upstream.url, home.folder) as rig:
        for _ in range(3):
            assert rig.ask("/data.bin").body == content
        assert rig.ask("/data.bin", "HEAD").body == b""


def _files(home: Home) -> type[BaseHTTPRequestHandler]:
    class Files(SimpleHTTPRequestHandler):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, directory=str(home.folder / "site"), **options)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
            """Say nothing."""

    return Files


def test_an_answer_that_ends_with_its_connection_becomes_one_with_an_end(home: Home) -> None:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response("200 OK", [("X-User", environ["HTTP_X_KEYHATCH_KEY_NAME"])])
        return (part for part in (b"you sent: ", body, b"!"))  # a generator: wsgiref cannot know its length

    with wsgi_server(app) as upstream, before(upstream.url, home.folder) as rig:
        answer = rig.ask("/form", "POST", body=b"hello")
        assert answer.body == b"you sent: hello!"
        assert answer.headers["x-user"] == "Visitor"
        assert answer.headers["transfer-encoding"] == "chunked"


def test_nginx_keeps_a_large_upload_and_gives_it_back_in_parts(tmp_path: Path) -> None:
    content = bytes(range(256)) * 80_000
    upstream = Nginx(tmp_path / "nginx", "location / { dav_methods PUT; client_max_body_size 64m; }")
    with upstream, before(upstream.url, tmp_path) as rig:
        assert rig.ask("/film.bin", "PUT", body=content).status == 201
        pieces = (content[at : at + 300_000] for at in range(0, len(content), 300_000))
        assert rig.ask("/film.bin", "PUT", body=pieces).status == 204
        assert (upstream.site / "film.bin").read_bytes() == content
        part = rig.ask("/film.bin", headers={"Range": "bytes=-1000000"})
        assert (part.status, part.body) == (206, content[-1_000_000:])
