"""docs/logs.md tells every line that can be logged, every field, and nothing that is not there."""

import json
import re
from typing import Final

from gateway.logs.access import FIELDS
from gateway.logs.setup import OURS
from tests.docs.documents import document
from tests.docs.log_lines import LogLine, log_lines

PAGE: Final = document("docs/logs.md")

_FIELDS: Final = re.compile(r"^\| ((?:`\w+`(?:, )?)+) \| .+ \|$", re.MULTILINE)
_LINE: Final = re.compile(r"^\| `([\w.]+)` \| (\w+) \| (`+)(.+?)\3 \| .+ \|$", re.MULTILINE)

BY_THE_LOG_ITSELF: Final = {
    LogLine("gateway.logs", "warning", "… log lines were dropped: their reader was too slow"),
    LogLine("gateway.logs", "error", "a log line could not be formatted (…) at …:…"),
}
"""What `gateway.logs.setup` writes past the loggers."""


def test_every_line_that_can_be_logged_has_its_row_and_no_row_is_left_over() -> None:
    told = [LogLine(logger, level, words) for logger, level, _, words in _LINE.findall(PAGE.text)]
    assert sorted(log_lines() | BY_THE_LOG_ITSELF) == sorted(told), "mend the table in docs/logs.md"


def test_every_line_is_one_of_ours() -> None:
    assert {line.logger.partition(".")[0] for line in log_lines()} == {OURS}


def test_every_field_of_an_exchange_is_explained_in_its_order() -> None:
    rows = _FIELDS.findall(PAGE.section("## An exchange"))
    assert [name for row in rows for name in re.findall(r"`(\w+)`", row)] == list(FIELDS)


def test_the_example_has_exactly_the_fields_of_a_line() -> None:
    (example,) = [fence.text for fence in PAGE.fences() if fence.file == "keyhatch.log"]
    assert [list(json.loads(line)) for line in example.splitlines()] == [list(FIELDS)] * 2
