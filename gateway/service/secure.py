"""HTTPS of a gateway's listeners, or that there is none: then nothing of what it takes is loaded."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from gateway.config.load import Loaded
from gateway.keeper.ports import Clock
from gateway.metrics import Sources

if TYPE_CHECKING:
    from gateway.service.certificate import Served
    from gateway.tls.door import TlsDoor


class Secure:
    """What a gateway was started with. Raises `ConfigError` for a certificate that cannot be used."""

    def __init__(self, loaded: Loaded, clock: Clock) -> None:
        self._served: Served | None = None
        files = loaded.tls_files
        if files is not None:
            from gateway.service import certificate as late  # noqa: PLC0415

            handshake_s = loaded.settings.limits.head_timeout_s
            self._served = late.Served(files, late.certificate_of(loaded, files), clock, handshake_s)

    @property
    def door(self) -> "TlsDoor | None":
        """What listeners share that speak HTTPS."""
        return None if self._served is None else self._served.door

    @property
    def looks(self) -> list[Callable[[], None]]:
        """What has to be done again and again: to look whether the files changed."""
        return [] if self._served is None else [self._served.look]

    def renewal(self, loaded: Loaded) -> Callable[[], bool]:
        """What puts the certificate of a new configuration in force, and tells whether it is another one.

        It is read here; raises `ConfigError`. Where HTTPS comes or goes nothing changes before a restart.
        """
        files, served = loaded.tls_files, self._served
        if files is None or served is None:
            return lambda: False
        from gateway.service.certificate import certificate_of  # noqa: PLC0415 - loaded already

        certificate, handshake_s = certificate_of(loaded, files), loaded.settings.limits.head_timeout_s
        return lambda: served.take(files, certificate, handshake_s)

    def connect(self, sources: Sources) -> None:
        """Let metrics read how the certificate stands."""
        served = self._served
        if served is not None:
            sources.tls_expires_at = served.expires_at
            sources.tls_reloads = lambda: served.reloads
            sources.tls_handshakes_failed = lambda: served.door.failures
