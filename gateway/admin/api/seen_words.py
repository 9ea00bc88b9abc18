"""The shapes of what the management API sees of the gateway at work."""

from typing import Literal

from pydantic import Field

from gateway.admin.api.ask import Unreachable
from gateway.admin.api.words import Moment, Told
from gateway.core.refusal import Reason
from gateway.keeper.watched import METHOD_CHARS_MAX, PATH_CHARS_MAX


class CallTold(Told):
    """A call that is over. A path is told without its query, and what looks like a secret in it is blank."""

    at: Moment
    method: str = Field(max_length=METHOD_CHARS_MAX, examples=["GET"])
    path: str = Field(max_length=PATH_CHARS_MAX, examples=["/v1/models"])
    status: int = Field(ge=0, description="What the caller was sent; 0 where they were gone before.")
    reason: Reason | None = Field(description="Why the gateway answered instead of the upstream, if it did.")
    from_: str = Field(alias="from", examples=["192.168.1.20"])
    route: str | None = Field(description="The route it met, if it met one.", examples=["models"])


class LastCall(Told):
    """The last call with a key since it is watched, if there was one."""

    call: CallTold | None
    watched_since: Moment


class KeysCounted(Told):
    """How many keys have which status."""

    active: int = Field(ge=0)
    expiring: int = Field(ge=0)
    expired: int = Field(ge=0)
    disabled: int = Field(ge=0)
    revoked: int = Field(ge=0)


class UpstreamTold(Told):
    """Whether connections to an upstream can be opened. Where it is, is not told."""

    name: str = Field(examples=["local-ai"])
    state: Literal["up", "down"]
    checked_at: Moment
    problem: Unreachable | None


class Overview(Told):
    """The gateway at a glance. What is counted is counted since its start."""

    version: str
    started_at: Moment
    now: Moment
    requests: int = Field(ge=0, description="Requests on the callers' port that are over, refused ones too.")
    refusals: dict[str, int] = Field(description="How many were refused, by reason.")
    streams_open: int = Field(ge=0, description="Exchanges under way with a key, WebSockets included.")
    connections_open: int = Field(ge=0, description="Callers' connections.")
    keys: KeysCounted
    upstreams: list[UpstreamTold]
