"""Guarantees of gateway/config/presets.py: presets are strict data, and what is dangerous is marked so."""

from typing import get_args

import pytest

from gateway.config import presets, upstream_sections
from gateway.config.presets import DANGEROUS, FOLDER, SCOPES, Preset, preset_of, read_preset
from gateway.config.problems import ConfigError
from gateway.core.refusal import Deny
from gateway.core.request import Target, read_target
from gateway.core.routes import Route, RouteTable
from gateway.core.scopes import is_scope

NAMES = get_args(upstream_sections.Preset)
WHOLE = """\
title: Some server
source: https://example.org/docs
url: http://127.0.0.1:9000
dialects: {/api: ollama}
endpoints:
  root: {path: /, public: true}
  chat: {path: /chat, methods: [POST], scopes: [chat:write], streams: sse}
  stop: {path: /stop, scopes: [admin]}
"""


def problems(text: str) -> list[str]:
    try:
        read_preset(text.encode(), "presets/some.yaml")
    except ConfigError as error:
        return [str(problem) for problem in error.problems]
    return []


def test_every_preset_that_can_be_named_has_a_file_and_every_file_a_name() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_compiles_and_is_documented(name: str) -> None:
    preset = preset_of(name)
    routes = tuple(preset.routes("ai"))
    assert RouteTable(routes).routes == routes
    assert all(route.id.startswith("ai:") and route.upstream == "ai" for route in routes)
    assert preset.title
    assert preset.clients
    assert all("{url}" in text for text in preset.clients.values())


@pytest.mark.parametrize("name", [name for name in NAMES if name != "generic"])
def test_a_preset_opens_no_wide_path_to_any_key(name: str) -> None:
    for word, endpoint in preset_of(name).endpoints.items():
        assert endpoint.path != "/**", word
        asks = endpoint.public or endpoint.scopes or endpoint.any_of
        assert asks, f"{word} is open to any key"


def test_the_scopes_of_presets_are_scopes_with_a_description() -> None:
    assert all(is_scope(scope) and text for scope, text in SCOPES.items())
    assert set(SCOPES) > DANGEROUS


def test_a_preset_says_all_that_is_known() -> None:
    preset = read_preset(WHOLE.encode(), "x")
    assert (preset.title, preset.port, preset.host, preset.timeouts.idle) == ("Some server", 9000, None, None)
    assert preset.scopes == {scope: SCOPES[scope] for scope in ("chat:write", "admin")}
    assert [(each.path, each.is_dangerous) for each in preset.endpoints.values()] == [
        ("/", False),
        ("/chat", False),
        ("/stop", True),
    ]


def test_a_server_with_pages_asks_browsers_for_a_key() -> None:
    asked = {name: {route.browser_prompt for route in preset_of(name).routes("ai")} for name in NAMES}
    assert [name for name, prompts in asked.items() if prompts == {True}] == [
        "koboldcpp",
        "comfyui",
        "automatic1111",
        "kokoro",
    ]
    assert all(len(prompts) == 1 for prompts in asked.values())


@pytest.mark.parametrize(
    ("who", "is_dangerous"),
    [
        ("scopes: [models:read, admin]", True),
        ("any_of: [admin, models:manage]", True),
        ("any_of: [admin, chat:write]", False),
        ("scopes: []", False),
        ("public: true", False),
    ],
)
def test_dangerous_is_what_no_ordinary_scope_opens(who: str, is_dangerous: bool) -> None:
    preset = read_preset(WHOLE.replace("scopes: [admin]", who).encode(), "x")
    assert preset.endpoints["stop"].is_dangerous is is_dangerous


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("title: Some server\n", "", "1:1: title: Field required"),
        ("url:", "urll:", "1:1: url: Field required"),
        ("https://example", "http://example", "2:9: source: must be the https:// address of the product's"),
        ("http://127", "127", "3:6: url: must begin with http://, https:// or unix:///"),
        ("{/api: ollama}", "{api: ollama}", "4:17: dialects.api.[key]: must be a path prefix, like /api"),
        ("{/api: ollama}", "{/api: klingon}", "4:18: dialects./api: Input should be 'combined', "),
        ("stop:", "Stop:", "endpoints.Stop.[key]: must be up to 40 lower-case letters, digits and '-'"),
        (
            "[chat:write]",
            "[chat:wrte]",
            "endpoints.chat.scopes[0]: is none of the scopes of presets: ",
        ),
        (
            "scopes: [admin]",
            "scopes: [admin], public: true",
            "8:9: endpoints.stop: must say public: true",
        ),
        (
            ", scopes: [admin]",
            "",
            "8:9: endpoints.stop: must say public: true",
        ),
        ("/stop", "/st*p", "8:9: endpoints.stop: '*' stands for one whole segment, not for a part of one"),
        ("/stop", "/chat", "1:1: endpoint stop ties with route ':chat': /chat and /chat"),
        ("streams: sse", "streams: magic", "7:71: endpoints.chat.streams: Input should be 'ndjson', 'sse', "),
        ("[POST]", "[post]", "7:33: endpoints.chat.methods[0]: must be a method in upper case"),
        ("title: S", "title: S\ntitle: S", "2:1: title: duplicate key; the first one is on line 1"),
        ("endpoints:", "more: 1\nendpoints:", "5:7: more: Extra inputs are not permitted"),
    ],
)
def test_a_faulty_preset_is_told_where_it_is_faulty(before: str, after: str, problem: str) -> None:
    assert before in WHOLE
    assert problem in problems(WHOLE.replace(before, after))[0]


def test_only_what_is_named_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(presets, "read_preset", lambda _raw, source: asked.append(source))
    preset_of.cache_clear()
    preset_of("ollama")
    preset_of.cache_clear()
    assert asked == ["presets/ollama.yaml"]


def test_a_preset_of_no_endpoints_is_none() -> None:
    assert "endpoints" in problems(WHOLE[: WHOLE.index("  root")].replace("endpoints:", "endpoints: {}"))[0]
    assert problems("[]") == ["presets/some.yaml:1:1: must be a mapping: server:, store:, routes: and so on"]


def test_an_address_without_a_port_says_none() -> None:
    assert Preset.model_validate({**_plain(), "url": "https://api.example.org"}).port is None


def _plain() -> dict[str, object]:
    return {
        "title": "x",
        "source": "https://example.org",
        "url": "http://127.0.0.1:1",
        "endpoints": {"all": {"path": "/**", "scopes": []}},
    }


@pytest.mark.parametrize(("method", "found"), [("GET", "ui:api-userdata"), ("POST", "ui:api-set-userdata")])
def test_comfyui_keeps_workflows_in_folders_whose_slash_it_encodes(method: str, found: str) -> None:
    table = RouteTable((), preset_of("comfyui").routes("ui"))
    target = read_target(b"/api/userdata/workflows%2Fname.json", slashes=table.takes_slashes)
    assert isinstance(target, Target)
    route = table.match(method, target)
    assert isinstance(route, Route)
    assert route.id == found
    elsewhere = read_target(b"/api/prompt%2Fx", slashes=table.takes_slashes)
    assert isinstance(elsewhere, Target)
    assert isinstance(table.match(method, elsewhere), Deny)
