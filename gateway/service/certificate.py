"""The certificate that is served with, kept up with its files.

1. A new pair is read and checked whole before it is put in force; one that cannot be used keeps the old one,
   and is told in the log and counted.
2. Connections that are open go on under the certificate that they began with.
3. Near its end the log says so: at the start, when it is replaced, and once a day.
"""

import logging
from typing import Final

from gateway.config.load import Loaded
from gateway.config.problems import ConfigError
from gateway.config.rules import Finding
from gateway.config.validation import problems_of
from gateway.core.policy import moment
from gateway.keeper.ports import Clock
from gateway.service.file_watch import FileWatch
from gateway.tls.door import TlsDoor
from gateway.tls.files import Certificate, TlsFiles, Unusable, read_certificate

WARN_BEFORE_S: Final = 14 * 86_400.0
WARN_EVERY_S: Final = 86_400.0

_log: Final = logging.getLogger("gateway.service")


def certificate_of(loaded: Loaded, files: TlsFiles) -> Certificate:
    """What the files of a configuration hold; raises `ConfigError`."""
    try:
        return read_certificate(files)
    except Unusable as unusable:
        finding = Finding(("server", "tls", unusable.option), str(unusable), quotes=True)
        raise ConfigError(problems_of([finding], loaded.tree), files=loaded.files) from None


class Served:
    """The certificate in force. `door` is what the listeners share."""

    def __init__(self, files: TlsFiles, certificate: Certificate, clock: Clock, handshake_s: float) -> None:
        self._files = files
        self._clock = clock
        self._watch = FileWatch(files.paths)
        self.certificate = certificate
        self.door = TlsDoor(certificate.context, handshake_s)
        self.reloads = {"success": 0, "failure": 0}
        self._warn_at = float("-inf")
        self._warn()

    def expires_at(self) -> float:
        """When the certificate in force ends, in seconds since 1970."""
        return self.certificate.validity.ends_at

    def take(self, files: TlsFiles, certificate: Certificate, handshake_s: float) -> bool:
        """Put one in force that was read from these files; whether it is another one."""
        is_other = certificate.fingerprint != self.certificate.fingerprint
        self._files = files
        self._watch.watch(files.paths)
        self.certificate = certificate
        self.door.context, self.door.handshake_s = certificate.context, handshake_s
        if is_other:
            self.reloads["success"] += 1
            ends = moment(certificate.validity.ends_at)
            _log.info("certificate replaced: it holds until %s, SHA-256 %s", ends, certificate.fingerprint)
            self._warn_at = float("-inf")
        self._warn()
        return is_other

    def look(self) -> None:
        """Take what the files hold if they changed."""
        if self._watch.has_changed():
            try:
                certificate = read_certificate(self._files)
            except Unusable as unusable:
                self.reloads["failure"] += 1
                ends = moment(self.expires_at())
                _log.error("certificate not replaced, the one until %s stays in force: %s", ends, unusable)
            else:
                self.take(self._files, certificate, self.door.handshake_s)
        self._warn()

    def _warn(self) -> None:
        now, validity = self._clock.now(), self.certificate.validity
        if now < self._warn_at or validity.begins_at <= now < validity.ends_at - WARN_BEFORE_S:
            return
        self._warn_at = now + WARN_EVERY_S
        if now < validity.begins_at:
            _log.warning(
                "the certificate holds only from %s on: is the clock right?", moment(validity.begins_at)
            )
        elif now < validity.ends_at:
            _log.warning("the certificate ends at %s: renew it", moment(validity.ends_at))
        else:
            _log.error(
                "the certificate ended at %s, so callers refuse it: renew it", moment(validity.ends_at)
            )
