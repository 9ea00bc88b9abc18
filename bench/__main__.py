"""``python -m bench``: measures this gateway beside every peer that is here, and writes RESULTS.md.

A run in which the gateway itself had no part goes to standard output: it is no result of ours.

Nothing is left running, and nothing is written but the report and ``bench/.cache``.
"""

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bench import keys_at_work, machine, peers, rounds, stage, work
from bench.chart import draw
from bench.cores import share
from bench.report import Row, Run, render
from bench.scenarios import Contender, Means
from bench.tools import Absent

RESULTS = Path(__file__).with_name("RESULTS.md")
CHART = Path(__file__).with_name("small.svg")
WHOLE: Final[Mapping[str, Any]] = {
    "rounds": 5,
    "seconds": 4,
    "peers": [peer.name for peer in peers.ALL],
    "scenarios": [scenario.name for scenario in work.ALL],
}
QUICK: Final[Mapping[str, Any]] = {
    "rounds": 3,
    "seconds": 1,
    "peers": peers.QUICK,
    "scenarios": work.QUICK,
    "output": "-",
}
"""What a run is where nothing else is asked for, and what a quick look is whatever is asked for."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; 0 when the gateway was measured, 1 when it could not be."""
    args = _arguments(argv)
    if sys.platform != "linux":
        print("Nothing can be measured here: CPU time is read from Linux's /proc.", file=sys.stderr)
        return 1
    try:
        wrk, nginx = stage.measuring_tools(fetch=args.fetch)
    except Absent as absent:
        print(f"Nothing can be measured without wrk and nginx: {absent}", file=sys.stderr)
        return 1
    cores = share(os.sched_getaffinity(0))
    chosen = [peer for peer in peers.ALL if peer.name in args.peers]
    picked = [scenario for scenario in work.ALL if scenario.name in args.scenarios]
    with_logs = "logged" in args.scenarios
    cold_keys = keys_at_work.COLD * args.rounds if "cold" in args.scenarios else 0
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="keyhatch-bench-")))
        built = stage.build(
            stack,
            chosen,
            nginx,
            place,
            cores,
            fetch=args.fetch,
            with_logs=with_logs,
            cold_keys=cold_keys,
        )
        means = Means(wrk, cores.load, args.seconds)
        figures = rounds.run(picked, built.contenders, means, args.rounds)
    run = Run(
        date=datetime.now(UTC).date().isoformat(),
        machine=machine.describe(),
        pinning=str(cores),
        rounds=args.rounds,
        seconds=args.seconds,
        tools={"wrk": wrk.version, "nginx": nginx.version},
        peers=[_row(contender) for contender in built.contenders],
        skipped=built.skipped,
        left_out=_left_out(args),
        references=peers.REFERENCES,
        figures=figures,
    )
    measured = any(row.name.startswith("keyhatch") for row in run.peers)
    _write(render(run), args.output or (str(RESULTS) if measured else "-"))
    small = next((each for each in figures if each.scenario.name == "small"), None)
    if measured and small is not None and not args.output:
        CHART.write_text(draw(small, [(row.name, row.title) for row in run.peers]))
    if not measured:
        print("The gateway itself was not measured.", file=sys.stderr)
    return 0 if measured else 1


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    peer_names = [peer.name for peer in peers.ALL]
    names = [scenario.name for scenario in work.ALL]
    parser.add_argument("--rounds", type=int, help=f"turns of every peer (default: {WHOLE['rounds']})")
    parser.add_argument("--seconds", type=int, help=f"load per turn (default: {WHOLE['seconds']})")
    parser.add_argument("--peers", nargs="+", choices=peer_names, metavar="NAME")
    parser.add_argument("--scenarios", nargs="+", choices=names, metavar="NAME")
    parser.add_argument("--output", metavar="FILE", help="- for standard output (default: RESULTS.md)")
    parser.add_argument(
        "--no-fetch", dest="fetch", action="store_false", help="use only the programs that are here"
    )
    parser.add_argument("--quick", action="store_true", help="a look in under a minute, written nowhere")
    parser.epilog = f"Peers: {', '.join(peer_names)}. Scenarios: {', '.join(names)}."
    args = parser.parse_args(argv)
    chosen = [name for name in QUICK if getattr(args, name) is not None]
    if args.quick and chosen:
        parser.error(f"--quick chooses for itself: leave out --{' and --'.join(chosen)}")
    for name, value in (QUICK if args.quick else WHOLE).items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    return args


def _left_out(args: argparse.Namespace) -> dict[str, list[str]]:
    """Who and what has no part in this run although it could, by the reason; titles."""
    why = "a quick look leaves out" if args.quick else "were not asked for"
    return {
        f"Peers that {why}": [peer.title for peer in peers.ALL if peer.name not in args.peers],
        f"Measurements that {why}": [each.title for each in work.ALL if each.name not in args.scenarios],
    }


def _row(contender: Contender) -> Row:
    peer = contender.peer
    return Row(peer.name, peer.title, contender.version, peer.manner, contender.refusal_keeps)


def _write(text: str, output: str) -> None:
    if output == "-":
        print(text, end="")
    else:
        Path(output).write_text(text)
        print(f"Wrote {output}", file=sys.stderr)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    sys.exit(main())
