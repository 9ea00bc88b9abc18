"""What the management API tells beside keys: scopes, usage, the audit and its chain, what would happen."""

from datetime import UTC, date, datetime, timedelta
from typing import Final, cast

from gateway.admin.api.ask import Answer, Ask, page_of
from gateway.admin.api.asked import cursor_of, day_and_key_of, number_of
from gateway.admin.api.problems import invalid
from gateway.admin.api.words import ExplainRequest, ListAudit, ListUsage
from gateway.core.policy import read_address
from gateway.core.scopes import RESERVED_SCOPES
from gateway.keeper.audit import GENESIS, AuditEntry, AuditQuery, ChainBroken, as_data, verify_chain
from gateway.keeper.days import UsageQuery
from gateway.keeper.days import as_data as usage_json
from gateway.keeper.desk import NotAllowed, Problem
from gateway.wire.key_json import as_json, rfc3339
from gateway.wire.reply import say_why
from gateway.wire.story import story_json, tell

_ENTRIES_AT_ONCE: Final = 500
_MONTH: Final = timedelta(days=30)


async def me(ask: Ask) -> Answer:
    """The key that asks, as it stands."""
    return ask.shown(await ask.house.keyring.get(ask.me.id))


async def scopes(ask: Ask) -> Answer:
    """The catalogue, and the scopes of management."""
    catalogue = ask.house.keyring.rules.catalogue
    told = [(scope, text, False) for scope, text in sorted(catalogue.items())]
    told += [(scope, text, True) for scope, text in RESERVED_SCOPES.items()]
    return Answer(
        {"items": [{"scope": scope, "description": text, "reserved": own} for scope, text, own in told]}
    )


async def audit(ask: Ask) -> Answer:
    """A piece of the record. Who manages only their own keys asks for one of them."""
    asked = cast("ListAudit", ask.query)
    _assert_may_ask_of(ask, asked.key_id)
    if ask.manager.only_owner is not None:
        await ask.key(asked.key_id)
    query = AuditQuery(
        after=number_of(asked.cursor) or 0,
        limit=asked.limit + 1,
        key_id=asked.key_id,
        act=asked.act,
        actor=asked.actor,
        newest_first=asked.order == "desc",
    )
    found = await ask.house.keyring.audit(query)
    page, more = found[: asked.limit], found[asked.limit :]
    return Answer(
        {
            "items": [entry_json(entry) for entry in page if _is_theirs(ask, entry)],
            "next_cursor": cursor_of(page[-1].number) if more else None,
        }
    )


async def usage(ask: Ask) -> Answer:
    """What keys did on the callers' port, by day, in all, or all of them together."""
    asked = cast("ListUsage", ask.query)
    if asked.per == "total":
        ask.assert_sees_all()
        if asked.key_id is not None:
            raise invalid([Problem("key_id", "says one key, and `per=total` all of them: leave one out")])
    _assert_may_ask_of(ask, asked.key_id)
    if asked.key_id is not None:
        await ask.key(asked.key_id)
    today = datetime.fromtimestamp(ask.now, UTC).date()
    query = UsageQuery(
        since=_day("since", asked.since) or today - _MONTH,
        until=_day("until", asked.until) or today,
        per=asked.per,
        limit=asked.limit + 1,
        after=day_and_key_of(asked.cursor),
    )
    found = await ask.house.keyring.usage(asked.key_id, query)
    return page_of(found, asked.limit, usage_json, lambda each: f"{each.day} {each.key_id}")


async def chain(ask: Ask) -> Answer:
    """Verify the record from its beginning."""
    ask.assert_sees_all()
    number, hash_, problem = 0, GENESIS, None
    try:
        while entries := await ask.house.keyring.audit(AuditQuery(after=number, limit=_ENTRIES_AT_ONCE)):
            number, hash_ = verify_chain(entries, number, hash_)
    except ChainBroken as broken:
        problem = str(broken)
    return Answer({"whole": problem is None, "entries": number, "hash": hash_.hex(), "problem": problem})


async def explain(ask: Ask) -> Answer:
    """Say which route a request meets, what it needs, and how a key would fare."""
    asked = cast("ExplainRequest", ask.body)
    if asked.address is not None and read_address(asked.address) is None:
        raise invalid([Problem("address", "is no address: write one like 192.168.1.20")])
    key = None if asked.key_id is None else await ask.key(asked.key_id)
    story = tell(asked.method, asked.path, ask.house.table(), key, asked.address, ask.now)
    prefix = ask.house.keyring.rules.prefix
    return Answer(
        {
            **story_json(story),
            "message": None if story.deny is None else say_why(story.deny, prefix).message,
            "key": None if key is None else as_json(key, ask.now),
        }
    )


def entry_json(entry: AuditEntry) -> dict[str, object]:
    """An entry of the audit: as it was hashed, and its moment for people."""
    told = as_data(entry)
    return {"number": told.pop("number"), "at": rfc3339(entry.at), "at_s": told.pop("at"), **told}


def _day(field: str, text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise invalid([Problem(field, "is no day: write one like 2027-01-31")]) from None


def _assert_may_ask_of(ask: Ask, key_id: str | None) -> None:
    if ask.manager.only_owner is not None and key_id is None:
        raise NotAllowed("you manage your own keys alone: say which with key_id")


def _is_theirs(ask: Ask, entry: AuditEntry) -> bool:
    """Of a key that came from another owner, they see what was done since."""
    only = ask.manager.only_owner
    return only is None or all(told is None or told["owner"] == only for told in (entry.before, entry.after))
