"""The shapes of what the management API sees of the traffic on the callers' port."""

from pydantic import Field

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
