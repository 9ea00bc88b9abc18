"""Takes turns: every round measures every peer once, so that a noisy minute falls on all of them alike.

The order rotates from round to round, so that nobody always follows the same neighbour. A peer
that fails in a scenario is out of that scenario with its reason, and the others go on.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.load import LoadError
from bench.scenarios import Contender, Means, Sample, Scenario


@dataclass
class Figures:
    """What one scenario gave: samples by peer name, one for each round; and who is out, and why."""

    scenario: Scenario
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    out: dict[str, str] = field(default_factory=dict)

    def take(self, contender: Contender, means: Means) -> None:
        """Measure ``contender`` once more, unless it is out or has no part in this."""
        name = contender.peer.name
        if name in self.out or contender.only not in {None, self.scenario.name}:
            return
        try:
            sample = self.scenario.measure(contender, means)
        except (LoadError, OSError) as error:
            self.out[name] = str(error)
            self.samples.pop(name, None)
            _say(f"{self.scenario.name:12} {name:20} out: {error}")
            return
        self.samples.setdefault(name, []).append(sample)
        _say(f"{self.scenario.name:12} {name:20} {sample.cost:9.1f} {self.scenario.unit}")


def order(contenders: Sequence[Contender], turn: int) -> list[Contender]:
    """All ``contenders``, beginning ``turn`` places later."""
    start = turn % len(contenders) if contenders else 0
    return [*contenders[start:], *contenders[:start]]


def run(
    scenarios: Sequence[Scenario], contenders: Sequence[Contender], means: Means, rounds: int
) -> list[Figures]:
    """Measure all ``scenarios``: those taken once first, without load, then ``rounds`` times the others."""
    figures = [Figures(scenario) for scenario in scenarios]
    for each in figures:
        if each.scenario.once:
            for contender in contenders:
                each.take(contender, means)
    for turn in range(rounds):
        _say(f"round {turn + 1} of {rounds}")
        for each in figures:
            if not each.scenario.once:
                for contender in order(contenders, turn):
                    each.take(contender, means)
    return figures


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
