"""What is written of an upstream's targets: how they are checked, left out, secured."""

from typing import Annotated, Self

from pydantic import Field, PlainValidator, model_validator

from gateway.config.fields import Duration, HostName
from gateway.config.problems import Unfit
from gateway.config.sections import Section


def read_health_path(value: object) -> str:
    """A path, and perhaps a query, in the characters that a request's first line may hold."""
    text = str(value)
    if not text.startswith("/") or not all("!" <= char <= "~" for char in text) or "#" in text:
        raise Unfit("must be a path that begins with '/', like /health")
    return text


class HealthSettings(Section):
    """How its targets are asked whether they are well."""

    path: Annotated[str, PlainValidator(read_health_path)] = Field(
        description="A target that answers a GET of it, sent without credentials, with 200 to 399 is well."
    )
    every_s: Duration = Field(default=5.0, alias="every", description="How often each target is asked.")
    timeout_s: Duration = Field(
        default=2.0, alias="timeout", description="A target that takes longer to answer is not well."
    )
    rise: int = Field(default=2, ge=1, le=100, description="Good answers in a row that bring one back.")
    fall: int = Field(default=3, ge=1, le=100, description="Bad ones in a row after which it is down.")


class EjectSettings(Section):
    """When a target that does not answer requests is left out for a time."""

    failures: int = Field(
        default=3,
        ge=1,
        le=100,
        description="Requests in a row that could not connect to it, or whose new connection broke before "
        "an answer.",
    )
    for_s: Duration = Field(
        default=10.0,
        alias="for",
        description="How long the first time; each time after that twice as long, up to 16 times. The last "
        "one that could be asked is asked all the same.",
    )


class UpstreamTlsSettings(Section):
    """How connections to https targets are secured. Their certificates are always verified."""

    ca_file: str | None = Field(
        default=None,
        description="Authorities in PEM form that sign its certificate, instead of the system's. Relative to "
        "this file, like the others.",
    )
    cert_file: str | None = Field(
        default=None, description="The gateway's own certificate in PEM form, for servers that ask for one."
    )
    key_file: str | None = Field(
        default=None, description="Its private key, not encrypted; left out if cert_file holds it, too."
    )
    server_name: HostName | None = Field(
        default=None, description="The name its certificate must hold, where that is not the url's host."
    )

    @property
    def needs_files(self) -> bool:
        """Whether anything has to be read."""
        return self.ca_file is not None or self.cert_file is not None

    @model_validator(mode="after")
    def _a_key_has_a_certificate(self) -> Self:
        if self.key_file is not None and self.cert_file is None:
            raise Unfit("key_file needs cert_file beside it")
        return self
