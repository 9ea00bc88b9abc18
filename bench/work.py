"""All scenarios, in the order in which they are measured and reported. A new one is a line here."""

from bench import bodies, keys_at_work, logged, scenarios
from bench.scenarios import Scenario

ALL: tuple[Scenario, ...] = (*scenarios.SMALL, *logged.ALL, *bodies.ALL, *keys_at_work.ALL)

QUICK = ("small", "refused", "stream")
"""What ``make bench-quick`` measures."""
