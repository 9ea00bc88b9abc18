"""The command `keyhatch doctor`: goes round and tells, one line each. Exit code 1 if anything fails."""

from collections.abc import Sequence
from typing import Final

import click

from gateway.cli.doctor.finding import Finding, Patient, State, fail
from gateway.cli.doctor.rounds import go_round
from gateway.cli.everywhere import Command
from gateway.cli.failures import ExitCode
from gateway.cli.loading import load
from gateway.cli.output import Form, data, data_json, output_option, say, without_secrets
from gateway.cli.surroundings import Surroundings, pass_surroundings
from gateway.cli.table import clean
from gateway.config.problems import ConfigError

_COLOURS: Final = {State.OK: "green", State.WARN: "yellow", State.FAIL: "red"}


@click.command(cls=Command, short_help="Look at everything around the gateway, with mends.")
@output_option
@pass_surroundings
def doctor(surroundings: Surroundings, form: Form) -> int:
    """Look at everything around the gateway, whether or not it runs: one line each, with the mend.

    It changes nothing. Exit code 1 if anything fails.
    """
    try:
        patient = Patient(load(surroundings), surroundings.clock)
    except ConfigError as error:
        mend = "mend it there; everything else is looked at when it loads"
        found = [fail("configuration", str(problem), mend) for problem in error.problems]
    else:
        found = go_round(patient)
    _tell(found, form)
    return ExitCode.FAILED if any(each.state is State.FAIL for each in found) else ExitCode.DONE


def _tell(found: Sequence[Finding], form: Form) -> None:
    if form == "json":
        data_json([_as_data(each) for each in found])
        return
    for each in found:
        state = click.style(each.state.ljust(4), fg=_COLOURS[each.state])
        data(f"{state}  {clean(without_secrets(str(each)))}")
    counts = {state: sum(each.state is state for each in found) for state in State}
    say(f"{counts[State.OK]} ok, {counts[State.WARN]} to look at, {counts[State.FAIL]} failed.")


def _as_data(finding: Finding) -> dict[str, str]:
    return {
        "state": finding.state,
        "what": finding.what,
        "found": without_secrets(finding.found),
        "mend": finding.mend,
    }
