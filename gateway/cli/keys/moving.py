"""`keyhatch keys import` and `keys export`: keys that people have already, and keys on their way elsewhere.

Strings come from a file or stdin, never as an argument, and only their digests leave this process. Nothing of
a line is ever printed: what is wrong is told by its number.
"""

import hashlib
import sys
import tempfile
from pathlib import Path
from typing import IO, Final

import click

from gateway.cli.everywhere import Command
from gateway.cli.keys.desk import ask, refuse_secret
from gateway.cli.keys.make import moment_of, split
from gateway.cli.loading import load
from gateway.cli.new_file import new_file
from gateway.cli.output import Form, data_json, data_rows, data_table, on_terminal, output_option, say, warn
from gateway.cli.surroundings import Surroundings, pass_surroundings, whoami
from gateway.keeper.batch import KEYS_MAX, PAGE_KEYS_MAX, Imported, KeyImport
from gateway.keeper.desk import KeyDesk, RuleBroken, StateConflict
from gateway.keeper.exports import end, head, line_of, read_export
from gateway.keeper.imports import FILE_BYTES_MAX, read_existing

KEYHATCH: Final = "keyhatch"
TOLD_MAX: Final = 20
_SPOOL_BYTES: Final = 8 * 1024 * 1024
_COPY_BYTES: Final = 1024 * 1024
_NO_TERMS: Final = "an export has scopes, owner, note and expiry of its own: leave these options out"
_ONLY_WHAT: Final = "an env file holds more than keys: say which names to take, such as --only '*_API_KEY'"
_ONLY_ENV: Final = "--only chooses names of an env file: say --format env too, or leave it out"


@click.command("import", cls=Command)
@click.argument("file", metavar="FILE", callback=refuse_secret)
@click.option(
    "--format",
    "what",
    type=click.Choice([KEYHATCH, "lines", "env", "digests"]),
    default=KEYHATCH,
    show_default=True,
    help="An export; strings or name,string; NAME=string; name and SHA-256.",
)
@click.option("--only", metavar="PATTERN", multiple=True, help="Of an env file: names like this, as '*_KEY'.")
@click.option("--scope", metavar="S", multiple=True, help="What they may do, as for keys create.")
@click.option("--expires", metavar="WHEN", help="When they end, as for keys create.")
@click.option("--owner", metavar="O", help="Who they belong to.")
@click.option("--note", metavar="TEXT", help="Whatever helps to know them again.")
@click.option("--skip-existing", is_flag=True, help="Pass over what is here already.")
@click.option("--dry-run", is_flag=True, help="Check everything and write nothing.")
@output_option
@pass_surroundings
def import_keys(  # noqa: PLR0913, PLR0917  # one argument per option
    surroundings: Surroundings,
    file: str,
    what: str,
    only: tuple[str, ...],
    scope: tuple[str, ...],
    expires: str | None,
    owner: str | None,
    note: str | None,
    form: Form,
    *,
    skip_existing: bool,
    dry_run: bool,
) -> None:
    """Make keys of strings that clients have already, or take over an export; all or nothing.

    FILE is - for stdin. A string that can be guessed is refused: make a new key for that client. No line is
    ever printed; what is wrong is told by its number.
    """
    if what == KEYHATCH and (scope or only or (expires, owner, note) != (None, None, None)):
        raise click.UsageError(_NO_TERMS)
    if (what == "env") != bool(only):
        raise click.UsageError(_ONLY_WHAT if what == "env" else _ONLY_ENV)
    raw = _read(file)
    prefix = load(surroundings).settings.keys.prefix
    try:
        asked = KeyImport(
            existing=() if what == KEYHATCH else read_existing(raw, what, prefix, only),  # type: ignore[arg-type]
            records=read_export(raw) if what == KEYHATCH else (),
            scopes=split(scope),
            owner=owner or "",
            note=note or "",
            expires_at="default"
            if expires is None
            else moment_of(expires, surroundings.clock.now(), "--expires"),
            created_by=whoami(),
            skip_existing=skip_existing,
            dry_run=dry_run,
        )
        done = ask(surroundings, lambda desk: desk.import_keys(asked))
    except StateConflict:
        raise
    except RuleBroken as broken:
        raise click.UsageError(_one_per_line(broken)) from broken
    _tell(done, form, dry_run=dry_run)


@click.command("export", cls=Command)
@click.argument("file", metavar="[FILE]", required=False, callback=refuse_secret)
@pass_surroundings
def export_keys(surroundings: Surroundings, file: str | None) -> None:
    """Write every record with its digests, as lines of JSON for `keyhatch keys import`.

    No secret is in it, but whoever holds it can know a leaked one: keep it like the store. To stdout, or to a
    new FILE that only its owner may read.
    """
    with tempfile.SpooledTemporaryFile(_SPOOL_BYTES) as spool:
        count = ask(surroundings, lambda desk: _collect(desk, spool))
        if file is None or file == "-":
            _write(sys.stdout.buffer, spool, count)
            sys.stdout.flush()
        else:
            with new_file(Path(file)) as to:
                _write(to, spool, count)
    say(f"Exported {count} keys." if count != 1 else "Exported 1 key.")
    if count > KEYS_MAX:
        warn(f"keyhatch keys import takes {KEYS_MAX} keys at most: move the store's file instead.")


async def _collect(desk: KeyDesk, spool: IO[bytes]) -> int:
    """Write the records' lines, page by page; how many."""
    count = after = 0
    while found := await desk.export_keys(after, PAGE_KEYS_MAX):
        for _, whole in found:
            spool.write(line_of(whole))
        count, after = count + len(found), found[-1][0]
    return count


def _write(to: IO[bytes], spool: IO[bytes], count: int) -> None:
    """The whole export, with its first and last line."""
    first = head(count)
    sha256 = hashlib.sha256(first)
    to.write(first)
    spool.seek(0)
    while piece := spool.read(_COPY_BYTES):
        sha256.update(piece)
        to.write(piece)
    to.write(end(sha256.hexdigest()))
    to.flush()


def _read(file: str) -> bytes:
    if file == "-":
        raw = b"" if sys.stdin is None else sys.stdin.buffer.read(FILE_BYTES_MAX + 1)
    else:
        with Path(file).open("rb") as source:
            raw = source.read(FILE_BYTES_MAX + 1)
    if len(raw) > FILE_BYTES_MAX:
        raise click.UsageError(f"the file is larger than {FILE_BYTES_MAX // 2**20} MiB: divide it")
    return raw


def _one_per_line(broken: RuleBroken) -> str:
    if not broken.problems:
        return str(broken)
    told = [f"{each.field}: {each.message}" for each in broken.problems[:TOLD_MAX]]
    more = len(broken.problems) - TOLD_MAX
    told += [f"and {more} lines more"] if more > 0 else []
    return "\n  ".join(["nothing was imported.", *told])


def _tell(done: Imported, form: Form, *, dry_run: bool) -> None:
    if form == "json":
        keys = [{"id": key.id, "name": key.name, "preview": key.preview} for key in done.keys]
        data_json({"imported": keys, "skipped": done.skipped, "dry_run": dry_run})
        return
    rows = [[key.id, key.name, key.preview] for key in done.keys]
    if rows and on_terminal():
        data_table(["ID", "NAME", "KEY"], rows, whole={"ID", "KEY"})
    elif rows:
        data_rows(rows)
    many = "1 key" if len(rows) == 1 else f"{len(rows)} keys"
    passed = f", passed over {done.skipped} that were here already" if done.skipped else ""
    say(f"Would import {many}{passed}. Nothing was written." if dry_run else f"Imported {many}{passed}.")
