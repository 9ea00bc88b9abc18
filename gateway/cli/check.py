"""`keyhatch check`: every problem of the configuration at once, each where it stands."""

from collections.abc import Sequence

import click

from gateway.cli.everywhere import Command
from gateway.cli.failures import ExitCode
from gateway.cli.loading import load
from gateway.cli.output import Form, data, data_json, output_option, say, warn
from gateway.cli.surroundings import Surroundings, pass_surroundings
from gateway.config.compile import table
from gateway.config.load import Loaded
from gateway.config.problems import ConfigError, Problem


@click.command(cls=Command, short_help="Check the configuration; name all that is wrong.")
@output_option
@pass_surroundings
def check(surroundings: Surroundings, form: Form) -> int:
    """Check the configuration: file, environment and flags, all problems at once.

    Each problem is one line on stdout, file:line:column: path: message. Exit code 2 if there is any.
    """
    try:
        loaded = load(surroundings, need_upstream=True)
    except ConfigError as error:
        if form == "json":
            _tell_json(error.problems, error.warnings)
        else:
            _tell(error)
        return ExitCode.USAGE
    if form == "json":
        _tell_json((), loaded.warnings)
    else:
        _warn_of(loaded.warnings)
        say(_verdict(loaded))
    return ExitCode.DONE


def _tell(error: ConfigError) -> None:
    for problem in error.problems:
        data(str(problem))
    _warn_of(error.warnings)
    count = len(error.problems)
    say(f"{count} problem{'s' if count > 1 else ''}: nothing would be served until mended.")


def _warn_of(warnings: Sequence[Problem]) -> None:
    for warning in warnings:
        warn(str(warning))


def _tell_json(problems: Sequence[Problem], warnings: Sequence[Problem]) -> None:
    data_json(
        {
            "ok": not problems,
            "problems": [_as_json(problem) for problem in problems],
            "warnings": [_as_json(warning) for warning in warnings],
        }
    )


def _verdict(loaded: Loaded) -> str:
    settings = loaded.settings
    where = "No file" if loaded.path is None else str(loaded.path)
    own, every = len(settings.routes), len(table(settings).routes)
    more = f" and {every - own} of presets" if every > own else ""
    return f"{where}: ok. Routes: {own}{more}, upstreams: {len(settings.upstreams)}."


def _as_json(problem: Problem) -> dict[str, object]:
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "path": problem.path,
        "message": problem.message,
    }
