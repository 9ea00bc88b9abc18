"""Loading gives settings or every problem, whatever it is fed, and keeps nothing for the next time."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.document import read_document
from gateway.config.load import Loaded, effective, find_config, load
from gateway.config.model import Settings
from gateway.config.problems import ConfigError, Loc
from gateway.config.route_sections import AnonymousSettings, RouteSettings
from gateway.config.shape import keys_of, leaves
from gateway.config.tree import Node
from gateway.demo.settings import demo_settings
from tests.unit.config.conftest import WHOLE, Problems, Read

EXAMPLE = Path(__file__).resolve().parents[3] / "config.example.yaml"


def test_a_file_is_loaded_with_its_place_and_its_origins(read: Read) -> None:
    loaded = read(WHOLE, need_upstream=True)
    assert loaded.path == Path("config.yaml")
    assert loaded.base_dir == Path()
    assert loaded.warnings == ()
    assert loaded.origins["upstreams.ai.url"] == "config.yaml:3:13"
    assert loaded.origins["routes[0].scopes"] == "config.yaml:5:48"
    assert loaded.origins["server.proxy"] == "default"


def test_the_example_loads_without_a_warning_and_shows_every_default() -> None:
    loaded = load(EXAMPLE, {}, {})
    assert loaded.warnings == ()
    said, default = loaded.settings, Settings()
    for section in ("server", "store", "keys", "logging", "limits"):
        assert getattr(said, section) == getattr(default, section)
    (upstream,) = said.upstreams.values()
    assert upstream == type(upstream).model_validate({"url": "http://127.0.0.1:11434"})
    assert [route.id for route in said.routes] == ["models", "version", "chat", "welcome", "at-home", "voice"]


def test_the_example_holds_every_option() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    root, problems = read_document(_whole(text).encode(), "example")
    assert problems == []
    assert root is not None
    written = {
        tuple("*" if loc[0] == "upstreams" and n == 1 else part for n, part in enumerate(loc))
        for loc in _locs(root)
    }
    assert [leaf.loc for leaf in leaves() if leaf.loc not in written] == []
    routes = {str(loc[2]) for loc in written if loc[0] == "routes" and len(loc) > 2}
    assert set(keys_of(RouteSettings)) - routes == set()
    doors = {str(loc[3]) for loc in written if loc[0] == "routes" and len(loc) > 3 and loc[2] == "anonymous"}
    assert set(keys_of(AnonymousSettings)) - doors == set()


def _whole(text: str) -> str:
    """The example with what is commented out in it."""
    return re.sub(
        r"(?m)^    # ((?:preset|mount|cors|health):|  (?:path|every|timeout|rise|fall):)", r"    \1", text
    )


def test_the_example_comments_every_option() -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    told = "\n".join(lines).partition("scopes:")[0]
    scalars = [line for line in told.splitlines() if line.startswith("  ") and not line.endswith(":")]
    assert [line for line in scalars if "#" not in line and "_file: null" not in line] == []


def _locs(node: Node, loc: Loc = ()) -> list[Loc]:
    """Every place in a tree."""
    found = [loc] if loc else []
    content = node.content
    parts = (
        content.items()
        if isinstance(content, dict)
        else enumerate(content)
        if isinstance(content, list)
        else ()
    )
    for part, child in parts:
        found += _locs(child, (*loc, part))
    return found


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "config.yaml: no upstream: add one under upstreams:, or say keyhatch serve --upstream URL"),
        (
            "upstreams:",
            "config.yaml: no upstream: add one under upstreams:, or say keyhatch serve --upstream URL",
        ),
        (
            "upstreams: {}",
            "config.yaml: no upstream: add one under upstreams:, or say keyhatch serve --upstream URL",
        ),
        (
            "upstreams: {a: {url: http://a}}",
            (
                "config.yaml: no route: "
                "add one under routes:, like {id: all, path: /**, upstream: NAME, scopes: []}, "
                "or name the upstream's preset:"
            ),
        ),
        (
            "upstreams: {a: {url: http://a}}\nroutes:",
            (
                "config.yaml: no route: "
                "add one under routes:, like {id: all, path: /**, upstream: NAME, scopes: []}, "
                "or name the upstream's preset:"
            ),
        ),
    ],
)
def test_a_gateway_that_leads_nowhere_is_refused(problems: Problems, text: str, problem: str) -> None:
    assert problems(text, need_upstream=True) == [problem]
    assert problems(text, need_upstream=False) == []


def test_warnings_are_told_beside_problems(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(WHOLE + "server: {prxy: x, admin: 0.0.0.0:1, trusted_proxies: [0.0.0.0/0]}\n")
    with pytest.raises(ConfigError) as refused:
        load(file, {}, {})
    assert [problem.path for problem in refused.value.problems] == ["server.prxy"]
    assert [warning.path for warning in refused.value.warnings] == [
        "server.admin",
        "server.trusted_proxies[0]",
    ]


def test_a_file_that_cannot_be_read_has_no_warnings(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, {}, {})
    assert refused.value.warnings == ()


def test_without_a_file_the_mend_is_told() -> None:
    with pytest.raises(ConfigError) as refused:
        load(None, {}, {})
    assert str(refused.value) == "no upstream: write config.yaml, or say keyhatch serve --upstream URL"


def test_without_a_file_the_defaults_are_enough_for_the_store() -> None:
    loaded = load(None, {}, {}, need_upstream=False)
    assert loaded.settings == Settings()
    assert (loaded.path, loaded.base_dir) == (None, Path())
    assert set(loaded.origins.values()) == {"default"}


def test_without_a_file_an_upstream_is_enough() -> None:
    loaded = load(None, {}, {"upstream": "http://127.0.0.1:1"})
    assert loaded.origins["upstreams.default.url"] == "--upstream"


def test_a_given_configuration_stands_in_for_a_file() -> None:
    given_settings = demo_settings("http://127.0.0.1:1")
    before = copy.deepcopy(given_settings)
    loaded = load(None, {}, {"server.proxy": "localhost:0"}, given=given_settings)
    assert loaded.settings.store.url == "sqlite:///keyhatch-demo.db"
    assert loaded.origins["store.url"] == "--demo"
    assert loaded.origins["server.proxy"] == "--proxy"
    assert given_settings == before


def test_a_given_configuration_is_told_by_path() -> None:
    with pytest.raises(ConfigError) as refused:
        load(None, {}, {}, given=demo_settings("127.0.0.1:1") | {"keys": {"prefix": "${NOT_EXPANDED}"}})
    assert str(refused.value).splitlines() == [
        "--demo: keys.prefix: must be 1 to 16 lower-case letters and digits, a letter first",
        "--demo: upstreams.demo.url: must begin with http://, https:// or unix:///; did you mean 'http://127.0.0.1:1'?",
    ]


def test_a_file_that_cannot_be_read_is_told_with_all_else(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, {"KEYHATCH_SERVER__PROXI": "x"}, {})
    assert str(refused.value).splitlines() == [
        f"{tmp_path}: cannot be read: Is a directory",
        "KEYHATCH_SERVER__PROXI: unknown variable; did you mean 'KEYHATCH_SERVER__PROXY'?",
    ]


def test_a_file_that_is_not_yaml_is_told_with_what_the_variables_say(problems: Problems) -> None:
    assert problems("a: [", {"KEYHATCH_X": "1"}, need_upstream=True) == [
        (
            "config.yaml:1:5: is not YAML: expected the node content, but found '<stream end>'; "
            "put quotes around a value that begins with '[' or ':'"
        ),
        "KEYHATCH_X: unknown variable",
    ]


def test_a_named_file_is_taken_before_the_one_that_lies_there(tmp_path: Path) -> None:
    for name in ("config.yaml", "one.yaml", "two.yaml"):
        (tmp_path / name).touch()
    environ = {"KEYHATCH_CONFIG": "two.yaml"}
    assert find_config("one.yaml", environ, tmp_path) == tmp_path / "one.yaml"
    assert find_config(None, environ, tmp_path) == tmp_path / "two.yaml"
    assert find_config(None, {"KEYHATCH_CONFIG": ""}, tmp_path) == tmp_path / "config.yaml"
    assert find_config(None, {}, tmp_path) == tmp_path / "config.yaml"
    assert find_config(str(tmp_path / "one.yaml"), {}, Path()) == tmp_path / "one.yaml"


def test_no_file_is_needed(tmp_path: Path) -> None:
    assert find_config(None, {}, tmp_path) is None


@pytest.mark.parametrize(
    ("flag", "environ", "problem"),
    [
        ("gone.yaml", {}, "--config: there is no file 'gone.yaml'"),
        ("a\0b", {}, "--config: 'a\\x00b' cannot be a file: "),
        ("a" * 300, {}, f"--config: '{'a' * 300}' cannot be a file: File name too long"),
        (
            None,
            {"KEYHATCH_CONFIG": "gone.yaml"},
            "KEYHATCH_CONFIG: there is no file 'gone.yaml'",
        ),
    ],
)
def test_a_named_file_has_to_be_there(
    tmp_path: Path, flag: str | None, environ: dict[str, str], problem: str
) -> None:
    (tmp_path / "config.yaml").touch()
    with pytest.raises(ConfigError) as refused:
        find_config(flag, environ, tmp_path)
    assert str(refused.value).startswith(problem)
    assert "No such file" not in str(refused.value)


def _store(path: Path | None, environ: dict[str, str], flags: dict[str, str]) -> Path | None:
    return load(path, environ, flags, need_upstream=False).store_path


def test_a_store_is_relative_to_where_it_was_said(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("")
    assert _store(file, {}, {}) == tmp_path / "keyhatch.db"
    assert _store(None, {}, {}) == Path("keyhatch.db")
    file.write_text("store: {url: sqlite:///data/x.db}")
    assert _store(file, {}, {}) == tmp_path / "data/x.db"
    assert _store(file, {"KEYHATCH_STORE": "sqlite:///y.db"}, {}) == Path("y.db")
    assert _store(file, {}, {"store.url": "sqlite:///z.db"}) == Path("z.db")
    assert _store(file, {}, {"store.url": "sqlite:////var/z.db"}) == Path("/var/z.db")
    assert _store(file, {}, {"store.url": "memory:"}) is None


def test_secrets_are_shown_as_they_were_written(read: Read, tmp_path: Path) -> None:
    (tmp_path / "scope").write_text("hunter2:read\n")
    text = """\
scopes: {hunter2:read: "${S}"}
upstreams: {ai: {url: "http://${S}:80"}}
routes: [{id: "${S}", path: "/${S}/**", upstream: ai, scopes: ["${file:scope}"]}]
"""
    loaded = read(text, {"S": "hunter2"})
    assert loaded.settings.upstreams["ai"].url == "http://hunter2:80"
    shown = effective(loaded)
    assert shown["upstreams"]["ai"]["url"] == "http://${S}:80"
    assert shown["scopes"] == {"hunter2:read": "${S}"}
    assert shown["routes"] == [
        {"id": "${S}", "path": "/${S}/**", "upstream": "ai", "scopes": ["${file:scope}"]}
    ]
    assert "hunter2:80" not in repr(loaded.origins)


def test_what_is_shown_loads_as_the_same_settings(read: Read) -> None:
    loaded = load(EXAMPLE, {}, {})
    again = read(yaml.safe_dump(effective(loaded), sort_keys=False))
    assert again.settings == loaded.settings
    assert effective(again) == effective(loaded)


def test_a_reload_that_fails_changes_nothing(read: Read, problems: Problems) -> None:
    before: Loaded = read(WHOLE)
    kept = copy.deepcopy(before.settings)
    assert problems("server: {proxy: x}")
    assert before.settings == kept
    assert read(WHOLE) == before


def test_arguments_are_only_read(read: Read) -> None:
    environ, flags = {"KEYHATCH_SERVER__PROXY": "a:1"}, {"upstream": "http://a"}
    read(WHOLE, environ, flags)
    assert environ == {"KEYHATCH_SERVER__PROXY": "a:1"}
    assert flags == {"upstream": "http://a"}


LINES = [line for line in EXAMPLE.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
PIECES = [
    "server: {proxy: ",
    "}",
    "[",
    "]",
    "x",
    "${A}",
    "$",
    "*a",
    "&a ",
    "- ",
    ": ",
    "  ",
    "'",
    "~",
    "<<: *a",
    "!x",
]


@given(
    text=st.lists(st.sampled_from(LINES), max_size=40).map("\n".join)
    | st.lists(st.sampled_from(LINES + PIECES), max_size=12).map("".join)
    | st.text(),
    environ=st.dictionaries(
        st.sampled_from(["A", "KEYHATCH_UPSTREAM", "KEYHATCH_UPSTREAMS__A__URL", "KEYHATCH_SERVER__TLS"]),
        st.text(max_size=8) | st.just("http://a"),
    ),
    flag=st.none() | st.text(max_size=8) | st.just("http://a"),
)
def test_no_text_makes_load_raise_anything_but_config_error(
    tmp_path_factory: pytest.TempPathFactory, text: str, environ: dict[str, Any], flag: str | None
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        loaded = load(file, environ, {} if flag is None else {"upstream": flag})
    except ConfigError as error:
        told = [str(problem) for problem in error.problems]
    else:
        told = [str(effective(loaded))]
    assert told
    assert all(line.isprintable() for line in told)


def test_the_files_that_were_read_are_told_and_those_that_are_not_there(read: Read, tmp_path: Path) -> None:
    (tmp_path / "size").write_text("16KiB")
    text = WHOLE + 'limits: {head: "${file:size}"}\n'
    assert read(text).files == (Path("config.yaml"), Path("size"))
    with pytest.raises(ConfigError) as refused:
        read(WHOLE + 'limits: {head: "${file:gone} $${file:no}"}\n')
    assert refused.value.files == (Path("config.yaml"), Path("gone"))
    assert load(None, {}, {}, need_upstream=False).files == ()
