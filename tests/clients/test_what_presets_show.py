"""What `keyhatch presets show` says of clients is true: every line of it is run, through a gateway."""

import shlex
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, get_args

import pytest
from aiohttp import web
from openai import AuthenticationError

from gateway.config.presets import preset_of
from gateway.config.upstream_sections import Preset as PresetName
from tests.support.client_stand import ClientStand, standing
from tests.support.programs import program
from tests.support.running_gateway import Home
from tests.support.watched_upstream import WatchedUpstream

NAMES: tuple[str, ...] = get_args(PresetName)
SHOWN = {name: preset_of(name).clients for name in NAMES}
ANYTHING = {"object": "list", "data": [], "models": [], "voices": [], "has_more": False}
ELSEWHERE = {
    "openai (Node)": "as its twin in Python",
    "google-genai (Python)": "too heavy: its requests are made in test_every_sdk",
    "pysignalr (Python)": "test_signalr_python",
    "@microsoft/signalr (Node, browser)": "test_signalr_node, test_hub_in_a_page",
    "browser": "a page",
}
LISTS: dict[str, Callable[[Any], object]] = {
    "openai (Python)": lambda client: client.models.list(),
    "anthropic (Python)": lambda client: client.models.list(),
    "ollama (Python)": lambda client: client.list(),
    "elevenlabs (Python)": lambda client: client.voices.get_all(),
}


async def answer(request: web.Request) -> web.Response:
    return web.json_response(ANYTHING)


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClientStand]:
    """One gateway before all of them, each below its own name."""
    home = Home(tmp_path_factory.mktemp("home"))
    with WatchedUpstream([web.route("*", "/{any:.*}", answer)]) as upstream:
        home.write(
            {
                "server": {"proxy": "127.0.0.1:0", "admin": "127.0.0.1:0"},
                "upstreams": {
                    name: {"url": upstream.url, "preset": name, "mount": f"/{name}"} for name in NAMES
                },
            }
        )
        with home.serve() as gateway, standing(home, gateway, upstream) as stand:
            yield stand


def filled(stand: ClientStand, name: str, text: str) -> str:
    return text.replace("{url}", f"{stand.gateway.url}/{name}").replace("{key}", stand.key("*"))


def http_of(client: Any) -> Any:
    """What of an ElevenLabs client can be closed: it cannot itself."""
    return client._client_wrapper.httpx_client.httpx_client


def test_no_client_is_shown_that_is_not_tried() -> None:
    shown = {who for clients in SHOWN.values() for who in clients}
    assert shown - {"curl", *LISTS} == ELSEWHERE.keys()


@pytest.mark.parametrize("name", [name for name in NAMES if "curl" in SHOWN[name]])
def test_its_line_for_curl_gets_through(stand: ClientStand, name: str) -> None:
    command = shlex.split(filled(stand, name, SHOWN[name]["curl"]))
    assert command.pop(0) == "curl"
    before = len(stand.upstream.seen)
    done = subprocess.run(
        [program("curl"), "-sS", "--max-time", "20", "-w", "%{http_code}", "-o", "/dev/null", *command],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "200"
    [seen] = stand.upstream.seen[before:]
    assert not seen.path.startswith(f"/{name}")


@pytest.mark.parametrize(
    ("name", "who"), [(name, who) for name in NAMES for who in SHOWN[name] if who in LISTS]
)
def test_its_lines_of_python_get_through(stand: ClientStand, name: str, who: str) -> None:
    names: dict[str, Any] = {}
    exec(filled(stand, name, SHOWN[name][who]), names)  # noqa: S102 - that is what people do with it
    before = len(stand.upstream.seen)
    with closing(names["client"] if who != "elevenlabs (Python)" else http_of(names["client"])):
        LISTS[who](names["client"])
    [seen] = stand.upstream.seen[before:]
    assert not seen.path.startswith(f"/{name}/")


OPENAI = "openai (Python)"
AT_OPEN_WEBUI = 'from openai import OpenAI\nclient = OpenAI(base_url="{url}/api", api_key="{key}")'


@pytest.mark.parametrize(
    ("name", "lines"),
    [(name, SHOWN[name][OPENAI]) for name in NAMES if OPENAI in SHOWN[name]] + [("openwebui", AT_OPEN_WEBUI)],
)
def test_the_sdk_of_openai_shows_our_sentence(stand: ClientStand, name: str, lines: str) -> None:
    names: dict[str, Any] = {}
    told = lines.replace("{url}", f"{stand.gateway.url}/{name}").replace("{key}", "kh_mistyped")
    exec(told, names)  # noqa: S102 - as above
    with (
        closing(names["client"]) as client,
        pytest.raises(AuthenticationError, match=r"Error code: 401 - The key is mistyped"),
    ):
        client.models.list()
