"""The scenarios fit together."""

from bench import scenarios


def test_names_are_unique_and_a_comparison_is_with_the_same_unit() -> None:
    by_name = {scenario.name: scenario for scenario in scenarios.ALL}
    assert len(by_name) == len(scenarios.ALL)
    for scenario in scenarios.ALL:
        if scenario.beside:
            assert by_name[scenario.beside].unit == scenario.unit
