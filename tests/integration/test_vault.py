"""The vault with real parts: commands set, the SDK uses, the provider sees its key, and nobody else does."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from signal import SIGHUP
from typing import Any

import psutil
import pytest
from openai import InternalServerError, OpenAI

from tests.support.running_gateway import Home, RunningGateway, eventually

REAL = "sk-real-9f2c41d07be84a6e"
WRONG = "sk-wrong-77aa12c3d4e5f607"
INVALID = "upstream_credential_invalid"


class Provider(BaseHTTPRequestHandler):
    """Answers as OpenAI does, to whoever shows its key; keeps every head it was sent."""

    protocol_version = "HTTP/1.1"
    seen: list[str]

    def do_GET(self) -> None:
        """`/v1/models`, with its key."""
        self.seen.append(f"{self.requestline}\n{self.headers}")
        if self.headers.get_all("Authorization") != [f"Bearer {REAL}"]:
            error = {"message": f"Incorrect API key provided: {self.headers['Authorization']}"}
            self._answer(401, {"error": {**error, "code": "invalid_api_key"}})
        else:
            self._answer(200, {"object": "list", "data": [{"id": "gpt-tiny", "object": "model"}]})

    def _answer(self, status: int, data: Any) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def provider() -> Iterator[ThreadingHTTPServer]:
    Provider.seen = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        yield server
        server.shutdown()
        serving.join()


def configure(home: Home, server: ThreadingHTTPServer, **vault: str) -> None:
    url = f"http://127.0.0.1:{server.server_port}"
    routes: list[dict[str, Any]] = [
        {"id": name, "path": f"/{name}/**", "upstream": name, "scopes": []} for name in ("v1", "free")
    ]
    upstreams = {"v1": {"url": url, "credential": "vault:openai"}, "free": {"url": url}}
    home.configure(url, routes, upstreams=upstreams, vault=vault or {"key_file": "vault.key"})


def prepared(home: Home, server: ThreadingHTTPServer, value: str = REAL) -> str:
    """A vault with a credential in it; the secret of a key of the gateway."""
    configure(home, server)
    assert home.keyhatch("credentials", "new-key", "vault.key").code == 0
    secret = home.create("SDK")
    assert home.keyhatch("credentials", "set", "openai", given=f"{value}\n").code == 0
    return secret


def models(gateway: RunningGateway, secret: str) -> list[str]:
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=secret, max_retries=0) as client:
        return [model.id for model in client.models.list()]


def test_the_sdk_works_with_our_key_and_the_provider_sees_its_own(
    home: Home, provider: ThreadingHTTPServer
) -> None:
    secret = prepared(home, provider)
    with home.serve() as gateway:
        assert models(gateway, secret) == ["gpt-tiny"]
        tested = home.keyhatch("credentials", "test", "openai", "-o", "json").data
        assert [(each["upstream"], each["result"]) for each in tested] == [("v1", "accepted")]
        [told] = home.keyhatch("credentials", "list", "-o", "json").data
        assert (told["state"], told["preview"], told["upstreams"]) == ("ok", "sk-r…a6e", ["v1"])
        assert told["last_used_at"] is not None
        arguments = "\0".join(psutil.Process(gateway.process.pid).cmdline())
        log = gateway.log + gateway.out
    assert not [head for head in Provider.seen if secret in head]
    files = {path.name: path.read_bytes() for path in home.folder.iterdir() if path.is_file()}
    assert not [name for name, raw in files.items() if REAL.encode() in raw]
    assert REAL not in log + arguments


def test_a_wrong_one_is_replaced_without_a_restart_and_never_blamed_on_the_caller(
    home: Home, provider: ThreadingHTTPServer
) -> None:
    secret = prepared(home, provider, WRONG)
    with home.serve() as gateway:
        with pytest.raises(InternalServerError) as refusal:
            models(gateway, secret)
        assert "Your key is fine" in str(refusal.value)
        assert WRONG not in str(refusal.value)
        [told] = home.keyhatch("credentials", "list", "-o", "json").data
        assert told["state"] == "refused"
        assert gateway.metric("keyhatch_upstream_errors_total", reason=INVALID, upstream="v1") == 1
        assert home.keyhatch("credentials", "set", "openai", given=REAL).code == 0
        assert models(gateway, secret) == ["gpt-tiny"]
        assert home.keyhatch("credentials", "remove", "openai", "--yes").code == 0
        assert gateway.ask("/v1/models", key=secret).reason == INVALID
        assert gateway.ask("/v1/models").status == 401


def test_without_its_key_the_vault_alone_is_locked_and_opens_when_it_is_back(
    home: Home, provider: ThreadingHTTPServer, tmp_path: Path
) -> None:
    """As on another computer: another folder, the store by a backup, the key later and by another way."""
    secret = prepared(home, provider)
    assert home.keyhatch("backup", "moving.db").code == 0
    (tmp_path / "elsewhere").mkdir()
    new = Home(tmp_path / "elsewhere")
    configure(new, provider)
    assert new.keyhatch("restore", str(home.folder / "moving.db"), "--yes").code == 0
    with new.serve() as gateway:
        assert gateway.ask("/v1/models", key=secret).reason == INVALID
        assert gateway.ask("/free/x", key=secret).status == 401  # the provider's own word
        assert gateway.ask("/free/x").reason == "credential_missing"
        ready = gateway.ask_admin("/readyz")
        assert (ready.status, b"keyhatch credentials list" in ready.body) == (200, True)
        [told] = new.keyhatch("credentials", "list", "-o", "json").data
        assert (told["state"], "put it back" in told["why"]) == ("locked", True)
        doctor = new.keyhatch("doctor")
        assert "vault: locked" in doctor.out
        assert gateway.log.count("its upstreams are closed") == 1
        (new.folder / "vault.key").write_bytes((home.folder / "vault.key").read_bytes())
        (new.folder / "vault.key").chmod(0o600)
        gateway.signal(SIGHUP)
        eventually(lambda: gateway.ask("/v1/models", key=secret).status == 200 or None, "the vault opens")
        assert "vault: opens all" in new.keyhatch("doctor").out
    (new.folder / "vault.key").unlink()
    assert new.keyhatch("credentials", "new-key", "vault.key").code == 0
    [told] = new.keyhatch("credentials", "list", "-o", "json").data
    assert (told["state"], "another vault key" in told["why"]) == ("locked", True)
