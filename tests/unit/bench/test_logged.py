"""A request counts as logged when its line is in the file, and other work is no measurement."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench import logged
from bench.load import CONNECTIONS, LoadError
from bench.logged import LoggedRequest, empty, fault_of, lines_in, wait_for_lines
from bench.peers.nginx import Nginx
from bench.scenarios import Contender, Means
from bench.tools import Tool

LINE = json.dumps({"path": "/v1/models", "status": 200}).encode()
MEANS = Means(Tool("wrk", "1.0", {}), frozenset({0}), seconds=1)
PLAIN = Contender(Nginx(), "1.0", 1, 1, "right", "wrong", refusal_keeps=True)


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        pytest.param([LINE] * 9, None, id="one each"),
        pytest.param([LINE] * (9 + CONNECTIONS), None, id="and those under way at the end"),
        pytest.param([LINE] * 8, "8 lines were logged for 9", id="one is missing"),
        pytest.param([], "0 lines were logged for 9", id="nothing is logged"),
        pytest.param([LINE] * (10 + CONNECTIONS), "42 lines were logged for 9", id="more than was asked"),
        pytest.param([*[LINE] * 8, b"GET /v1/models 200"], "no JSON object: b'GET", id="another format"),
        pytest.param([*[LINE] * 8, b'"/v1/models"'], "no JSON object", id="not an object"),
    ],
)
def test_every_answered_request_has_its_line_of_json(lines: list[bytes], fault: str | None) -> None:
    said = fault_of(lines, 9)
    assert said is None if fault is None else fault in str(said)


def test_only_whole_lines_about_measured_requests_count(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    file.write_bytes(b'{"event":"started"}\n' + LINE + b"\n" + LINE[:-2])
    assert lines_in(file) == [LINE]


def test_a_line_that_never_comes_is_not_waited_for_forever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logged, "WRITTEN_MAX_S", 0.0)
    file = tmp_path / "access.log"
    file.write_bytes(LINE + b"\n")
    assert wait_for_lines(file, 2) == [LINE]


def test_who_appends_goes_on_at_the_beginning_of_an_emptied_file(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    with file.open("ab", buffering=0) as peer:
        peer.write(LINE + b"\n")
        empty(file)
        peer.write(LINE + b"\n")
    assert file.read_bytes() == LINE + b"\n"


@pytest.mark.parametrize(
    ("contender", "reason"),
    [
        pytest.param(replace(PLAIN, logged="no room"), "no room", id="there is no such instance"),
        pytest.param(replace(PLAIN, logged=PLAIN), "not told where", id="it logs nothing"),
    ],
)
def test_a_peer_without_an_access_log_is_out_with_the_reason(contender: Contender, reason: str) -> None:
    with pytest.raises(LoadError, match=reason):
        LoggedRequest().measure(contender, MEANS)
