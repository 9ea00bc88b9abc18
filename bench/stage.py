"""Builds what is measured: the upstream, and every peer that is here and does the same job.

Where an access log is to be measured, every peer is started once more with one.
All peers stay up for the whole run (an idle one costs next to nothing, and only the CPU of the
one under load is counted), each in a private folder, on a port of its own, on the peers' core.
"""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench import same_job, tools, upstream
from bench.cores import Cores
from bench.peers.contract import Peer, Site, made_up_key
from bench.peers.keyhatch import CHECKOUT, CommandError
from bench.process import StartError, free_port, serving
from bench.scenarios import Contender
from bench.tools import Absent, Tool

UNFIT = (Absent, StartError, CommandError, same_job.NotTheSame)
"""Why a peer is skipped by name."""


@dataclass
class Stage:
    """Who is up, and who was skipped (by title) for which reason."""

    contenders: list[Contender] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)


def build(
    stack: ExitStack,
    chosen: Sequence[Peer],
    nginx: Tool,
    place: Path,
    cores: Cores,
    *,
    fetch: bool,
    with_logs: bool = False,
    cold_keys: int = 0,
) -> Stage:
    """Start the upstream and the ``chosen`` peers as they are wanted; ``stack`` stops them all."""
    stage = Stage()
    upstream_port = _start_upstream(stack, nginx, _folder(place / "upstream"), cores)
    for peer in chosen:
        site = Site(_folder(place / peer.name), free_port(), upstream_port, cold_keys=cold_keys)
        try:
            contender = _start(stack, peer, site, cores, fetch=fetch)
        except UNFIT as reason:
            stage.skipped[peer.title] = str(reason)
            print(f"Skipped {peer.title}: {reason}", file=sys.stderr)
            continue
        if with_logs and contender.only is None:
            contender = replace(contender, logged=_start_logged(stack, peer, site, cores))
        stage.contenders.append(contender)
    return stage


def measuring_tools(*, fetch: bool) -> tuple[Tool, Tool]:
    """The programs without which nothing can be measured: wrk, and nginx for the upstream; raises Absent."""
    return tools.debian("wrk", "-v", fetch=fetch), tools.debian("nginx", "-v", fetch=fetch)


def _start_upstream(stack: ExitStack, nginx: Tool, place: Path, cores: Cores) -> int:
    port = free_port()
    ticker_port = free_port()
    ticker = [sys.executable, "-m", "bench.ticker", str(ticker_port)]
    ticking = serving(
        ticker, port=ticker_port, cores=cores.upstream, place=place, env=nginx.env, cwd=CHECKOUT
    )
    stack.enter_context(ticking)
    command = upstream.command(nginx.path, place, port, ticker_port)
    stack.enter_context(serving(command, port=port, cores=cores.upstream, place=place, env=nginx.env))
    same_job.check_witness(port, key=made_up_key())
    return port


def _start_logged(stack: ExitStack, peer: Peer, site: Site, cores: Cores) -> Contender | str:
    """The same peer with an access log, or why it cannot be had."""
    place = _folder(site.place.with_name(f"{site.place.name}-logged"))
    try:
        return _start(
            stack, peer, Site(place, free_port(), site.upstream_port, logs_access=True), cores, fetch=False
        )
    except UNFIT as reason:
        return str(reason)


def _start(stack: ExitStack, peer: Peer, site: Site, cores: Cores, *, fetch: bool) -> Contender:
    tool = peer.find(fetch=fetch)
    ready = peer.set_up(tool, site)
    server = serving(
        ready.command,
        port=site.port,
        cores=cores.peer,
        place=site.place,
        env=ready.env,
        cwd=ready.cwd,
        start_max_s=ready.start_max_s,
    )
    pid = stack.enter_context(server)
    keeps = same_job.check_chat(site.port, key=ready.key, wrong_key=ready.wrong_key)
    if ready.only is None:
        keeps = same_job.check(site.port, key=ready.key, wrong_key=ready.wrong_key)
    return Contender(
        peer,
        tool.version,
        site.port,
        pid,
        ready.key,
        ready.wrong_key,
        keeps,
        site.upstream_port,
        ready.access_log,
        ready.keyring,
        ready.only,
    )


def _folder(path: Path) -> Path:
    path.mkdir(mode=0o700)
    return path
