"""The certificate of `server.tls`: whether it serves, how long it holds, who reads its key."""

import stat
from collections.abc import Iterator
from typing import Final

from gateway.cli.doctor.finding import Finding, Patient, fail, ok, warn
from gateway.core.policy import moment
from gateway.store.system import mode_of

WARN_BEFORE_S: Final = 14 * 86_400.0
_RENEW: Final = "renew it: keyhatch tls self-signed --force, or whoever made it; it is read anew by itself"


def look(patient: Patient) -> Iterator[Finding]:
    """How the certificate stands; nothing without TLS."""
    files = patient.loaded.tls_files
    if files is None:
        return
    from gateway.tls.files import Unusable, read_certificate  # noqa: PLC0415 - whoever has no TLS does without

    what = f"certificate {files.cert}"
    try:
        certificate = read_certificate(files)
    except Unusable as unusable:
        yield fail(
            f"server.tls.{unusable.option}", str(unusable), "mend it there; the gateway keeps the old one"
        )
        return
    now, validity = patient.clock.now(), certificate.validity
    if now >= validity.ends_at:
        yield fail(what, f"ended at {moment(validity.ends_at)}, so callers refuse it", _RENEW)
    elif now < validity.begins_at:
        yield fail(what, f"holds only from {moment(validity.begins_at)} on", "set the clock right, or wait")
    elif now >= validity.ends_at - WARN_BEFORE_S:
        yield warn(what, f"ends at {moment(validity.ends_at)}", _RENEW)
    else:
        yield ok(what, f"holds until {moment(validity.ends_at)}, SHA-256 {certificate.fingerprint}")
    if mode_of(files.key.stat()) & (stat.S_IROTH | stat.S_IWOTH):
        yield fail(f"key {files.key}", "can be opened by everybody", f"chmod 600 {files.key}")
