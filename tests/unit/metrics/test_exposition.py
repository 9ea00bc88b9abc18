"""Guarantees of gateway/metrics/exposition.py: whoever asks gets a format that exists."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from gateway.metrics.exposition import expose

PLAIN = "text/plain; version=0.0.4; charset=utf-8"
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        pytest.param("", PLAIN, id="nothing-said"),
        pytest.param("*/*", PLAIN, id="curl"),
        pytest.param("text/html,application/xhtml+xml,*/*;q=0.8", PLAIN, id="browser"),
        pytest.param("text/plain;version=0.0.4", PLAIN, id="old-prometheus"),
        pytest.param(
            PROMETHEUS_3,
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
            id="prometheus-3",
        ),
        pytest.param(
            "application/openmetrics-text",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            id="openmetrics-without-version",
        ),
        pytest.param("application/openmetrics-text; version=99.0.0", PLAIN, id="version-of-the-future"),
        pytest.param("application/openmetrics-text; version=soon", PLAIN, id="version-that-is-none"),
    ],
)
def test_the_format_is_what_was_asked_for(accept: str, content_type: str) -> None:
    body, answered = expose(CollectorRegistry(), accept)
    assert answered == content_type
    assert body == (b"# EOF\n" if "openmetrics" in content_type else b"")


@given(
    st.text(max_size=60)
    | st.text(st.sampled_from("01.;,=q "), max_size=20).map("application/openmetrics-text;version={}".format)
)
def test_no_wish_is_repeated_or_breaks_the_answer(accept: str) -> None:
    body, content_type = expose(CollectorRegistry(), accept)
    kind = content_type.partition(";")[0]
    assert kind in {"text/plain", "application/openmetrics-text"}
    assert any(f"version={version};" in content_type for version in ("0.0.4", "1.0.0"))
    assert body in {b"", b"# EOF\n"}
