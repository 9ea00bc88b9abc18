"""Guarantees of gateway/logs/access.py: one exchange, one line, a fixed list of fields, and no key in any."""

import dataclasses
import json
import logging
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.refusal import Reason
from gateway.keeper.ports import Exchange, Observer
from gateway.logs.access import FIELDS, NAME_CHARS_MAX, PATH_CHARS_MAX, AccessLog
from gateway.logs.scrub import scrubber
from tests.unit.logs.conftest import KEY, MakeExchange, StillClock


@pytest.fixture(autouse=True)
def _info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gateway")


class Paper:
    """An access log and what it wrote."""

    def __init__(self, *, as_json: bool) -> None:
        self.lines: list[str] = []
        self.log = AccessLog(self.lines.append, StillClock(), scrubber(["kh"]), as_json=as_json)

    def tell(self, exchange: Exchange) -> str:
        self.log.exchange_began()
        self.log.exchange_ended(exchange)
        return self.lines.pop()


@pytest.fixture
def as_json() -> Paper:
    return Paper(as_json=True)


@pytest.fixture
def on_console() -> Paper:
    return Paper(as_json=False)


def test_it_is_an_observer(as_json: Paper) -> None:
    observer: Observer = as_json.log
    assert observer is as_json.log


def test_an_exchange_is_one_line_of_json_with_exactly_these_fields(
    as_json: Paper, exchange: MakeExchange
) -> None:
    line = as_json.tell(exchange())
    assert line.endswith("}\n")
    told = json.loads(line)
    assert tuple(told) == FIELDS
    assert told == {
        "time": "2023-11-14T22:13:20.250Z",
        "level": "info",
        "event": "exchange",
        "request_id": "0123456789abcdef",
        "method": "GET",
        "path": "/v1/models",
        "route": "models",
        "upstream": "local-ai",
        "key_id": "k-1",
        "key_name": "VaM Plugin",
        "peer": "192.0.2.7",
        "status": 200,
        "reason": None,
        "detail": None,
        "cut": None,
        "bytes_in": 0,
        "bytes_out": 190,
        "duration_ms": 12.5,
        "first_byte_ms": 11.0,
        "trace_id": None,
    }


def test_what_is_unknown_is_null(as_json: Paper, exchange: MakeExchange) -> None:
    unknown = dict.fromkeys(("route_id", "upstream", "key_id", "key_name", "first_byte_s"))
    told = json.loads(as_json.tell(exchange(**unknown, reason=Reason.NO_ROUTE, cut="shutdown", status=404)))
    assert [told[name] for name in ("route", "upstream", "key_id", "key_name", "first_byte_ms")] == [None] * 5
    assert (told["reason"], told["cut"]) == ("no_route", "shutdown")


def test_the_trace_that_it_belongs_to_is_told(
    as_json: Paper, on_console: Paper, exchange: MakeExchange
) -> None:
    traced = exchange(trace_id="4bf92f3577b34da6a3ce929d0e0e4736")
    assert json.loads(as_json.tell(traced))["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert on_console.tell(traced).endswith(" trace_id=4bf92f3577b34da6a3ce929d0e0e4736\n")


def test_a_person_reads_a_short_line(on_console: Paper, exchange: MakeExchange) -> None:
    assert on_console.tell(exchange()) == (
        "2023-11-14T22:13:20.250Z [info     ] GET /v1/models 200 12.5ms "
        'route=models key="VaM Plugin" peer=192.0.2.7 request_id=0123456789abcdef\n'
    )


def test_a_person_reads_why_it_was_refused(on_console: Paper, exchange: MakeExchange) -> None:
    line = on_console.tell(
        exchange(reason=Reason.KEY_EXPIRED, status=401, key_name=None, upstream=None, cut="key_ended")
    )
    assert "401" in line
    broken = on_console.tell(exchange(reason=Reason.REQUEST_MALFORMED, detail="two Hosts", status=400))
    assert ' reason=request_malformed detail="two Hosts" request_id=' in broken
    assert " key=k-1 peer=192.0.2.7 reason=key_expired cut=key_ended request_id=" in line


def test_it_can_be_switched_off_and_on_again(as_json: Paper, exchange: MakeExchange) -> None:
    as_json.log.on = False
    as_json.log.exchange_ended(exchange())
    assert as_json.lines == []
    as_json.log.on = True
    assert as_json.tell(exchange())


def test_it_is_silent_above_its_level(
    as_json: Paper, exchange: MakeExchange, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "gateway")
    as_json.log.exchange_ended(exchange())
    assert as_json.lines == []


TEXT_FIELDS = [
    field.name
    for field in dataclasses.fields(Exchange)
    if field.type in {str, str | None} and field.name != "kind"
]
ODD = st.text(max_size=30) | st.sampled_from(
    [KEY, f"/x/{KEY}", f'a" reason="{KEY}', "\r\n{}", "\x1b[2J", "é" * 600]
)


@given(st.fixed_dictionaries(dict.fromkeys(TEXT_FIELDS, ODD)))
def test_no_field_forges_a_line_or_shows_a_key(fields: dict[str, Any]) -> None:
    made = Exchange(
        **fields,
        kind="plain",
        status=200,
        reason=None,
        bytes_in=0,
        bytes_out=0,
        duration_s=0.0,
        first_byte_s=None,
        own_s=None,
    )
    line = Paper(as_json=True).tell(made)
    assert line.isascii()
    assert line[:-1].isprintable()
    told = json.loads(line)
    assert tuple(told) == FIELDS
    assert all(value.isprintable() for value in told.values() if isinstance(value, str))
    spoken = Paper(as_json=False).tell(made)
    assert spoken[:-1].isprintable()
    assert KEY not in line + spoken


@pytest.mark.parametrize("name", ["a b", "a=b", 'a" reason="none', ""])
def test_on_a_console_a_name_cannot_pass_for_another_field(
    on_console: Paper, exchange: MakeExchange, name: str
) -> None:
    line = on_console.tell(exchange(key_name=name, key_id=name))
    match = re.search(r' key=("(?:[^"\\]|\\.)*") peer=', line)
    assert match is not None
    assert match[1] == '"{}"'.format(name.replace('"', r"\""))


@pytest.mark.parametrize("paper", [Paper(as_json=True), Paper(as_json=False)], ids=["json", "console"])
def test_a_key_in_a_path_a_name_or_a_request_id_is_blanked(paper: Paper, exchange: MakeExchange) -> None:
    long = "/" + "x" * NAME_CHARS_MAX
    for fields in (
        {"path": f"/{KEY}/x"},
        {"path": f"{long}/{KEY.replace('_', '%5F')}"},
        {"key_name": KEY},
        {"request_id": KEY},
        {"request_id": f"AIza{'a' * 35}"},
    ):
        line = paper.tell(exchange(**fields))
        assert "****" in line
        assert KEY not in line
        assert "a" * 35 not in line


def test_a_path_is_cut_after_it_was_scrubbed(as_json: Paper, exchange: MakeExchange) -> None:
    path = "/" + "x" * (PATH_CHARS_MAX - 12) + "/" + KEY
    told = json.loads(as_json.tell(exchange(path=path)))["path"]
    assert len(told) <= PATH_CHARS_MAX
    assert told.endswith("/kh_****")
    assert len(json.loads(as_json.tell(exchange(path="/" + "y" * 8_000)))["path"]) == PATH_CHARS_MAX


def test_long_texts_of_callers_are_not_kept(
    as_json: Paper, on_console: Paper, exchange: MakeExchange
) -> None:
    for paper in (as_json, on_console):
        paper.tell(exchange(path="/" + "x" * NAME_CHARS_MAX, method="M" * 4_000))
        held = paper.log._cached_quote.cache_info().currsize + paper.log._cached_word.cache_info().currsize
        paper.tell(exchange(path="/" + "z" * NAME_CHARS_MAX, method="N" * 4_000))
        after = paper.log._cached_quote.cache_info().currsize + paper.log._cached_word.cache_info().currsize
        assert held == after
