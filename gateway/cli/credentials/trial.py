"""`keyhatch credentials test`: one real request to each upstream that is lent a credential."""

from typing import Final

import click

from gateway.cli.credentials.desk import ask
from gateway.cli.everywhere import Command
from gateway.cli.failures import ExitCode
from gateway.cli.output import Form, data, data_json, data_rows, on_terminal, output_option, say
from gateway.cli.surroundings import Surroundings, pass_surroundings
from gateway.keeper.credential_json import trial_json
from gateway.keeper.credentials import Trial, TrialResult

_SENTENCES: Final = {
    TrialResult.ACCEPTED: "accepted: {asked} was answered {status}",
    TrialResult.REFUSED: "refused: {asked} was answered {status}. Set another credential",
    TrialResult.UNREACHABLE: "unreachable: {asked} had no answer. See `keyhatch doctor`",
    TrialResult.UNCLEAR: "unclear: {asked} was answered {status}, which tells neither way",
    TrialResult.LOCKED: "locked: it cannot be opened. See `keyhatch credentials list`",
}


@click.command(cls=Command)
@click.argument("name")
@output_option
@pass_surroundings
def test(surroundings: Surroundings, name: str, form: Form) -> int:
    """Show a credential to its upstreams, with one real request each, and tell what they say.

    Exit code 0 if each accepted it.
    """
    found = ask(surroundings, lambda desk: desk.test_credential(name))
    if form == "json":
        data_json([trial_json(each) for each in found])
    elif found and on_terminal():
        for each in found:
            data(f"{each.upstream}  {_told(each)}.")
    elif found:
        data_rows([(each.upstream, each.result.value, each.asked, str(each.status or "")) for each in found])
    else:
        say(f"No upstream is lent {name}: nobody was asked. Say `credential: vault:{name}` at one.")
    is_accepted = all(each.result is TrialResult.ACCEPTED for each in found)
    return ExitCode.DONE if found and is_accepted else ExitCode.FAILED


def _told(trial: Trial) -> str:
    return _SENTENCES[trial.result].format(asked=trial.asked, status=trial.status)
