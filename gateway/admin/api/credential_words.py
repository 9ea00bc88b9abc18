"""The shapes of the management API about credentials of upstreams."""

from pydantic import Field

from gateway.admin.api.words import Asked, Moment, Told
from gateway.keeper.credentials import CredentialState, TrialResult

CREDENTIAL_NAME = r"^[a-z0-9]+([_-][a-z0-9]+)*$"
CREDENTIAL_NAME_CHARS_MAX = 63


class PutCredential(Asked):
    """A credential to be kept. It is told to nobody again."""

    value: str = Field(
        min_length=1,
        max_length=8_192,
        repr=False,
        json_schema_extra={"format": "password"},
        description="As the upstream wants to see it, without `Bearer` before it.",
    )


class CredentialTold(Told):
    """A credential without its value."""

    name: str
    preview: str = Field(examples=["sk-p…9xZ"])
    state: CredentialState
    why: str = Field(description="What is wrong and what to do; empty where all is well.")
    set_at: Moment
    set_by: str
    last_used_at: Moment | None
    refused_at: Moment | None
    upstreams: list[str] = Field(description="Those that are lent it.")


class CredentialList(Told):
    """All of them, by name."""

    items: list[CredentialTold]


class TrialTold(Told):
    """What one upstream said to a credential."""

    upstream: str
    result: TrialResult
    asked: str = Field(description="What was sent.", examples=["GET /v1/models"])
    status: int | None


class TrialList(Told):
    """What each upstream said that is lent it."""

    items: list[TrialTold]
