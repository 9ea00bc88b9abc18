"""The command line: nouns first, data on stdout, prose on stderr, secrets never in argv.

This is the top floor: it reads what a person typed, asks the floors below, and prints what they answer. It
decides nothing about keys or requests. `main` is the entry point of `keyhatch` and of `python -m gateway`.
"""

from typing import NoReturn

from gateway.cli.plugins import keep_plugins_out


def main() -> NoReturn:
    """Run the command line in `sys.argv` and leave with its exit code."""
    keep_plugins_out()
    from gateway.cli.root import root  # noqa: PLC0415  # importing the package must not import the command

    root.main()


__all__ = ["main"]
