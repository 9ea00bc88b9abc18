"""Every round measures everybody once, and one failure is not everybody's."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from bench import rounds
from bench.load import LoadError
from bench.peers.nginx import Nginx
from bench.scenarios import Contender, Means, Sample
from bench.tools import Tool

MEANS = Means(Tool("wrk", "1.0", {}), frozenset({0}), seconds=1)


@dataclass(frozen=True)
class Named(Nginx):
    name: str = ""


@dataclass(frozen=True)
class Recorder:
    """A scenario that notes whose turn it was."""

    act: Callable[[str], float]
    turns: list[str] = field(default_factory=list)
    name: str = "recorder"
    title: str = "Recorder"
    unit: str = "turns"
    about: str = ""
    once: bool = False
    beside: str | None = None

    def measure(self, contender: Contender, means: Means) -> Sample:
        self.turns.append(contender.peer.name)
        return Sample(self.act(contender.peer.name))


def contenders(names: str) -> list[Contender]:
    return [Contender(Named(name), "1.0", 1, 1, "right", "wrong", refusal_keeps=True) for name in names]


def test_each_round_measures_each_peer_once_and_begins_with_another() -> None:
    scenario = Recorder(act=lambda _: 1.0)
    (figures,) = rounds.run([scenario], contenders("abc"), MEANS, rounds=3)
    assert scenario.turns == [*"abc", *"bca", *"cab"]
    assert {name: len(samples) for name, samples in figures.samples.items()} == {"a": 3, "b": 3, "c": 3}


def test_what_is_measured_once_comes_before_all_load() -> None:
    turns: list[str] = []

    def note(what: str) -> Callable[[str], float]:
        def act(name: str) -> float:
            turns.append(f"{what} {name}")
            return 1.0

        return act

    loaded, idle = Recorder(note("loaded")), Recorder(note("idle"), once=True)
    rounds.run([loaded, idle], contenders("ab"), MEANS, rounds=2)
    assert turns == ["idle a", "idle b", "loaded a", "loaded b", "loaded b", "loaded a"]


@pytest.mark.parametrize("error", [LoadError("3 of 9 answers were refused"), ProcessLookupError("gone")])
def test_a_peer_that_fails_is_out_with_its_reason_and_the_others_go_on(error: Exception) -> None:
    calls: list[str] = []

    def act(name: str) -> float:
        calls.append(name)
        if name == "b" and calls.count("b") == 2:
            raise error
        return 1.0

    (figures,) = rounds.run([Recorder(act)], contenders("ab"), MEANS, rounds=4)
    assert figures.out == {"b": str(error)}
    assert {name: len(samples) for name, samples in figures.samples.items()} == {"a": 4}
    assert calls.count("b") == 2


def test_a_peer_for_one_scenario_has_no_part_in_the_others() -> None:
    alone = replace(contenders("a")[0], only="chat")
    here, elsewhere = Recorder(act=lambda _: 1.0, name="chat"), Recorder(act=lambda _: 1.0)
    figures = rounds.run([here, elsewhere], [alone], MEANS, rounds=1)
    assert (here.turns, elsewhere.turns) == (["a"], [])
    assert not any(each.out for each in figures)


def test_without_peers_there_is_nothing_to_take_turns() -> None:
    (figures,) = rounds.run([Recorder(act=lambda _: 1.0)], [], MEANS, rounds=2)
    assert not figures.samples
