"""The shapes of signing addresses over the management API (`gateway.admin.api.words` has the others)."""

from pydantic import Field

from gateway.admin.api.words import Asked, Moment, Told


class SignAddress(Asked):
    """An address that is to open without a key for a while."""

    path: str = Field(
        min_length=1,
        max_length=4_096,
        description="The path and query it opens, as they will be asked for; or a whole URL.",
        examples=["/v1/audio/hello.mp3?voice=anna"],
    )
    expires_in: str = Field(
        default="5m",
        pattern=r"^[0-9]{1,12}[smhd]$",
        description="How long it opens; `keys.signed_url_max` at most.",
        examples=["5m"],
    )


class SignedAddressTold(Told):
    """An address that opens by itself: whoever has it needs no key."""

    address: str = Field(json_schema_extra={"format": "password"})
    expires_at: Moment
