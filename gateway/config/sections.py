"""The parts of a configuration, field by field. A field's description is its entry in the manual.

All parts are frozen and refuse unknown keys. Names within the house carry their units; the short names that
people write are aliases. What holds between parts is in `gateway.config.rules`.
"""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from gateway.config.fields import (
    MEMORY_URL,
    SQLITE_URL,
    Address,
    AddressField,
    Duration,
    Expiry,
    HeadSize,
    HostName,
    Lower,
    NetworkField,
    OptionalSize,
    Prefix,
    StoreUrl,
    Switch,
    TargetSize,
)
from gateway.config.problems import Unfit
from gateway.config.quantities import write_size
from gateway.core.signed_url import LIFE_S_MAX

_DAY_S: Final = 86_400.0
_TARGET_BYTES: Final = 8 * 1024


def _target_within_head(known: dict[str, Any]) -> int:
    """The target's default, which a small head makes smaller."""
    head: int = known["head_bytes_max"]
    return min(_TARGET_BYTES, head)


class Section(BaseModel):
    """A mapping with a closed set of keys. Nothing written under it means: all defaults."""

    # A part of its own is validated nowhere but in tests: built when asked for, the parts cost 0.4 MB less.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _empty_means_defaults(cls, value: Any) -> Any:
        return {} if value is None else value


class TlsSettings(Section):
    """HTTPS instead of HTTP on the proxied port, and where asked for on the admin listener."""

    cert_file: str | None = Field(
        default=None,
        description="The certificate, and behind it those that lead to its authority, in PEM; relative to "
        "the configuration file. With it callers speak HTTPS. Read anew when it changes.",
    )
    key_file: str | None = Field(default=None, description="Its private key, in PEM, without a password.")
    client_ca_file: str | None = Field(
        default=None, description="Authorities, in PEM: ask callers for a certificate that one of them made."
    )
    client_cert: Literal["optional", "required"] = Field(
        default="required",
        description="With client_ca_file: whether callers without a certificate are let in. One that is "
        "shown must hold in any case.",
    )
    min_version: Literal["1.2", "1.3"] = Field(default="1.2", description="The oldest version of TLS.")
    admin: Switch = Field(default=False, description="HTTPS on the admin listener too.")

    @property
    def is_on(self) -> bool:
        """Whether callers speak HTTPS."""
        return self.cert_file is not None

    @model_validator(mode="after")
    def _a_pair(self) -> Self:
        if (self.cert_file is None) is not (self.key_file is None):
            missing = "key_file" if self.key_file is None else "cert_file"
            raise Unfit(f"needs {missing} too: a certificate and its key come together")
        if self.cert_file is None and (self.admin or self.client_ca_file is not None):
            raise Unfit("needs cert_file and key_file: keyhatch tls self-signed makes a pair")
        return self


class ServerSettings(Section):
    """Where the gateway listens."""

    proxy: AddressField = Field(
        default=Address("127.0.0.1", 8080),
        description="Where callers knock: HOST:PORT. 0.0.0.0 means every IPv4 network, [::] every network.",
    )
    names: tuple[HostName, ...] = Field(
        default=(),
        description="Names with a dot by which callers without a key may call the proxied port, where a "
        "route is anonymous. IP addresses, names without a dot, and names that end in .localhost, .local, "
        ".internal or .home.arpa need not be said. With a key, any name will do.",
    )
    admin: AddressField = Field(
        default=Address("127.0.0.1", 8081),
        description="/healthz, /readyz and /metrics, which ask for no key, and the management API, which "
        "does. Keep it off public networks.",
    )
    admin_names: tuple[HostName, ...] = Field(
        default=(),
        description="Names with a dot by which browsers may call the admin listener, where a web server with "
        "TLS stands before it. IP addresses and names without a dot need not be said.",
    )
    plane: Literal["lean", "aiohttp"] = Field(
        default="lean",
        description="The data plane: lean, or aiohttp, the readable reference at many times the cost, less "
        "strict in a few things (docs/planes.md). Lean is the one for callers whom you do not know.",
    )
    trusted_proxies: tuple[NetworkField, ...] = Field(
        default=(),
        description="Networks of the proxies in front, whose X-Forwarded-* are believed. Nobody else's are.",
    )
    tls: TlsSettings = Field(
        default_factory=TlsSettings, description="HTTPS instead of HTTP on the proxied port."
    )
    watch_config: Switch = Field(
        default=False,
        description="Read the configuration anew, as SIGHUP does, when its file or one that it names with "
        "${file:} changes.",
    )

    @model_validator(mode="after")
    def _two_listeners(self) -> Self:
        if self.proxy == self.admin and self.proxy.port != 0:
            raise Unfit("proxy and admin cannot share one address: give one of them another port")
        return self


class StoreSettings(Section):
    """Where keys are kept."""

    url: StoreUrl = Field(
        default="sqlite:///keyhatch.db",
        description="sqlite:///FILE, relative to the configuration file; sqlite:////FILE, absolute; "
        "memory: forgets everything at the end and is for serve --demo: no command could make a key in it.",
    )

    @property
    def path(self) -> str | None:
        """The database file as written; None for `memory:`."""
        return None if self.url == MEMORY_URL else self.url.removeprefix(SQLITE_URL)


class KeySettings(Section):
    """How keys are made and counted."""

    prefix: Prefix = Field(
        default="kh",
        description="What every key begins with, before its underscore: kh makes keys like kh_…. Keys made "
        "under another prefix are not recognised while it is set.",
    )
    default_expiry_s: Expiry = Field(
        default=90 * _DAY_S,
        alias="default_expiry",
        description="How long a new key lives when nothing else is asked: a duration, or never.",
    )
    max_active_per_owner: int = Field(
        default=50, ge=1, le=1_000_000, description="How many living keys one owner may have."
    )
    last_used_flush_s: Duration = Field(
        default=1.0,
        alias="last_used_flush",
        description="How often last uses and usage are written to disk. A crash loses at most this much of "
        "them.",
    )
    signed_url_max_s: Duration = Field(
        default=3_600.0,
        alias="signed_url_max",
        description="How long an address that keyhatch sign makes may live, at most 24h. To sign at all "
        "takes vault.key_file or vault.key.",
    )
    usage_kept_s: Duration = Field(
        default=400 * _DAY_S,
        alias="usage_kept",
        description="How long usage by key and day is kept. Today's always is.",
    )

    @field_validator("signed_url_max_s")
    @classmethod
    def _ends_within_a_day(cls, signed_url_max_s: float) -> float:
        if signed_url_max_s > LIFE_S_MAX:
            raise Unfit("must be at most 24h")
        return signed_url_max_s


class LogSettings(Section):
    """What is written to standard error."""

    level: Annotated[Literal["debug", "info", "warning", "error"], Lower] = Field(
        default="info", description="debug, info, warning or error."
    )
    format: Literal["auto", "console", "json"] = Field(
        default="auto", description="auto: readable on a terminal, JSON elsewhere. Or console, or json."
    )
    access: Switch = Field(default=True, description="One line for each exchange.")


class LimitSettings(Section):
    """What one request may weigh and how long it may dawdle."""

    head_bytes_max: HeadSize = Field(
        default=32 * 1024,
        alias="head",
        description="The whole head, request line and header fields: 1KiB to 1MiB.",
    )
    fields_max: int = Field(
        default=100, ge=1, le=10_000, alias="fields", description="How many header fields."
    )
    target_bytes_max: TargetSize = Field(
        default_factory=_target_within_head,
        alias="target",
        description="Path and query: at least 256B, at most head. Left out, it is as large as a head that is "
        "below 8KiB.",
    )
    body_bytes_max: OptionalSize = Field(
        default=None, alias="body", description="The body. null: as much as the upstream takes."
    )
    head_timeout_s: Duration = Field(
        default=10.0, alias="head_timeout", description="For the whole head to arrive."
    )
    idle_timeout_s: Duration = Field(
        default=75.0,
        alias="idle",
        description="How long an unused connection is kept open, an upload may stand still (then 408), and a "
        "reader may take nothing (then its answer is cut: caller_idle).",
    )
    connections_max: int = Field(
        default=16_384,
        ge=1,
        le=1_000_000,
        alias="connections",
        description="Callers' connections in all. When they are taken, the one idle longest makes room. "
        "The system's limit of open files may allow fewer.",
    )
    connections_per_peer_max: int = Field(
        default=256,
        ge=1,
        le=1_000_000,
        alias="connections_per_peer",
        description="Of one address (of one /64 in IPv6). Loopback and trusted proxies are not counted so.",
    )

    @field_validator("target_bytes_max")
    @classmethod
    def _fits_in_its_head(cls, target: int, info: ValidationInfo) -> int:
        head = info.data.get("head_bytes_max", target)  # absent where it is broken itself
        if target > head:
            sizes = write_size(target), write_size(head)
            raise Unfit("is {}, more than head ({}), which holds it".format(*sizes), quotes=True)
        return target
