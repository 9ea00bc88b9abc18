"""Signed addresses with the real command, with and without a gateway, as the vault's key comes and goes."""

import base64
import json
from signal import SIGHUP

from tests.support.lasting_upstream import LastingUpstream
from tests.support.running_gateway import Home, RunningGateway, eventually

VAULT_KEY = base64.b64encode(bytes(range(32))).decode()
VAULT = {"key_file": "vault.key"}


def put_key(home: Home, text: str = VAULT_KEY) -> None:
    file = home.folder / "vault.key"
    file.write_text(text)
    file.chmod(0o600)


def sign(home: Home, path: str = "/v1/models") -> str:
    ran = home.keyhatch("sign", path, "--key", "Player", "-o", "json")
    assert ran.code == 0, ran.err
    return str(json.loads(ran.out)["address"])


def reason(gateway: RunningGateway, address: str) -> str | None:
    return gateway.ask(address, key="").reason


def test_what_was_signed_without_a_gateway_opens_at_one_and_ends_with_its_key(home: Home) -> None:
    with LastingUpstream() as upstream:
        home.configure(upstream.url, vault=VAULT)
        put_key(home)
        home.create("Player")
        before = sign(home)
        with home.serve() as gateway:
            during = sign(home)
            assert [reason(gateway, each) for each in (before, during)] == [None, None]
            assert reason(gateway, before + "0") == "signature_invalid"
            assert home.keys("disable", "Player").code == 0
            assert [reason(gateway, each) for each in (before, during)] == ["key_disabled"] * 2
            assert "kh_signature=" not in gateway.log


def test_a_copy_of_the_store_alone_signs_nothing_that_opens(home: Home) -> None:
    with LastingUpstream() as upstream:
        home.configure(upstream.url, vault=VAULT)
        home.create("Player")
        refused = home.keyhatch("sign", "/v1/models", "--key", "Player")
        assert (refused.code, refused.out) == (1, "")
        assert "vault.key_file" in refused.err
        put_key(home, base64.b64encode(bytes(32)).decode())
        with_another_key = sign(home)
        put_key(home)
        with home.serve() as gateway:
            assert reason(gateway, with_another_key) == "signature_invalid"


def test_a_reload_takes_the_vaults_key_as_it_is_then(home: Home) -> None:
    with LastingUpstream() as upstream:
        home.configure(upstream.url, vault=VAULT)
        put_key(home)
        home.create("Player")
        address = sign(home)
        (home.folder / "vault.key").unlink()
        with home.serve() as gateway:
            assert reason(gateway, address) == "signature_invalid"
            put_key(home)
            gateway.signal(SIGHUP)
            eventually(lambda: reason(gateway, address) is None, "the key is read anew")
