"""Guarantees of docs/errors.md: every reason is there, with its sentences and what to do."""

import json
import re

import pytest

from gateway.core.refusal import Deny, Reason
from gateway.wire.reply import TABLE, Reply, refusal
from tests.docs.documents import document
from tests.unit.wire.refusals import EXAMPLES

PAGE = document("docs/errors.md")
ENTRIES = re.findall(r"^### `(\w+)` (\d+)$", PAGE.text, re.MULTILINE)
ROW = re.compile(r"\| \[`(\w+)`\]\(#(\S+)\) \| (\d+) \| (.+) \| (.+) \|")


def replies(reason: Reason) -> list[Reply]:
    """What a caller gets for each example of a reason."""
    return [refusal(Deny(reason, facts), "req-1", "kh") for facts in EXAMPLES[reason]]


def header(reply: Reply, name: bytes) -> str:
    """The value of a field, empty if it is not there."""
    return dict(reply.headers).get(name, b"").decode()


def sentence(reply: Reply) -> str:
    """What a person reads."""
    return str(json.loads(reply.body)["error"]["message"])


def entry(reason: Reason) -> str:
    """What the page says about a reason."""
    return PAGE.section(f"### `{reason.value}` {TABLE[reason].status}")


def test_every_reason_has_an_entry_with_its_status_and_nothing_else_has() -> None:
    assert [(reason.value, str(TABLE[reason].status)) for reason in Reason] == ENTRIES


@pytest.mark.parametrize("reason", list(Reason))
def test_an_entry_quotes_exactly_what_the_caller_reads(reason: Reason) -> None:
    quoted = [line.removeprefix("> ") for line in entry(reason).splitlines() if line.startswith("> ")]
    assert quoted == [sentence(reply) for reply in replies(reason)]


@pytest.mark.parametrize("reason", list(Reason))
def test_an_entry_says_when_it_is_met_and_what_caller_and_operator_can_do(reason: Reason) -> None:
    assert re.findall(r"^\*\*(\w+)\.\*\* \S", entry(reason), re.MULTILINE) == ["When", "Caller", "Operator"]


def test_the_table_tells_status_challenge_and_connection_of_every_reason() -> None:
    rows = ROW.findall(PAGE.section("## In one table"))
    assert rows == [
        (
            reason.value,
            f"{reason.value}-{TABLE[reason].status}",
            str(TABLE[reason].status),
            _challenge(replies(reason)[0]),
            "closed" if TABLE[reason].close else "stays open",
        )
        for reason in Reason
    ]


def _challenge(reply: Reply) -> str:
    challenge = header(reply, b"www-authenticate")
    return f"`{challenge}`" if challenge else "none"


def test_the_example_is_a_true_answer() -> None:
    (example,) = [fence.text for fence in PAGE.fences() if fence.text.startswith("HTTP/1.1")]
    head, _, body = example.partition("\n\n")
    (reply, *_) = replies(Reason.CREDENTIAL_MISSING)
    names = [line.partition(":")[0] for line in head.splitlines()[1:]]
    assert names == ["date", *(name.decode() for name, _ in reply.headers)]
    shown, true = json.loads(body), json.loads(reply.body)
    assert list(shown) == list(true)
    assert [list(shown[part]) for part in ("error", "detail")] == [
        list(true[part]) for part in ("error", "detail")
    ]
    assert shown["error"] | {"message": ""} == true["error"] | {"message": ""}
