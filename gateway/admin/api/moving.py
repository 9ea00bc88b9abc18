"""Many keys at once over the management API: out as records with digests, in as records or existing strings.

Whoever can write digests makes keys, so all of it takes keyhatch:admin.
"""

import asyncio
from typing import Any, Final, cast

from gateway.admin.api.ask import Answer, Ask, page_of
from gateway.admin.api.asked import number_of
from gateway.admin.api.keys import expiry_of
from gateway.admin.api.problems import invalid
from gateway.admin.api.words import ImportKeys, Paged
from gateway.keeper.authority import Want
from gateway.keeper.batch import Existing, KeyImport
from gateway.keeper.desk import Problem
from gateway.keeper.exports import as_data, whole_of
from gateway.keeper.imports import read_existing
from gateway.keeper.ports import WholeKey

EITHER: Final = "either `records`, or `text` with its `format`: exactly one of them"


async def export_keys(ask: Ask) -> Answer:
    """A piece of all records, oldest first, with the digests that lead to them."""
    asked = cast("Paged", ask.query)
    found = await ask.house.keyring.export_keys(number_of(asked.cursor) or 0, asked.limit + 1)
    return page_of(found, asked.limit, lambda each: as_data(each[1]), lambda each: each[0])


async def import_keys(ask: Ask) -> Answer:
    """Make keys of what somebody has already, all of them or none."""
    asked = cast("ImportKeys", ask.body)
    if (asked.records is None) is (asked.text is None) or (asked.text is None) is not (asked.format is None):
        raise invalid([Problem("records", EITHER)])
    wanted = KeyImport(
        existing=await _existing(asked, ask.house.keyring.rules.prefix),
        records=tuple(_whole(number, told) for number, told in enumerate(asked.records or ())),
        scopes=tuple(asked.scopes),
        owner=asked.owner,
        note=asked.note,
        expires_at=expiry_of(asked.model_dump(exclude_unset=True), ask.now, "default"),
        created_by=ask.me.id,
        skip_existing=asked.skip_existing,
        dry_run=asked.dry_run,
    )
    done = await ask.desk(Want.DELETE).import_keys(wanted)
    named = [{"id": key.id, "name": key.name, "preview": key.preview} for key in done.keys]
    return Answer({"keys": named, "skipped": done.skipped})


async def _existing(asked: ImportKeys, prefix: str) -> tuple[Existing, ...]:
    """In a thread: to judge ten thousand strings takes a second, and callers are served meanwhile."""
    if asked.text is None or asked.format is None:
        return ()
    return await asyncio.to_thread(
        read_existing, asked.text.encode(), asked.format, prefix, tuple(asked.only)
    )


def _whole(number: int, told: dict[str, Any]) -> WholeKey:
    try:
        return whole_of(told)
    except (ValueError, TypeError, OverflowError):
        message = "is no record as `GET /keys/export` tells them"
        raise invalid([Problem(f"records.{number}", message)]) from None
