"""Guarantees of gateway/plane/reports.py: trouble is told with its mend and without an address."""

import errno
import logging
import socket
import ssl

import pytest

from gateway.plane.reports import failed, tell, warn, why_not, worked
from gateway.wire.targets import Standing, State, UpstreamTarget
from gateway.wire.upstream import Upstream

AT = "10.9.8.7"
ONE = Upstream("one", "http", AT, 80)
TWO = Upstream(
    "two",
    "http",
    AT,
    80,
    targets=(UpstreamTarget("a", "http", AT, 80), UpstreamTarget("b", "http", AT, 81)),
)


def unverified(code: int, message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, message
    return error


def handshake(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, "…")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param(
            ConnectionRefusedError(errno.ECONNREFUSED, f"Connect call failed ('{AT}', 80)"),
            "Connection refused",
            id="refused",
        ),
        pytest.param(
            OSError(errno.EHOSTUNREACH, f"Connect call failed ('{AT}', 80)"),
            "No route to host",
            id="no-route",
        ),
        pytest.param(
            socket.gaierror(-2, "Name or service not known"),
            "its name leads nowhere: see the name server, or its url",
            id="no-name",
        ),
        pytest.param(
            FileNotFoundError(2, "No such file"),
            "there is no such Unix socket: is it started?",
            id="no-socket",
        ),
        pytest.param(TimeoutError(), "it takes no connection in time (timeouts.connect)", id="late"),
        pytest.param(ConnectionResetError("closed at once"), "ConnectionResetError", id="no-number"),
        pytest.param(
            unverified(18, "self-signed certificate"),
            "its certificate cannot be verified (self-signed certificate): "
            "tls.ca_file can name the authority that signed it",
            id="unknown-authority",
        ),
        pytest.param(
            unverified(10, "certificate has expired"),
            "its certificate cannot be verified (certificate has expired): renew it",
            id="expired",
        ),
        pytest.param(
            unverified(62, "Hostname mismatch"),
            "its certificate cannot be verified (Hostname mismatch): "
            "tls.server_name can say which name it holds",
            id="wrong-name",
        ),
        pytest.param(
            handshake("WRONG_VERSION_NUMBER"),
            "the TLS handshake failed: it speaks no TLS there: its url should begin with http://",
            id="no-tls",
        ),
        pytest.param(
            handshake("UNEXPECTED_MESSAGE"), "the TLS handshake failed: unexpected message", id="other-tls"
        ),
        pytest.param(handshake(""), "the TLS handshake failed: no tls", id="silent-tls"),
    ],
)
def test_each_fault_is_told_with_its_mend_and_without_an_address(fault: OSError, words: str) -> None:
    assert why_not(fault) == words
    assert AT not in words


def test_a_change_of_state_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    standing = TWO.crew.standings[0]
    with caplog.at_level(logging.WARNING, "gateway.plane"):
        for _ in range(TWO.eject.failures + 2):
            failed(TWO, standing, 0.0, "Connection refused")
        worked(TWO, standing, 1.0)
        worked(TWO, standing, 1.0)
    assert [record.getMessage() for record in caplog.records] == [
        "upstream 'two': target 'a' is left out for a time: Connection refused",
        "upstream 'two': target 'a' is up again",
    ]


def test_what_did_not_change_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    tell("one", Standing(ONE.targets[0]), None)
    assert caplog.records == []


@pytest.mark.parametrize(
    ("upstream", "standing", "said"),
    [
        (ONE, ONE.crew.standings[0], "request r: upstream 'one': gone"),
        (TWO, TWO.crew.standings[1], "request r: upstream 'two' target 'b': gone"),
        (TWO, None, "request r: upstream 'two': gone"),
    ],
)
def test_the_target_is_named_where_there_are_several(
    upstream: Upstream, standing: Standing | None, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    warn("r", upstream, standing, "gone")
    assert [record.getMessage() for record in caplog.records] == [said]


def test_every_state_has_its_words(caplog: pytest.LogCaptureFixture) -> None:
    for state in State:
        tell("one", ONE.crew.standings[0], state)
    assert len(caplog.records) == len(State)
