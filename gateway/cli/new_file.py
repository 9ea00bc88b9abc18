"""A file that a command writes records to: new, its owner's alone, whole or not there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click

from gateway.store.system import NEW


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """A new file of mode 0600. Where what is done with it raises, it is removed again."""
    try:
        descriptor = os.open(path, NEW, 0o600)
    except FileExistsError as error:
        raise click.ClickException(f"{path} is there already: name another file") from error
    try:
        with os.fdopen(descriptor, "wb") as to:
            yield to
            to.flush()
            os.fsync(to.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
