"""Credentials of upstreams over the management API. A value only ever comes in.

All of it takes keyhatch:admin: whoever sets a credential chooses whose account callers use.
"""

from typing import cast

from gateway.admin.api.ask import Answer, Ask
from gateway.admin.api.credential_words import PutCredential
from gateway.admin.api.problems import invalid
from gateway.keeper.credential_json import credential_json, trial_json
from gateway.keeper.credentials import CredentialDesk
from gateway.keeper.desk import RuleBroken


async def list_credentials(ask: Ask) -> Answer:
    """All of them, by name."""
    return Answer({"items": [credential_json(each) for each in await _desk(ask).list_credentials()]})


async def show(ask: Ask) -> Answer:
    """One of them."""
    return Answer(credential_json(await _desk(ask).get_credential(ask.name)))


async def put(ask: Ask) -> Answer:
    """Set or replace one."""
    asked = cast("PutCredential", ask.body)
    try:
        return Answer(credential_json(await _desk(ask).put_credential(ask.name, asked.value)))
    except RuleBroken as broken:
        if not broken.problems:
            raise
        raise invalid(broken.problems) from None


async def remove(ask: Ask) -> Answer:
    """Remove one."""
    await _desk(ask).remove_credential(ask.name)
    return Answer(None)


async def test(ask: Ask) -> Answer:
    """Show it to its upstreams, and tell what they say."""
    trials = await _desk(ask).test_credential(ask.name)
    return Answer({"items": [trial_json(each) for each in trials]})


def _desk(ask: Ask) -> CredentialDesk:
    return ask.house.credentials().acting(ask.me.id, ask.request_id)
