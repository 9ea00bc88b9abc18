"""What a person does with Keyhatch on the first evening, with whatever way they installed it."""

import json
import re
from typing import Any

import gateway
from gateway.admin.console.files import FOLDER, PAGE
from tests.release.installed import Installed
from tests.support.plain_caller import ask
from tests.support.real_upstreams import DemoUpstream
from tests.support.running_gateway import RunningGateway, eventually, samples

CONFIG: dict[str, Any] = {
    "server": {"proxy": "127.0.0.1:0", "admin": "127.0.0.1:0"},
    "scopes": {"models:read": "List models"},
    "routes": [{"id": "models", "path": "/v1/models", "upstream": "main", "scopes": ["models:read"]}],
}
_ASSET = re.compile(r"""(?:src|href|from|import)[=( ]*["']\.?/?([\w./-]+\.(?:js|css|svg))["']""")


def walk(here: Installed, *, plane: str = "lean") -> None:
    """All of it: look at the command, serve, make a key, use and revoke it, look at the console, stop."""
    look_at_the_command(here)
    with DemoUpstream() as upstream:
        configure(here, upstream.url, plane)
        assert here.run("keyhatch", "check") == ""
        with here.serve() as serving:
            use_a_key(here, serving)
            look_at_the_console(serving)
            look_at_the_metrics(serving)
    try_the_demo(here)


def configure(here: Installed, upstream: str, plane: str = "lean") -> None:
    """Write the configuration of the home."""
    server = {**CONFIG["server"], "plane": plane}
    written = {**CONFIG, "server": server, "upstreams": {"main": {"url": upstream}}}
    (here.home / "config.yaml").write_text(json.dumps(written))


def look_at_the_command(here: Installed) -> None:
    """It knows its version, its presets and its shell completions."""
    assert here.run("keyhatch", "version") == f"keyhatch {gateway.__version__}\n"
    presets = json.loads(here.run("keyhatch", "presets", "list", "-o", "json"))
    assert {each["name"] for each in presets} >= {"ollama", "openai", "voxta"}
    for shell in ("bash", "zsh", "fish"):
        assert "keyhatch" in here.run("keyhatch", "completion", shell)


def use_a_key(here: Installed, serving: RunningGateway) -> None:
    """Refused without a key, served with one, refused once it is revoked."""
    refused = serving.ask("/v1/models")
    assert (refused.status, refused.reason) == (401, "credential_missing")
    key = here.run("keyhatch", "keys", "create", "first", "--scope", "models:read", "-q").strip()
    served = serving.ask("/v1/models", key=key)
    assert (served.status, served.data["object"]) == (200, "list")
    assert "first" in here.run("keyhatch", "keys", "list")
    here.run("keyhatch", "keys", "revoke", "first", "--yes")
    assert serving.ask("/v1/models", key=key).reason == "key_revoked"


def look_at_the_console(serving: RunningGateway) -> None:
    """The page answers, and everything that it and its scripts take in."""
    todo, seen = ["/console/"], set[str]()
    while todo:
        path = todo.pop()
        seen.add(path)
        answer = ask(serving.admin_port, path)
        assert answer.status == 200, path
        found = {f"/console/{name}" for name in _ASSET.findall(answer.body.decode("utf-8"))}
        todo += sorted(found - seen - set(todo))
    assert {path.removeprefix("/console/") or PAGE for path in seen} == {
        path.name for path in FOLDER.iterdir()
    }


def look_at_the_metrics(serving: RunningGateway) -> None:
    """Prometheus' own parser reads them."""
    names = {name for name, _, _ in samples(serving.ask_admin("/metrics").body.decode("utf-8"))}
    assert any(name.startswith("keyhatch_") for name in names)
    assert serving.ask_admin("/healthz").status == 200


def try_the_demo(here: Installed) -> None:
    """The demo says what to paste, and the key in it works."""
    (here.home / "config.yaml").unlink()
    with here.serve("--demo", "--proxy", "127.0.0.1:0", "--admin", "127.0.0.1:0") as serving:
        told = eventually(lambda: re.search(r"kh_\w{49}", serving.out + serving.log), "a key to paste")
        assert serving.ask("/v1/models", key=told[0]).status == 200
