"""The words of the control socket about credentials of upstreams. A value is only ever asked, never told."""

from pydantic import ConfigDict, Field

from gateway.admin.control_words import TEXT_CHARS_MAX, Words
from gateway.keeper.credentials import CredentialRecord, CredentialState, Trial, TrialResult


class AskCredential(Words):
    """Which credential is meant."""

    name: str


class AskPutCredential(AskCredential):
    """A credential to be kept."""

    value: str = Field(repr=False, max_length=4 * TEXT_CHARS_MAX)


class AskRekey(Words):
    """Another key for the vault, in base64."""

    key: str = Field(repr=False, max_length=64)


class TellRekeyed(Words):
    """How many credentials were sealed anew."""

    count: int


class TellCredential(Words):
    """A credential without its value."""

    model_config = ConfigDict(from_attributes=True, strict=True, frozen=True)

    name: str
    preview: str
    state: CredentialState
    set_at: float
    set_by: str
    last_used_at: float | None
    refused_at: float | None
    upstreams: tuple[str, ...]
    why: str

    def record(self) -> CredentialRecord:
        """The words as a record."""
        return CredentialRecord(**{name: getattr(self, name) for name in type(self).model_fields})


class TellCredentials(Words):
    """Credentials, by name."""

    credentials: tuple[TellCredential, ...]


class TellTrial(Words):
    """What one upstream said."""

    model_config = ConfigDict(from_attributes=True, strict=True, frozen=True)

    upstream: str
    result: TrialResult
    asked: str
    status: int | None

    def trial(self) -> Trial:
        """The words as a value."""
        return Trial(self.upstream, self.result, self.asked, self.status)


class TellTrials(Words):
    """What all of them said."""

    trials: tuple[TellTrial, ...]
