"""What every test stands on: Hypothesis without luck, and coverage with floors.

Hypothesis draws the same examples on every run, so a red build is red for everyone. To look for new
counterexamples run `pytest --hypothesis-profile explore tests/fuzz`.
"""

import hypothesis
import pytest

from tests.support.coverage_floors import CoverageFloors

hypothesis.settings.register_profile("steady", derandomize=True, deadline=None, print_blob=True)
hypothesis.settings.register_profile("explore", max_examples=5_000, deadline=None, print_blob=True)
hypothesis.settings.load_profile("steady")


def pytest_configure(config: pytest.Config) -> None:
    """Hold the coverage floors in runs that measure coverage."""
    config.pluginmanager.register(CoverageFloors(), "coverage-floors")
