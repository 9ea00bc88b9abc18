"""Guarantees of gateway/plane/aiohttp_reach.py: what the system said is found in what aiohttp makes of it.

What can be seen on the wire is held by tests/conformance/test_several_targets.py.
"""

import errno
import ssl

import aiohttp
import pytest
from aiohttp.client_exceptions import UnixClientConnectorError
from aiohttp.client_reqrep import ConnectionKey

from gateway.plane.aiohttp_reach import cause_of

AT = ConnectionKey(
    "10.9.8.7", 80, is_ssl=False, ssl=True, proxy=None, proxy_auth=None, proxy_headers_hash=None
)
REFUSED = OSError(errno.ECONNREFUSED, "refused")
UNVERIFIED = ssl.SSLCertVerificationError(1, "unverified")


@pytest.mark.parametrize(
    ("trouble", "cause"),
    [
        pytest.param(aiohttp.ClientConnectorError(AT, REFUSED), REFUSED, id="refused"),
        pytest.param(aiohttp.ClientConnectorDNSError(AT, REFUSED), REFUSED, id="name"),
        pytest.param(UnixClientConnectorError("/run/x", AT, REFUSED), REFUSED, id="unix"),
        pytest.param(aiohttp.ClientConnectorCertificateError(AT, UNVERIFIED), UNVERIFIED, id="certificate"),
        pytest.param(aiohttp.ClientConnectorSSLError(AT, UNVERIFIED), UNVERIFIED, id="tls"),
    ],
)
def test_the_cause_is_what_the_system_said(trouble: Exception, cause: Exception) -> None:
    assert cause_of(trouble) is cause


def test_a_connection_that_takes_too_long_is_late() -> None:
    assert isinstance(cause_of(aiohttp.ConnectionTimeoutError("10.9.8.7")), TimeoutError)
