"""`keyhatch keys pattern`: what our keys look like, in the words of secret scanners.

A scanner that knows the form finds a key that somebody committed, before anybody else does. A key ends in a
checksum, so whoever finds a text of this form can tell a real one from chance: `keyhatch keys verify`.
"""

from collections.abc import Callable, Mapping
from typing import Final

import click

from gateway.cli.everywhere import Command
from gateway.cli.loading import load
from gateway.cli.output import Form, data, data_json, output_option
from gateway.cli.surroundings import Surroundings, pass_surroundings
from gateway.core.keys import BODY_CHARS, CHECKSUM_CHARS

_CHARS: Final = f"[0-9A-Za-z]{{{BODY_CHARS + CHECKSUM_CHARS}}}"


@click.command(cls=Command)
@click.option(
    "--for",
    "scanner",
    type=click.Choice(["regex", "gitleaks", "trufflehog", "github"]),
    default="regex",
    show_default=True,
    help="In whose words.",
)
@output_option
@pass_surroundings
def pattern(surroundings: Surroundings, scanner: str, form: Form) -> None:
    """Print what our keys look like, for secret scanners.

    gitleaks: a rule for .gitleaks.toml. trufflehog: a detector for its --config. github: the fields of a
    custom pattern (Settings, Code security, Custom patterns).
    """
    prefix = load(surroundings).settings.keys.prefix
    if form == "json":
        data_json({name: words(prefix) for name, words in PATTERNS.items()})
    else:
        data(PATTERNS[scanner](prefix))


def regex(prefix: str) -> str:
    """A regular expression that finds a whole key and nothing within a longer word; RE2 takes it too."""
    return rf"\b{prefix}_{_CHARS}\b"


def gitleaks(prefix: str) -> str:
    """A rule of gitleaks, TOML."""
    return (
        "[[rules]]\n"
        f'id = "keyhatch-{prefix}"\n'
        'description = "Keyhatch API key"\n'
        f"regex = '''{regex(prefix)}'''\n"
        f'keywords = ["{prefix}_"]'
    )


def trufflehog(prefix: str) -> str:
    """A custom detector of trufflehog, YAML."""
    return (
        "detectors:\n"
        f"  - name: keyhatch-{prefix}\n"
        f'    keywords: ["{prefix}_"]\n'
        "    regex:\n"
        f"      key: '{regex(prefix)}'"
    )


def github(prefix: str) -> str:
    """The fields of a custom pattern of GitHub secret scanning, one per line."""
    return (
        f"Pattern name: Keyhatch API key ({prefix}_)\n"
        f"Secret format: {prefix}_{_CHARS}\n"
        r"Before secret: \A|[^0-9A-Za-z_]"
        "\n"
        r"After secret: \z|[^0-9A-Za-z_]"
    )


PATTERNS: Final[Mapping[str, Callable[[str], str]]] = {
    "regex": regex,
    "gitleaks": gitleaks,
    "trufflehog": trufflehog,
    "github": github,
}
