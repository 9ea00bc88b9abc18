"""Every line of Python on the page about SDKs is run, through a gateway configured as it says."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.docs.documents import Fence, document
from tests.support.ai_upstream import AUDIO, REPLY, ai_upstream
from tests.support.client_stand import ClientStand, standing
from tests.support.running_gateway import Home

PAGE = document("docs/sdks.md")
SAID = {"OpenAI": f"{REPLY}\n{REPLY}\n", "Anthropic": REPLY, "ElevenLabs": f"{len(AUDIO)} bytes\n{REPLY}"}
SCRIPTS = {
    name: next(
        fence
        for fence in PAGE.fences()
        if fence.kind == "python" and f"import {name}" in fence.text.replace("AzureOpenAI, ", "")
    )
    for name in SAID
}


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClientStand]:
    home = Home(tmp_path_factory.mktemp("home"))
    [shown] = [fence.text for fence in PAGE.fences() if fence.file == "config.yaml"]
    settings: dict[str, Any] = yaml.safe_load(shown)
    with ai_upstream() as upstream:
        for name, told in settings["upstreams"].items():
            told["url"] = upstream.url
            if "credential" in told:
                told["credential"] = f"credential-of-{name}"
        settings["server"] = {"proxy": "127.0.0.1:0", "admin": "127.0.0.1:0"}
        home.write(settings)
        with home.serve() as gateway, standing(home, gateway, upstream) as stand:
            yield stand


@pytest.mark.parametrize(("name", "fence"), SCRIPTS.items(), ids=SCRIPTS)
def test_its_lines_do_what_they_say(stand: ClientStand, name: str, fence: Fence) -> None:
    key = stand.key("chat:write", "audio:speech")
    ran = subprocess.run(
        [sys.executable, "-c", fence.text.replace("http://127.0.0.1:8080", stand.gateway.url)],
        env=stand.home.environment(KEY=key),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ran.stdout == SAID[name], ran.stderr


def test_no_python_on_it_goes_untried() -> None:
    """pysignalr's line is tried in test_signalr_python."""
    fences = [fence for fence in PAGE.fences() if fence.kind == "python" and "pysignalr" not in fence.text]
    assert fences == list(SCRIPTS.values())
