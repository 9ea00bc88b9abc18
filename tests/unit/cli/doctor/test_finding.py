"""Guarantees of gateway/cli/doctor/finding.py: a finding reads as one line, with its mend."""

from gateway.cli.doctor.finding import State, fail, ok, warn


def test_a_finding_says_what_how_and_what_to_do() -> None:
    assert (str(ok("disk", "plenty")), ok("disk", "plenty").state) == ("disk: plenty", State.OK)
    assert str(warn("disk", "little", "free some")) == "disk: little; free some"
    assert [warn("a", "b", "c").state, fail("a", "b", "c").state] == [State.WARN, State.FAIL]
