"""Guarantees of gateway/core/prefixes.py: paths are moved literally, at segments, and back again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.prefixes import lies_under, moved, moved_back, prefix_problem
from gateway.core.routes import Route, RouteError, RouteTable

WHY = "must be like /llm or /apps/voice: plain segments, no '/' at the end"

prefixes = st.sampled_from([b"", b"/llm", b"/a/b", b"/v1.0"])
rests = st.sampled_from([b"", b"/", b"/x", b"/x/", b"/llm", b"/%41;b", b"?q=1", b"/x?q=/llm"])


@pytest.mark.parametrize("prefix", ["/llm", "/apps/voice", "/v1.0", "/.well-known", "/a_b~c"])
def test_a_prefix_is_made_of_plain_segments(prefix: str) -> None:
    assert prefix_problem(prefix) is None


@pytest.mark.parametrize(
    "prefix",
    [
        "",
        "/",
        "llm",
        "/llm/",
        "//llm",
        "/a//b",
        "/.",
        "/..",
        "/a/../b",
        "/a.",
        "/a;b",
        "/%41",
        "/a*",
        "/a b",
        "/ä",
    ],
)
def test_what_two_servers_could_read_in_two_ways_is_no_prefix(prefix: str) -> None:
    assert prefix_problem(prefix) == WHY


@pytest.mark.parametrize(
    ("path", "strip", "add", "sent"),
    [
        (b"/llm/v1?x=/llm", b"/llm", b"", b"/v1?x=/llm"),
        (b"/llm", b"/llm", b"", b"/"),
        (b"/llm/", b"/llm", b"", b"/"),
        (b"/llm?x", b"/llm", b"", b"/?x"),
        (b"/llm", b"/llm", b"/api", b"/api"),
        (b"/llm?x", b"/llm", b"/api", b"/api?x"),
        (b"/llm/", b"/llm", b"/api", b"/api/"),
        (b"/v1", b"", b"/api", b"/api/v1"),
        (b"/llm/llm/%2e;x", b"/llm", b"/llm", b"/llm/llm/%2e;x"),
    ],
)
def test_the_prefix_is_cut_and_put_and_nothing_else_changes(
    path: bytes, strip: bytes, add: bytes, sent: bytes
) -> None:
    assert moved(path, strip, add) == sent


@pytest.mark.parametrize(
    "path", [b"/llm..", b"/llm;x/a", b"/llmx", b"/LLM/a", b"/%6clm/a", b"/a", b"/llm%2Fa"]
)
def test_what_does_not_lie_under_the_prefix_is_never_sent(path: bytes) -> None:
    with pytest.raises(ValueError, match="does not lie under"):
        moved(path, b"/llm", b"/api")


@given(prefixes, prefixes, rests)
def test_what_was_moved_lies_under_the_other_prefix_and_comes_back(
    strip: bytes, add: bytes, rest: bytes
) -> None:
    path = strip + rest if (strip + rest).startswith(b"/") else b"/" + rest
    sent = moved(path, strip, add)
    assert sent.startswith(b"/")
    assert lies_under(sent, add)
    back = moved_back(sent, strip, add)
    assert back is not None
    assert moved(back, strip, add) == sent


def test_a_place_that_no_caller_can_reach_has_no_way_back() -> None:
    assert moved_back(b"/other", b"/llm", b"/api") is None
    assert moved_back(b"/apis", b"/llm", b"/api") is None


@pytest.mark.parametrize(
    ("path", "strip", "add", "problem"),
    [
        ("/**", "/llm", "", "does not lie under strip_prefix, /llm"),
        ("/llm2/**", "/llm", "", "does not lie under strip_prefix, /llm"),
        ("/llm/**", "/llm/", "", "must be like /llm"),
        ("/llm/**", "/llm", "api", "must be like /llm"),
        ("/llm/**", "", "/..", "must be like /llm"),
    ],
)
def test_a_table_has_no_route_whose_prefixes_could_be_misread(
    path: str, strip: str, add: str, problem: str
) -> None:
    with pytest.raises(RouteError, match=problem):
        RouteTable([Route("r", path, strip_prefix=strip, add_prefix=add)])


def test_what_is_forwarded_is_moved_by_the_routes_prefixes_and_else_the_same_bytes() -> None:
    target = b"/llm/x?y"
    assert Route("r", "/llm/**").forwarded(target) is target
    assert Route("r", "/llm/**", strip_prefix="/llm", add_prefix="/api").forwarded(target) == b"/api/x?y"
