"""Old clients keep working: their strings are imported while a gateway serves, and count within a second."""

import time
from collections.abc import Iterator

import pytest

from tests.support.plain_caller import ask
from tests.support.real_upstreams import DemoUpstream
from tests.support.running_gateway import Home, RunningGateway, eventually

TEXT = "sk-q7ZbR2mX9tLw4VnKc8DsPe"
OTHER = "d7a56d3cfcf9a44dc716691acdaba1b8"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with DemoUpstream() as upstream:
        home = Home(tmp_path_factory.mktemp("home"))
        home.configure(upstream.url)
        yield home


@pytest.mark.parametrize("plane", ["lean", "aiohttp"])
def test_a_string_works_as_soon_as_it_is_imported_and_after_a_restart(
    plane: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with DemoUpstream() as upstream:
        home = Home(tmp_path_factory.mktemp("home"))
        home.configure(upstream.url, server={"proxy": "127.0.0.1:0", "admin": "127.0.0.1:0", "plane": plane})
        with home.serve() as gateway:
            assert status(gateway) == 401
            assert (
                home.keyhatch("keys", "import", "-", "--format", "lines", given=f"old app,{TEXT}\n").code == 0
            )
            at = time.monotonic()
            eventually(lambda: status(gateway) == 200, "the imported string works", 1.0)
            assert time.monotonic() - at < 1.0
            used = home.keyhatch("keys", "list", "-o", "json").data
            assert [key["preview"] for key in used if key["name"] != "admin"] == ["sk-q…DsPe"]
            told = gateway.log + home.keyhatch("audit", "export").out
        with home.serve() as again:
            assert status(again) == 200
            assert home.keyhatch("keys", "revoke", "old app", "--yes").code == 0
            assert status(again) == 401
            told += again.log
        assert TEXT not in told
        raw = b"".join(file.read_bytes() for file in home.folder.iterdir() if file.is_file())
        assert TEXT.encode() not in raw


def test_keys_move_from_one_running_gateway_to_another(
    home: Home, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with home.serve():
        secret = home.create("mover")
        home.keyhatch("keys", "import", "-", "--format", "lines", given=f"old,{OTHER}\n")
        exported = home.keyhatch("keys", "export").out
    with DemoUpstream() as upstream:
        there = Home(tmp_path_factory.mktemp("there"))
        there.configure(upstream.url)
        with there.serve() as gateway:
            assert there.keyhatch("keys", "import", "-", given=exported).code == 0
            assert (status(gateway, secret), status(gateway, OTHER)) == (200, 200)
            assert there.keyhatch("keys", "import", "-", given=exported).code == 2
            found = there.keyhatch("scan", "-", given=f"{secret}\n")
            assert (found.code, secret in found.out + found.err) == (1, False)


def status(gateway: RunningGateway, text: str = TEXT) -> int:
    """What a client is answered that knows nothing of this gateway."""
    return ask(gateway.port, "/v1/models", headers={"Authorization": f"Bearer {text}"}).status
