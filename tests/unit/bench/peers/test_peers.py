"""Every peer's configuration is complete, and holds the key that it lets through."""

from pathlib import Path

import pytest
import yaml

from bench import peers
from bench.peers.contract import Peer, Site, made_up_key
from bench.peers.keyhatch import CONFIG
from bench.text import fill
from bench.tools import Tool

OURS = ("keyhatch", "nginx-auth-request")  # they run the real command to make their keys
CHAT_ALONE = ("litellm",)
OTHERS = [peer for peer in peers.ALL if not peer.name.startswith(OURS)]


@pytest.mark.parametrize("peer", OTHERS, ids=lambda peer: peer.name)
def test_a_peer_is_told_its_port_its_upstream_and_its_key_and_no_other_key(
    peer: Peer, tmp_path: Path
) -> None:
    ready = peer.set_up(Tool("/bin/program", "1.0", {}), Site(tmp_path, 40001, 40002))
    told = "".join(file.read_text() for file in tmp_path.iterdir())
    bound = ("127.0.0.1:40001", "port_value: 40001", "http://:40001", "--host 127.0.0.1 --port 40001")
    assert any(said in f"{told} {' '.join(ready.command)}" for said in bound)
    assert "127.0.0.1:40002" in told or "port_value: 40002" in told
    assert ready.key in told
    assert ready.wrong_key not in told
    assert ready.command[0] == "/bin/program"


@pytest.mark.parametrize("peer", OTHERS, ids=lambda peer: peer.name)
def test_a_key_does_not_stand_in_argv(peer: Peer, tmp_path: Path) -> None:
    ready = peer.set_up(Tool("/bin/program", "1.0", {}), Site(tmp_path, 40001, 40002))
    assert not any(ready.key in word for word in ready.command)


@pytest.mark.parametrize(
    "peer", [peer for peer in OTHERS if peer.name not in CHAT_ALONE], ids=lambda peer: peer.name
)
def test_a_peer_logs_its_access_if_it_is_asked_to_and_says_where(peer: Peer, tmp_path: Path) -> None:
    tool = Tool("/bin/program", "1.0", {})
    plain, logged = tmp_path / "plain", tmp_path / "logged"
    for place in (plain, logged):
        place.mkdir()
    assert peer.set_up(tool, Site(plain, 40001, 40002)).access_log is None
    ready = peer.set_up(tool, Site(logged, 40001, 40002, logs_access=True))
    told = "".join(file.read_text() for file in logged.iterdir())
    assert ready.access_log is not None
    assert ready.access_log.parent == logged
    assert str(ready.access_log) in told or "stdout" in told
    assert "status" in told or "json" in told


@pytest.mark.parametrize("peer", OTHERS, ids=lambda peer: peer.name)
def test_only_a_gateway_for_models_alone_is_kept_out_of_the_rest(peer: Peer, tmp_path: Path) -> None:
    ready = peer.set_up(Tool("/bin/program", "1.0", {}), Site(tmp_path, 40001, 40002))
    assert ready.only == ("chat" if peer.name in CHAT_ALONE else None)


def test_our_own_configuration_asks_for_scopes_and_no_access_log() -> None:
    config = yaml.safe_load(
        fill(CONFIG, port=1, admin_port=2, plane="aiohttp", upstream_port=3, access="off")
    )
    assert config["server"] == {"proxy": "127.0.0.1:1", "admin": "127.0.0.1:2", "plane": "aiohttp"}
    assert config["logging"]["access"] is False
    assert all(route["scopes"] for route in config["routes"])


def test_names_are_unique_and_the_references_are_among_them() -> None:
    names = [peer.name for peer in peers.ALL]
    assert len(set(names)) == len(names)
    assert set(peers.REFERENCES) <= set(names)


def test_a_made_up_key_is_as_long_as_a_real_one() -> None:
    assert len(made_up_key()) == len("kh_") + 43 + 6
    assert made_up_key() != made_up_key()
