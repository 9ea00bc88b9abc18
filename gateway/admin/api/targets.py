"""Targets of upstreams over the management API. To take one out is for admins: it concerns every caller."""

from pydantic import Field

from gateway.admin.api.ask import Answer, Ask
from gateway.admin.api.words import Moment, Told
from gateway.keeper.draining import TargetDesk, target_json
from gateway.wire.targets import State


class TargetTold(Told):
    """How a target stands. Where it is, is not told."""

    upstream: str = Field(examples=["local-ai"])
    target: str = Field(examples=["big"])
    state: State
    busy: int = Field(ge=0, description="Exchanges under way there.")
    since: Moment
    last_error: str | None = Field(description="What went wrong there last.", examples=["Connection refused"])


class TargetList(Told):
    """Targets, in the order of the configuration."""

    items: list[TargetTold]


async def list_targets(ask: Ask) -> Answer:
    """All of them."""
    ask.assert_sees_all()
    return Answer({"items": [target_json(each) for each in await _desk(ask).list_targets()]})


async def drain(ask: Ask) -> Answer:
    """Take one out."""
    [seen] = await _desk(ask).drain(ask.upstream, ask.target)
    return Answer(target_json(seen))


async def resume(ask: Ask) -> Answer:
    """Take it back."""
    [seen] = await _desk(ask).resume(ask.upstream, ask.target)
    return Answer(target_json(seen))


def _desk(ask: Ask) -> TargetDesk:
    return ask.house.targets().acting(ask.me.id, ask.request_id)
