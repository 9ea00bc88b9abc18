"""Who is up: every peer that can be had, once more with an access log where that is wanted; or why not."""

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bench import stage
from bench.cores import Cores
from bench.peers.contract import Peer, Site
from bench.peers.nginx import Nginx
from bench.scenarios import Contender
from bench.stage import Stage
from bench.tools import Absent, Tool

CORES = Cores(frozenset({0}), frozenset({0}), frozenset({0}))


@dataclass(frozen=True)
class Named(Nginx):
    name: str = ""
    title: str = ""


PEERS = [Named(name, name.upper()) for name in ("whole", "absent", "mute", "chat")]


@pytest.fixture
def sites(monkeypatch: pytest.MonkeyPatch) -> list[Site]:
    """Where peers were started; nothing really is."""
    seen: list[Site] = []

    def start(_stack: ExitStack, peer: Peer, site: Site, _cores: Cores, *, fetch: bool) -> Contender:
        seen.append(site)
        if peer.name == "absent":
            raise Absent(f"not on PATH, fetching was {fetch}")
        if peer.name == "mute" and site.logs_access:
            raise Absent("it cannot log")
        up = Contender(peer, "1.0", site.port, 1, "right", "wrong", refusal_keeps=True)
        return replace(up, only="chat" if peer.name == "chat" else None)

    monkeypatch.setattr(stage, "_start", start)
    monkeypatch.setattr(stage, "_start_upstream", lambda *_: 40002)
    return seen


def build(place: Path, **wanted: Any) -> Stage:
    with ExitStack() as stack:
        return stage.build(stack, PEERS, Tool("nginx", "1.0", {}), place, CORES, fetch=False, **wanted)


@pytest.mark.usefixtures("sites")
def test_a_peer_that_cannot_be_had_is_skipped_by_name_and_the_others_go_on(tmp_path: Path) -> None:
    built = build(tmp_path)
    assert built.skipped == {"ABSENT": "not on PATH, fetching was False"}
    assert [each.peer.name for each in built.contenders] == ["whole", "mute", "chat"]


def test_each_is_started_once_more_with_an_access_log_and_says_why_if_it_cannot(
    sites: list[Site], tmp_path: Path
) -> None:
    whole, mute, chat = build(tmp_path, with_logs=True).contenders
    assert isinstance(whole.logged, Contender)
    assert mute.logged == "it cannot log"
    assert isinstance(chat.logged, str)
    assert [site.place.name for site in sites if site.logs_access] == ["whole-logged", "mute-logged"]
    assert len({site.port for site in sites}) == len({site.place for site in sites}) == len(sites)


def test_without_need_nobody_logs_and_no_keys_are_laid_in(sites: list[Site], tmp_path: Path) -> None:
    build(tmp_path)
    assert [(site.logs_access, site.cold_keys) for site in sites] == [(False, 0)] * len(PEERS)


def test_keys_are_laid_in_for_those_that_are_measured_with_them(sites: list[Site], tmp_path: Path) -> None:
    build(tmp_path, with_logs=True, cold_keys=7)
    assert {site.cold_keys for site in sites if not site.logs_access} == {7}
    assert {site.cold_keys for site in sites if site.logs_access} == {0}
