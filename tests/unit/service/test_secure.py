"""Guarantees of gateway/service/secure.py: HTTPS is for life, its certificate is not."""

import ssl
from pathlib import Path

import aiohttp
import pytest

from gateway.config.problems import ConfigError
from gateway.tls.self_signed import SelfSigned, self_signed
from tests.support.tls_caller import NOW_S, pair, trusting, write_pair
from tests.unit.service.houses import House, until

SERVER = {"proxy": "127.0.0.1:0", "admin": "127.0.0.1:0"}
TLS = {"cert_file": "gate.crt", "key_file": "gate.key"}


def another() -> SelfSigned:
    """A pair beside the usual one."""
    return self_signed(["localhost"], NOW_S, 36_500)


def secure(**tls: str) -> dict[str, object]:
    """The section of a gateway with HTTPS."""
    return {**SERVER, "tls": {**TLS, **tls}}


async def shown(house: House, context: ssl.SSLContext, path: str = "/.keyhatch/health") -> int:
    """The status of an answer to somebody who trusts what the context says."""
    host, port = house.addresses.proxy
    async with house.callers.get(f"https://localhost:{port}{path}", ssl=context) as answer:
        await answer.read()
        assert host == "127.0.0.1"
        return answer.status


async def test_callers_speak_https_and_the_admin_listener_does_not_unless_said(house: House) -> None:
    write_pair(house.folder)
    await house.start(server=secure())
    assert await shown(house, trusting()) == 200
    assert (await house.ask_admin("/healthz"))[0] == 200


async def test_the_admin_listener_speaks_it_where_it_was_said(house: House) -> None:
    """Probes, pages and sign-in alike, whose cookie is then for HTTPS alone."""
    write_pair(house.folder)
    gateway = await house.start(server=secure(admin="on"))
    _, port = house.addresses.admin
    at = f"https://localhost:{port}"
    for path in ("/healthz", "/metrics", "/console/"):
        async with house.callers.get(at + path, ssl=trusting()) as answer:
            assert answer.status == 200
    with pytest.raises(aiohttp.ClientResponseError):
        async with house.callers.get(f"http://localhost:{port}/healthz", raise_for_status=True):
            pass
    key = await house.make_key("admin", "keyhatch:admin")
    async with house.callers.post(f"{at}/console/session", json={"key": key}, ssl=trusting()) as answer:
        assert answer.status == 201
        cookie = answer.headers["Set-Cookie"]
        assert (await answer.json())["proxy"]["scheme"] == "https"
    assert cookie.startswith("__Host-keyhatch_session")
    assert "; Secure" in cookie
    assert gateway.metrics.sources.tls_expires_at is not None


async def test_a_reload_takes_another_certificate_and_says_so(house: House) -> None:
    write_pair(house.folder)
    gateway = await house.start(server=secure())
    other = another()
    write_pair(house.folder, other)
    loaded = house.written(server=secure())
    assert gateway.reload(loaded).changed == ("server.tls.cert_file",)
    assert await shown(house, trusting(other)) == 200
    assert gateway.reload(loaded).changed == ()


async def test_a_certificate_that_breaks_in_between_keeps_everything_as_it_was(house: House) -> None:
    write_pair(house.folder)
    gateway = await house.start(server=secure())
    loaded = house.written(server=secure(), limits={"body": "1B"})
    (house.folder / "gate.key").unlink()
    with pytest.raises(ConfigError, match="there is no file"):
        gateway.reload(loaded)
    assert await shown(house, trusting()) == 200
    assert gateway._plane.ground.limits.body_bytes_max is None


async def test_https_comes_and_goes_with_a_restart_alone(house: House) -> None:
    write_pair(house.folder)
    gateway = await house.start(server=secure())
    assert gateway.reload(house.written(server=SERVER)).takes_restart == ("server.tls",)
    assert await shown(house, trusting()) == 200
    assert gateway._plane.ground.scheme == "https"


async def test_https_does_not_come_by_a_reload_either(house: House) -> None:
    write_pair(house.folder)
    gateway = await house.start()
    assert gateway.reload(house.written(server=secure())).takes_restart == ("server.tls",)
    assert gateway._plane.ground.scheme == "http"
    assert await house.status("/.keyhatch/health") == 200


async def test_files_that_change_are_followed_by_themselves(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.service.file_watch.look_again_and_again.__defaults__", (0.01,))
    write_pair(house.folder)
    gateway = await house.start(server=secure())
    assert gateway._secure.door is not None
    before = gateway._secure.door.context
    write_pair(house.folder, another())
    await until(lambda: gateway._secure.door and gateway._secure.door.context is not before, "it is taken")
    assert 'keyhatch_tls_certificate_reloads_total{outcome="success"} 1.0' in await house.metrics()


async def test_a_start_with_a_broken_pair_is_refused(house: House, tmp_path: Path) -> None:
    write_pair(house.folder)
    gateway = house.built(server=secure())
    (tmp_path / "gate.crt").write_bytes(pair().key)
    with pytest.raises(ConfigError, match="holds no certificate"):
        await gateway.start()
