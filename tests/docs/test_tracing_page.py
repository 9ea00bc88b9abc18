"""Guarantees of docs/tracing.md: it names every attribute that a span may have, and no other."""

import re

from gateway.traces.spans import FIRST_BYTE
from tests.arch.sources import text
from tests.docs.documents import document

_ATTRIBUTE = re.compile(r"(?:http|url|client|server|error|keyhatch)(?:\.[a-z_]+)+")
_NEVER = {"url.full"}


def test_the_page_names_every_attribute_and_no_other() -> None:
    made = set(re.findall(rf'"({_ATTRIBUTE.pattern})"', text("gateway/traces/spans.py"))) - {FIRST_BYTE}
    named = {span for span in document("docs/tracing.md").code_spans() if _ATTRIBUTE.fullmatch(span)}
    assert len(made) > 15
    assert named - _NEVER == made
    assert FIRST_BYTE in document("docs/tracing.md").text
