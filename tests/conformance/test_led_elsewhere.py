"""The upstream is where the configuration says, and nothing else can lead a request to another place."""

import pytest

from tests.conformance.conftest import BuildStand
from tests.support.plane_stand import request

NOWHERE = "http://127.0.0.1:9"


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
async def test_no_variable_of_the_environment_leads_it_through_a_proxy(
    build: BuildStand, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv(name, NOWHERE)
    stand = await build()
    caller = await stand.call(request(b"GET /any/x HTTP/1.1"))
    assert (await caller.response()).start[9:12] == b"200"
    assert stand.upstream.the_request().target == b"/any/x"


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"GET http://127.0.0.1:9/any/x HTTP/1.1", id="an absolute target"),
        pytest.param(b"GET //127.0.0.1:9/any/x HTTP/1.1", id="two slashes and a host"),
        pytest.param(b"CONNECT 127.0.0.1:9 HTTP/1.1", id="a tunnel"),
    ],
)
async def test_no_target_names_another_server(build: BuildStand, line: bytes) -> None:
    stand = await build()
    caller = await stand.call(request(line))
    assert (await caller.response()).start[9:12] in {b"400", b"404", b"405"}
    assert stand.upstream.requests() == []
