"""Every problem is told at its place, in words that help, once, and without secrets."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.expansion import expand
from gateway.config.problems import Origin
from gateway.config.tree import from_plain
from gateway.config.validation import validate
from tests.unit.config.conftest import WHOLE, Problems

PRESETS = (
    "'ollama', 'llamacpp', 'lmstudio', 'vllm', 'textgen', 'koboldcpp', 'comfyui', 'openwebui', "
    "'automatic1111', 'speaches', 'kokoro', 'xtts', 'voxta', 'homeassistant', 'openai', 'anthropic', "
    "'openrouter', 'elevenlabs', 'novelai', 'azure-openai', 'gemini' or 'generic'"
)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("servr: {}", "1:1: servr: unknown key; did you mean 'server'?"),
        ("server:\n  proxi: a", "2:3: server.proxi: unknown key; did you mean 'proxy'?"),
        ("zzz: 1", "1:1: zzz: unknown key"),
        ("proxy: localhost:1", "1:1: proxy: unknown key; it belongs under server:"),
        ("keys:\n  level: info", "2:3: keys.level: unknown key; it belongs under logging:"),
        ("scopes: {a:b: {c: d}}", "1:15: scopes.a:b: must be text"),
        (
            "scopes: {A: b}",
            "1:10: scopes.A: must be resource:action or a word, in lower case: models:read, admin",
        ),
        ("server: 5", "1:9: server: must be a mapping of keys to values"),
        ("scopes: []", "1:9: scopes: must be a mapping of keys to values"),
        ("routes: {}", "1:9: routes: must be a list, like [one, two]"),
        ("routes: [x]", "1:10: routes[0]: must be a mapping of keys to values"),
        ("limits: {fields: 1.5}", "1:18: limits.fields: must be a whole number"),
        ("limits: {fields: []}", "1:18: limits.fields: must be a whole number"),
        ("limits: {fields: 0}", "1:18: limits.fields: must be at least 1"),
        ("limits: {fields: 10001}", "1:18: limits.fields: must be at most 10000"),
        (
            f"limits: {{fields: {'9' * 5000}}}",
            "1:18: limits.fields: must be a whole number of reasonable size",
        ),
        ("limits: {fields: ~}", "1:18: limits.fields: has no value"),
        ("logging: {access: maybe}", "1:19: logging.access: must be on or off"),
        ("logging: {access: []}", "1:19: logging.access: must be on or off"),
        ("logging: {access: ~}", "1:19: logging.access: has no value"),
        (
            "logging: {format: jsn}",
            "1:19: logging.format: must be 'auto', 'console' or 'json'; did you mean 'json'?",
        ),
        ("logging: {format: ~}", "1:19: logging.format: has no value"),
        ("logging: {format: [json]}", "1:19: logging.format: must be 'auto', 'console' or 'json'"),
        ("keys: {prefix: [a]}", "1:16: keys.prefix: must be text"),
        (
            "server: {tls: {cert_file: a}}",
            "1:15: server.tls: needs key_file too: a certificate and its key come together",
        ),
        ("limits: {head: 1B}", "1:16: limits.head: must be 1KiB to 1MiB"),
        (
            "limits: {head: 32}",
            "1:16: limits.head: must be 1KiB to 1MiB; a number without a unit counts bytes",
        ),
        ("limits: {head: 32K}", "1:16: limits.head: must be a number and a unit, like 512B, 64KiB or 1MiB"),
        ("limits: {target: 33KiB}", "1:18: limits.target: is 33KiB, more than head (32KiB), which holds it"),
        (
            "limits: {target: 2048, head: 1KiB}",
            "1:18: limits.target: is 2KiB, more than head (1KiB), which holds it",
        ),
        ("upstreams: {a: {}}", "1:16: upstreams.a: says not where it is: add url: or targets:"),
        (
            "upstreams: {A b: {url: http://a}}",
            "1:13: upstreams.A b: must be lower-case letters and digits, joined by single '-' or '_'",
        ),
        (
            "upstreams: {a: {url: http://a, preset: olama}}",
            f"1:40: upstreams.a.preset: must be {PRESETS}; did you mean 'ollama'?",
        ),
    ],
    ids=lambda text: text[:32],
)
def test_a_problem_is_told_at_its_place(problems: Problems, text: str, problem: str) -> None:
    assert problems(text) == [f"config.yaml:{problem}"]


def test_all_problems_are_told_at_once_in_the_order_of_the_text(problems: Problems) -> None:
    text = """\
server:
  proxy: ":8080"
  admin: ${GONE}
  plane: leam
limits: {fields: many, body: 5KB}
limits: {}
scopes:
  models:read:
  Chat: x
upstreams:
  local-ai: {url: localhost, timeouts: {connect: 5}}
routes:
  - id: a
    path: v1
    methods: [get, TRACE]
    upstream: locl-ai
    scopes: [model:read]
  - {id: b, path: /a, upstream: local-ai}
  - {id: b, path: /A/, upstream: local-ai, public: yes, scopes: []}
"""
    assert problems(text, {"KEYHATCH_STOR": "x"}, {"server.proxy": "y"}) == [
        "config.yaml:3:10: server.admin: the variable GONE is not set; ${GONE:-default} would give a default",
        "config.yaml:4:10: server.plane: must be 'lean' or 'aiohttp'; did you mean 'lean'?",
        "config.yaml:5:18: limits.fields: must be a whole number",
        "config.yaml:5:30: limits.body: must be a number and a unit, like 512B, 64KiB or 1MiB",
        "config.yaml:6:1: limits: duplicate key; the first one is on line 5",
        "config.yaml:9:3: scopes.Chat: must be resource:action or a word, in lower case: models:read, admin",
        (
            "config.yaml:11:19: upstreams.local-ai.url: must begin with http://, https:// or unix:///; "
            "did you mean 'http://localhost'?"
        ),
        (
            "config.yaml:11:50: upstreams.local-ai.timeouts.connect: "
            "must be a number and a unit, like 250ms, 5s, 10m, 2h or 90d"
        ),
        "config.yaml:15:15: routes[0].methods[0]: must be a method in upper case; did you mean 'GET'?",
        "config.yaml:15:20: routes[0].methods[1]: TRACE and CONNECT are never forwarded",
        "config.yaml:16:15: routes[0].upstream: there is no upstream 'locl-ai'; did you mean 'local-ai'?",
        (
            "config.yaml:17:14: routes[0].scopes[0]: 'model:read' is not in the catalogue (scopes:); "
            "did you mean 'models:read'?"
        ),
        (
            "config.yaml:18:5: routes[1]: says not who may pass: "
            "add scopes: [...] ([] for any valid key), any_of: [...] or public: true"
        ),
        "config.yaml:19:10: routes[2].id: 'b' is already the id of routes[1]",
        "config.yaml:19:19: routes[2].path: ties with route 'routes[1]': /A/ and /a",
        "config.yaml:19:52: routes[2].public: a public route takes neither scopes, any_of nor anonymous",
        "KEYHATCH_STOR: unknown variable; did you mean 'KEYHATCH_STORE'?",
        "--proxy: must be HOST:PORT, like 127.0.0.1:8080 or '[::1]:8080'",
    ]


def test_every_limit_is_told_at_its_own_place(problems: Problems) -> None:
    assert problems("limits: {head: 1B, target: 1B, fields: 0, idle: 5}") == [
        "config.yaml:1:16: limits.head: must be 1KiB to 1MiB",
        "config.yaml:1:28: limits.target: must be 256B to 1MiB",
        "config.yaml:1:40: limits.fields: must be at least 1",
        "config.yaml:1:49: limits.idle: must be a number and a unit, like 250ms, 5s, 10m, 2h or 90d",
    ]


def test_two_limits_that_contradict_are_told_as_they_were_written(problems: Problems) -> None:
    text = 'limits: {head: "${H}", target: "${T}"}'
    assert problems(text, {"H": "4KiB", "T": "8KiB"}) == [
        "config.yaml:1:32: limits.target: is ${T}, more than head (${H}), which holds it"
    ]


ELSE = "1:37: routes[0].upstream: there is no upstream 'u'"
START = "{id: a, path: /, upstream: u, "


@pytest.mark.parametrize(
    ("route", "told"),
    [
        (
            "{}",
            [
                "1:10: routes[0].id: is missing",
                "1:10: routes[0].path: is missing",
                "1:10: routes[0].upstream: is missing",
                (
                    "1:10: routes[0]: says not who may pass: "
                    "add scopes: [...] ([] for any valid key), any_of: [...] or public: true"
                ),
            ],
        ),
        ("text", ["1:10: routes[0]: must be a mapping of keys to values"]),
        ("{id: a, path: /, upstream: [], public: true}", ["1:37: routes[0].upstream: must be text"]),
        (
            "{id: a, path: ~, upstream: ~, public: ~}",
            [
                "1:24: routes[0].path: has no value",
                "1:37: routes[0].upstream: has no value",
                "1:48: routes[0].public: has no value",
            ],
        ),
        (
            START + "scopes: ~}",
            [ELSE, "1:48: routes[0].scopes: has no value: give it one, or remove the key"],
        ),
        (START + "public: true, x: ~}", [ELSE, "1:54: routes[0].x: unknown key"]),
        (
            START + "public: true, methods: [get]}",
            [ELSE, "1:64: routes[0].methods[0]: must be a method in upper case; did you mean 'GET'?"],
        ),
        (START + "public: true, methods: []}", [ELSE, "1:63: routes[0].methods: must not be empty"]),
        (START + "any_of: x}", [ELSE, "1:48: routes[0].any_of: must be a list, like [one, two]"]),
    ],
    ids=["empty", "text", "list", "nulls", "null scopes", "unknown", "method", "no method", "no list"],
)
def test_a_broken_route_is_told_with_what_else_is_wrong_in_it(
    problems: Problems, route: str, told: list[str]
) -> None:
    assert problems(f"routes: [{route}]") == [f"config.yaml:{line}" for line in told]


SECRET = "hunter2"
EVERYWHERE = """\
server: {proxy: "${S}", admin: "${S}", plane: "${S}", trusted_proxies: ["${S}"], tls: {cert_file: "${S}"}}
store: {url: "${S}"}
keys: {prefix: "${S}_", default_expiry: "${S}", max_active_per_owner: "${S}", last_used_flush: "${S}"}
logging: {level: "${S}", format: "${S}", access: "${S}"}
limits: {head: "${S}", fields: "${S}", target: "${S}", body: "${S}", head_timeout: "${S}", idle: "${S}"}
scopes: {a:b: "${S}"}
upstreams: {ai: {url: "http://u:${S}@ai", preset: "${S}", timeouts: {connect: "${S}"}}}
routes:
  - {id: "${S}", path: "/${S}", methods: ["${S}"], upstream: "${S}", public: "${S}", scopes: ["${S}"]}
  - {id: "${S}", path: "/${S}", upstream: "${S}", scopes: ["${S}:${S}"], any_of: ["${S}:x", "${S}"]}
  - {id: "${S}", path: "/${S}", upstream: "${S}", scopes: ["${S}:${S}"],
     anonymous: {from: ["${S}", "${T}"], scopes: ["${S}:*"]}}
  - {id: x, path: "${S}", upstream: "${S}", scopes: ["${S}:${S}"],
     anonymous: {from: ["::1"], scopes: ["${S}:*"]}}
"""


def test_no_expanded_value_is_ever_told(problems: Problems) -> None:
    found = problems(EVERYWHERE, {"S": SECRET, "T": "10.77.0.1/8"})
    assert len(found) > 35
    assert [
        problem for problem in found if SECRET in problem or "10.77" in problem or "10.0.0.0" in problem
    ] == []
    assert "config.yaml:9:62: routes[0].upstream: there is no upstream '${S}'" in found
    assert "config.yaml:10:10: routes[1].id: '${S}' is already the id of routes[0]" in found
    assert "config.yaml:10:60: routes[1].scopes[0]: '${S}:${S}' is not in the catalogue (scopes:)" in found
    assert "config.yaml:11:24: routes[2].path: ties with route 'routes[1]': /${S} and /${S}" in found


def test_of_two_expanded_values_the_longer_is_masked_whole(problems: Problems) -> None:
    text = 'routes: [{id: "${A}", path: /, upstream: "${A}", scopes: ["${B}"]}]'
    assert problems(text, {"A": "hunter2", "B": "hunter2:key"}) == [
        "config.yaml:1:42: routes[0].upstream: there is no upstream '${A}'",
        "config.yaml:1:59: routes[0].scopes[0]: '${B}' is not in the catalogue (scopes:)",
    ]


def test_our_own_words_are_not_masked(problems: Problems) -> None:
    text = 'logging: {level: "${A}"}\nserver: {proxy: x}'
    assert problems(text, {"A": "HOST:PORT"}) == [
        "config.yaml:1:18: logging.level: must be 'debug', 'info', 'warning' or 'error'",
        "config.yaml:2:17: server.proxy: must be HOST:PORT, like 127.0.0.1:8080 or '[::1]:8080'",
    ]


def test_an_empty_expansion_is_masked_as_well(problems: Problems) -> None:
    assert problems(WHOLE + '  - {id: x, path: /x, upstream: "${E}", public: true}', {"E": ""}) == [
        "config.yaml:6:33: routes[1].upstream: there is no upstream ''"
    ]


def test_a_mask_is_taken_literally(problems: Problems) -> None:
    text = r'routes: [{id: x, path: /x, upstream: "${E:-\\1\\g<0>}", public: true}]'
    assert problems(text) == [r"config.yaml:1:38: routes[0].upstream: there is no upstream '${E:-\1\g<0>}'"]


KEYS = ["server", "scopes", "upstreams", "routes", "id", "path", "upstream", "public", "a:b", "x", "any_of"]
KEYS += ["anonymous", "from", "methods", "url", "timeouts", "preset", "limits", "fields"]
SCALARS = st.none() | st.text(max_size=5) | st.sampled_from(["${S}", "/a", "a:b", "*", "x", "on"])


def _nested(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)


@given(st.dictionaries(st.sampled_from(KEYS), st.recursive(SCALARS, _nested, max_leaves=12)))
def test_no_tree_makes_validation_raise(value: dict[str, object]) -> None:
    root = from_plain(value, Origin("c.yaml", 1, 1))
    expand(root, {"S": SECRET}, Path())
    settings, problems = validate(root)
    assert (settings is None) == bool(problems)
    assert SECRET not in "\n".join(map(str, problems))
