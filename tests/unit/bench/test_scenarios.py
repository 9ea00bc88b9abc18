"""The scenarios fit together."""

from bench import work


def test_names_are_unique_and_a_comparison_is_with_the_same_unit() -> None:
    by_name = {scenario.name: scenario for scenario in work.ALL}
    assert len(by_name) == len(work.ALL)
    for scenario in work.ALL:
        if scenario.beside:
            assert by_name[scenario.beside].unit == scenario.unit
