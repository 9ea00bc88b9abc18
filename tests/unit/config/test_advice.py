"""What is lawful but probably not meant is said, and stops nothing."""

import pytest

from tests.unit.config.conftest import WHOLE, Read


def warnings(read: Read, text: str) -> list[str]:
    return [str(warning) for warning in read(text).warnings]


def test_a_plain_configuration_needs_no_advice(read: Read) -> None:
    assert warnings(read, WHOLE) == []


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (
            "server: {plane: lean}",
            "config.yaml:1:17: server.plane: this version has no lean plane; aiohttp serves instead",
        ),
        (
            'server: {trusted_proxies: [10.0.0.0/8, "::/0"]}',
            (
                "config.yaml:1:40: server.trusted_proxies[1]: "
                "believes X-Forwarded-For from everybody, so anybody can claim any address"
            ),
        ),
        (
            (
                "upstreams: {ai: {url: http://a, preset: ollama}}\n"
                "routes: [{id: r, path: /, upstream: ai, public: true}]"
            ),
            "config.yaml:1:41: upstreams.ai.preset: this version does not apply presets",
        ),
        (
            "upstreams: {ai: {url: http://a}}",
            "config.yaml:1:17: upstreams.ai: no route leads here",
        ),
        (
            (
                "upstreams: {ai: {url: http://a}}\nroutes: [{id: r, path: /, upstream: ai, scopes: [], "
                "anonymous: {from: [10.0.0.0/8, 0.0.0.0/0]}}]"
            ),
            (
                "config.yaml:2:84: routes[0].anonymous.from[1]: "
                "lets everybody in without a key; public: true says so plainly"
            ),
        ),
    ],
    ids=["plane", "trust", "preset", "unused", "everybody"],
)
def test_advice_is_given_at_its_place(read: Read, text: str, warning: str) -> None:
    assert warnings(read, text) == [warning]
