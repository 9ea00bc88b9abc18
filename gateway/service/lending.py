"""From what is written of an upstream's credential to what is put into its requests.

A credential is text, or it is kept in the vault and only named. What cannot be told (the vault is locked, the
name is unknown, the text would break a header) becomes an injection of nothing, which the planes answer with
`upstream_credential_invalid`: the upstream is never asked without.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from gateway.config.problems import Unfit
from gateway.config.upstream_sections import UpstreamSettings
from gateway.config.vault_section import VAULT, read_credential_text

if TYPE_CHECKING:
    from gateway.wire.injection import Injection

PROVIDERS: Final = frozenset(
    {"anthropic", "azure-openai", "elevenlabs", "gemini", "novelai", "openai", "openrouter"}
)
"""Presets of services elsewhere: they have no use for a caller's cookies, and are not told who calls."""

Reveal = Callable[[str], str | None]
"""The value of a credential of this name in the vault; None if it cannot be told."""


def nothing(_name: str) -> None:
    """Tells no credential: for whoever looks at a configuration and sends nothing."""


def injection_of(written: UpstreamSettings, reveal: Reveal) -> "Injection | None":
    """What is put into each request to this upstream; None if it asks for nothing."""
    if written.credential is None:
        return None
    from gateway.wire.injection import Injection, injected  # noqa: PLC0415 - most upstreams ask for nothing

    name = vault_name(written)
    value = written.credential if name is None else reveal(name)
    fields = () if value is None or not _is_fit(value) else injected(value, written.credential_in)
    return Injection(
        fields,
        passes_callers=written.pass_caller_credential,
        keeps_cookies=written.preset not in PROVIDERS,
    )


def vault_name(written: UpstreamSettings) -> str | None:
    """The name of the credential in the vault that an upstream is lent, if it is one."""
    credential = written.credential
    is_named = credential is not None and credential.startswith(VAULT)
    return credential.removeprefix(VAULT) if credential is not None and is_named else None


def _is_fit(value: str) -> bool:
    try:
        read_credential_text(value)
    except Unfit:
        return False
    return True
