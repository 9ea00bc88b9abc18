"""A real gateway and somebody who listens where systemd would: what it says from its start to its end."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.notified import NotifySocket
from tests.support.running_gateway import Home, eventually

WATCHDOG_S = 0.2


@pytest.fixture
def listener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NotifySocket]:
    with NotifySocket(tmp_path / "notify") as listener:
        monkeypatch.setenv("NOTIFY_SOCKET", listener.name)
        monkeypatch.setenv("WATCHDOG_USEC", str(int(WATCHDOG_S * 1e6)))
        yield listener


def test_it_says_how_it_goes_and_falls_silent_while_its_loop_hangs(
    tmp_path: Path, listener: NotifySocket
) -> None:
    home = Home(tmp_path)
    home.configure("http://127.0.0.1:9")
    whole = home.config.read_bytes()
    with home.serve() as gateway:
        listener.wait_for("READY")
        assert listener.statuses()[-1].endswith(f"admin on 127.0.0.1:{gateway.admin_port}")
        eventually(lambda: listener.pings() > 3, "the watchdog hears of it again and again")
        home.config.unlink()
        os.mkfifo(home.config)  # to open it waits for a writer, and so does the loop
        gateway.signal(signal.SIGHUP)
        listener.wait_for("READY", "RELOADING")
        pings = listener.pings()
        with pytest.raises(AssertionError, match="not within"):
            eventually(
                lambda: listener.pings() > pings, "a loop that hangs vouches for nothing", 3 * WATCHDOG_S
            )
        began_us = int(next(each["MONOTONIC_USEC"] for each in listener.messages if "RELOADING" in each))
        assert 0 < time.monotonic() * 1e6 - began_us < 20e6
        home.config.write_bytes(whole)
        listener.wait_for("READY", "RELOADING", "READY")
        assert listener.statuses()[-1].endswith("configuration reloaded")
        eventually(lambda: listener.pings() > pings, "it turns again")
        gateway.signal(signal.SIGTERM)
        assert gateway.end() == 0
    assert listener.states() == ["READY", "RELOADING", "READY", "STOPPING"]
