"""Variables and flags say the same things as the file, and louder; a typo in one is never silent."""

import pytest

from gateway.config.load import load
from gateway.config.overlay import FLAGS
from tests.unit.config.conftest import WHOLE, Problems, Read, at


@pytest.mark.parametrize(
    ("name", "value", "path", "shown"),
    [
        ("KEYHATCH_SERVER__PROXY", "0.0.0.0:80", "server.proxy", "0.0.0.0:80"),
        ("KEYHATCH_STORE", "memory:", "store.url", "memory:"),
        ("KEYHATCH_STORE__URL", "memory:", "store.url", "memory:"),
        ("KEYHATCH_KEYS__DEFAULT_EXPIRY", "never", "keys.default_expiry", "never"),
        ("KEYHATCH_LOGGING__LEVEL", "DEBUG", "logging.level", "debug"),
        ("KEYHATCH_LOGGING__ACCESS", "off", "logging.access", False),
        ("KEYHATCH_LIMITS__BODY", "1MiB", "limits.body", "1MiB"),
        ("KEYHATCH_LIMITS__BODY", "null", "limits.body", None),
        ("KEYHATCH_LIMITS__BODY", "", "limits.body", None),
        (
            "KEYHATCH_SERVER__TRUSTED_PROXIES",
            "10.0.0.0/8, ::1/128,",
            "server.trusted_proxies",
            ["10.0.0.0/8", "::1/128"],
        ),
        ("KEYHATCH_SERVER__TRUSTED_PROXIES", "", "server.trusted_proxies", []),
        ("KEYHATCH_UPSTREAMS__AI__URL", "http://b", "upstreams.ai.url", "http://b"),
        ("KEYHATCH_UPSTREAMS__AI__TIMEOUTS__CONNECT", "1s", "upstreams.ai.timeouts.connect", "1s"),
        ("KEYHATCH_UPSTREAMS__NEW_ONE__URL", "http://b", "upstreams.new-one.url", "http://b"),
        ("KEYHATCH_UPSTREAM", "http://b", "upstreams.ai.url", "http://b"),
    ],
)
def test_a_variable_is_named_by_its_place(
    read: Read, name: str, value: str, path: str, shown: object
) -> None:
    loaded = read(WHOLE + "limits: {body: 5B}\nserver: {trusted_proxies: [127.0.0.1]}", {name: value})
    assert loaded.origins[path] == name
    assert at(loaded, path) == shown


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("KEYHATCH_SERVER__PROXI", "s3cret", "unknown variable; did you mean 'KEYHATCH_SERVER__PROXY'?"),
        (
            "KEYHATCH_UPSTREAMS__AI__ULR",
            "s3cret",
            "unknown variable; did you mean 'KEYHATCH_UPSTREAMS__AI__URL'?",
        ),
        ("KEYHATCH_UPSTREAMS__AI", "s3cret", "unknown variable; did you mean 'KEYHATCH_UPSTREAMS__AI__URL'?"),
        (
            "KEYHATCH_UPSTREAMS__NEW__TIMEOUTS",
            "s3cret",
            "unknown variable; did you mean 'KEYHATCH_UPSTREAMS__AI__TIMEOUTS__IDLE'?",
        ),
        ("KEYHATCH_CONFIGS", "s3cret", "unknown variable; did you mean 'KEYHATCH_CONFIG'?"),
        ("KEYHATCH_SERVER__PORT", "s3cret", "unknown variable; did you mean 'KEYHATCH_SERVER__PROXY'?"),
        ("KEYHATCH_", "s3cret", "unknown variable"),
        ("KEYHATCH_ROUTES__0__PATH", "/", "scopes and routes are written in the file"),
        ("KEYHATCH_SCOPES", "a:b", "scopes and routes are written in the file"),
        ("KEYHATCH_SERVER__PROXY", "s3cret", "must be HOST:PORT, like 127.0.0.1:8080 or '[::1]:8080'"),
        ("KEYHATCH_SERVER__PROXY", "\udcff", "is not UTF-8 text"),
        ("KEYHATCH_UPSTREAM", "\udcff", "is not UTF-8 text"),
        ("KEYHATCH_PRESET", "\udcff", "is not UTF-8 text"),
        ("KEYHATCH_LOGGING__LEVEL", "", "has no value"),
        (
            "KEYHATCH_STORE__URL",
            "",
            "must be sqlite:///FILE (relative), sqlite:////FILE (absolute) or memory:",
        ),
        (
            "KEYHATCH_SERVER__TLS__CERT_FILE",
            "s3cret",
            "needs key_file too: a certificate and its key come together",
        ),
        ("KEYHATCH_UPSTREAMS__B__PRESET", "vllm", "says not where it is: add url: or targets:"),
    ],
)
def test_a_wrong_variable_is_told_by_its_name(
    problems: Problems, name: str, value: str, problem: str
) -> None:
    assert problems(WHOLE, {name: value}) == [f"{name}: {problem}"]


@pytest.mark.parametrize(
    "name",
    [
        "KEYHATCH_CONFIG",
        "KEYHATCH_STORE",
        "KEYHATCH_UPSTREAM",
        "KEYHATCH_PRESET",
        "KEYHATCH_PORT",
        "KEYHATCH_SERVICE_HOST",
        "KEYHATCH_SERVICE_PORT",
        "KEYHATCH_SERVICE_PORT_HTTP",
        "KEYHATCH_PORT_8080_TCP",
        "KEYHATCH_PORT_8080_TCP_ADDR",
        "KEYHATCH_ADMIN_PORT_8081_TCP_PROTO",
        "KEYHATCH_ADMIN_SERVICE_HOST",
        "keyhatch_server__proxi",
        "_KEYHATCH_COMPLETE",
        "PATH",
    ],
)
def test_an_empty_short_variable_and_those_of_others_say_nothing(read: Read, name: str) -> None:
    assert read(WHOLE, {name: ""}).settings == read(WHOLE).settings


@pytest.mark.parametrize("name", ["KEYHATCH_PORT", "KEYHATCH_PORT_8080_TCP", "KEYHATCH_ADMIN_SERVICE_HOST"])
def test_what_an_orchestrator_says_is_not_for_us(read: Read, name: str) -> None:
    assert read(WHOLE, {name: "tcp://10.0.0.1:8080"}).settings == read(WHOLE).settings


def test_a_variable_that_could_mean_two_upstreams_is_refused(problems: Problems) -> None:
    text = "upstreams: {a-b: {url: http://a}, a_b: {url: http://b}}"
    assert problems(text, {"KEYHATCH_UPSTREAMS__A_B__URL": "http://c"}) == [
        "KEYHATCH_UPSTREAMS__A_B__URL: could mean two upstreams: set it in the file"
    ]


def test_a_variable_is_never_expanded(problems: Problems) -> None:
    environ = {"KEYHATCH_UPSTREAMS__AI__URL": "http://${HOME}", "HOME": "a"}
    assert problems(WHOLE, environ) == [
        (
            "KEYHATCH_UPSTREAMS__AI__URL: has no such host: "
            "write an address or an ASCII name, like 127.0.0.1 or ollama"
        )
    ]


def test_flags_are_louder_than_variables_and_those_than_the_file(read: Read) -> None:
    text = 'server: {proxy: localhost:1, admin: localhost:2, plane: aiohttp}\nstore: {url: "memory:"}'
    environ = {"KEYHATCH_SERVER__PROXY": "localhost:3", "KEYHATCH_SERVER__ADMIN": "localhost:4"}
    flags = {"server.proxy": "localhost:5", "store.url": "sqlite:///x.db"}
    loaded = read(text, environ, flags)
    server = loaded.settings.server
    assert (str(server.proxy), str(server.admin)) == ("localhost:5", "localhost:4")
    assert loaded.settings.store.url == "sqlite:///x.db"
    assert {path: loaded.origins[path] for path in ("server.proxy", "server.admin", "server.plane")} == {
        "server.proxy": "--proxy",
        "server.admin": "KEYHATCH_SERVER__ADMIN",
        "server.plane": "config.yaml:1:57",
    }


@pytest.mark.parametrize("path", FLAGS)
def test_a_wrong_flag_is_told_by_its_name(problems: Problems, path: str) -> None:
    (problem,) = problems(WHOLE, {}, {path: "\udcff"})
    assert problem == f"{FLAGS[path]}: is not UTF-8 text"
    (problem,) = problems(WHOLE, {}, {path: "wrong"})
    assert problem.startswith(f"{FLAGS[path]}: must ")


def test_an_upstream_without_anything_written_gets_one_route_for_any_valid_key(read: Read) -> None:
    settings = read("", {}, {"upstream": "http://127.0.0.1:11434"}, need_upstream=True).settings
    assert settings.upstreams["default"].url == "http://127.0.0.1:11434"
    (route,) = settings.routes
    assert (route.id, route.path, route.upstream, route.scopes) == ("default", "/**", "default", ())
    assert not route.public


def test_an_upstream_takes_the_place_of_the_one_there_is(read: Read) -> None:
    loaded = read(WHOLE, {"KEYHATCH_UPSTREAM": "http://b"}, {"upstream": "http://c"})
    assert loaded.settings.upstreams["ai"].url == "http://c"
    assert loaded.settings.routes == read(WHOLE).settings.routes


@pytest.mark.parametrize("routes", ["", "routes:", "routes: []"])
def test_an_upstream_without_a_route_gets_one(read: Read, routes: str) -> None:
    loaded = read(f"upstreams: {{ai: {{url: http://a}}}}\n{routes}", {}, {"upstream": "http://c"})
    assert [route.upstream for route in loaded.settings.routes] == ["ai"]
    assert loaded.origins["routes[0].path"] == "--upstream"


def test_an_upstream_does_not_choose_among_several(problems: Problems) -> None:
    text = "upstreams: {a: {url: http://a}, b: {url: http://b}}"
    assert problems(text, {"KEYHATCH_UPSTREAM": "http://c"}) == [
        (
            "KEYHATCH_UPSTREAM: there are several upstreams; "
            "set the one you mean with KEYHATCH_UPSTREAMS__<NAME>__URL"
        )
    ]


def test_what_is_written_wrong_is_not_hidden_by_what_is_laid_over_it(problems: Problems) -> None:
    assert problems(
        "server: x\nupstreams: y", {"KEYHATCH_SERVER__PROXY": "a:1"}, {"upstream": "http://a"}
    ) == [
        "config.yaml:1:9: server: must be a mapping of keys to values",
        "config.yaml:2:12: upstreams: must be a mapping of keys to values",
        "--upstream: there is no upstream 'default'",
    ]


# --- --preset and KEYHATCH_PRESET ---------------------------------------------------------------------

AI = "http://127.0.0.1:11434"


def test_a_preset_names_the_upstream_and_makes_no_route_of_its_own() -> None:
    settings = load(None, {}, {"upstream": AI, "preset": "ollama"}).settings
    assert list(settings.upstreams) == ["ollama"]
    assert (settings.upstreams["ollama"].preset, settings.routes) == ("ollama", ())
    assert set(settings.catalogue) > {"chat:write", "admin"}


def test_the_flag_beats_the_variable_and_the_variable_the_file(read: Read) -> None:
    text = "upstreams: {ai: {url: http://a, preset: vllm}}"
    assert read(text).settings.upstreams["ai"].preset == "vllm"
    environ = {"KEYHATCH_PRESET": "generic"}
    assert read(text, environ).settings.upstreams["ai"].preset == "generic"
    assert read(text, environ, {"preset": "ollama"}).settings.upstreams["ai"].preset == "ollama"


def test_an_upstream_whose_preset_stands_in_the_file_gets_no_route_for_all(read: Read) -> None:
    loaded = read("upstreams: {ai: {url: http://a, preset: ollama}}", {}, {"upstream": AI})
    assert (loaded.settings.upstreams["ai"].url, loaded.settings.routes) == (AI, ())


def test_a_preset_beside_written_routes_leaves_them(read: Read) -> None:
    assert len(read(WHOLE, {}, {"preset": "ollama"}).settings.routes) == 1


@pytest.mark.parametrize(
    ("text", "flags", "problem"),
    [
        (
            "upstreams: {a: {url: http://a}, b: {url: http://b}}",
            {"preset": "ollama"},
            (
                "--preset: there are several upstreams; "
                "set the one you mean with KEYHATCH_UPSTREAMS__<NAME>__PRESET"
            ),
        ),
        (
            "{}",
            {"preset": "ollama"},
            "--preset: says what kind of server it is, but there is none: say --upstream URL",
        ),
        ("{}", {"preset": "olama", "upstream": AI}, "did you mean 'ollama'?"),
    ],
    ids=["several", "none", "unknown"],
)
def test_a_preset_without_the_one_upstream_it_is_for_is_told(
    problems: Problems, text: str, flags: dict[str, str], problem: str
) -> None:
    assert problem in problems(text, {}, flags)[0]
