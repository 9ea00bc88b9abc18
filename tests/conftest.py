"""What every test stands on: Hypothesis without luck, coverage with floors, the count of the gauntlet.

Hypothesis draws the same examples on every run, so a red build is red for everyone. To look for new
counterexamples run `pytest --hypothesis-profile explore tests/fuzz`.
"""

import hypothesis
import pytest

from tests.support.coverage_floors import CoverageFloors
from tests.support.tally import Tally

hypothesis.settings.register_profile("steady", derandomize=True, deadline=None, print_blob=True)
hypothesis.settings.register_profile("explore", max_examples=5_000, deadline=None, print_blob=True)
hypothesis.settings.load_profile("steady")


def pytest_configure(config: pytest.Config) -> None:
    """Hold the coverage floors in runs that measure coverage, and count what the gauntlet tried."""
    config.pluginmanager.register(CoverageFloors(), "coverage-floors")
    config.pluginmanager.register(Tally(), "gauntlet-tally")
