"""Properties of routes that move paths.

1. Whatever is asked, what would be forwarded is the upstream's prefix and then the judged bytes behind ours.
2. What is forwarded is a target that would itself be let stand, and no reading of it leaves that prefix.
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.refusal import Deny
from gateway.core.request import Target, read_target
from gateway.core.routes import Route, RouteTable

MANY = settings(max_examples=max(200, settings().max_examples))

prefixes = st.sampled_from(["", "/llm", "/a/b", "/..a", "/v1.0"])
PIECES = (
    """/ // a b llm LLM v1.0 . .. %2e %2E %2f %5c ;x %3b %6c ? % # \\ admin %c0%af %ef%bc%8f %252e ..a ．"""
)
pieces = st.sampled_from([*PIECES.split(), " "])


@MANY
@given(prefixes, prefixes, st.lists(pieces, max_size=9), st.booleans())
def test_nothing_is_forwarded_outside_the_upstreams_prefix(
    strip: str, add: str, rest: list[str], begins_under: bool
) -> None:
    table = RouteTable([Route("moved", f"{strip}/**", "main", strip_prefix=strip, add_prefix=add)])
    raw = ((strip if begins_under else "/") + "".join(rest)).encode()
    target = read_target(raw)
    if isinstance(target, Deny) or isinstance(route := table.match("GET", target), Deny) or route.own:
        return
    sent, cut = route.forwarded(raw), raw[len(strip) :]
    assert raw.startswith(strip.encode())
    assert sent == add.encode() + (cut if add or cut.startswith(b"/") else b"/" + cut)
    again = read_target(sent)
    assert isinstance(again, Target)
    below = tuple(part.rstrip(".") for part in add.lower()[1:].split("/")) if add else ()
    assert all(reading[: len(below)] == below for reading in again.readings)
