"""Guarantees of bench/__main__.py: a quick look is what it is, and what a run does without is named."""

import pytest

from bench import peers, work
from bench.__main__ import _arguments, _left_out


def test_a_whole_run_leaves_out_nobody() -> None:
    args = _arguments([])
    assert (args.rounds, args.seconds, args.output) == (5, 4, None)
    assert set(args.peers) == {peer.name for peer in peers.ALL}
    assert not any(_left_out(args).values())


def test_a_quick_look_measures_little_and_is_written_nowhere() -> None:
    args = _arguments(["--quick", "--no-fetch"])
    assert (args.rounds, args.seconds, args.output, args.fetch) == (3, 1, "-", False)
    assert (args.peers, args.scenarios) == (peers.QUICK, work.QUICK)


@pytest.mark.parametrize(
    "chosen",
    [
        ["--peers", "nginx"],
        ["--scenarios", "small"],
        ["--output", "x.md"],
        ["--rounds", "5"],
        ["--seconds", "4"],
    ],
    ids=lambda chosen: str(chosen[0]),
)
def test_a_quick_look_refuses_what_it_would_ignore(
    chosen: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        _arguments(["--quick", *chosen])
    assert ended.value.code == 2
    assert f"--quick chooses for itself: leave out {chosen[0]}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (["--quick"], "a quick look leaves out"),
        (["--peers", *peers.QUICK, "--scenarios", *work.QUICK], "were not asked for"),
    ],
    ids=["quick", "chosen"],
)
def test_who_and_what_a_run_does_without_is_named(argv: list[str], why: str) -> None:
    out = _left_out(_arguments(argv))
    assert list(out) == [f"Peers that {why}", f"Measurements that {why}"]
    titles, kinds = out.values()
    assert len(titles) == len(peers.ALL) - len(peers.QUICK)
    assert len(kinds) == len(work.ALL) - len(work.QUICK)
    assert "Small request" not in kinds
