"""Guarantees of gateway/config/upstream_sections.py: an upstream stands somewhere, and in one way."""

import pytest

from tests.unit.config.conftest import Problems, Read

ROUTES = "\nroutes: [{id: a, path: /**, upstream: ai, scopes: []}]"
TWO = "upstreams: {ai: {targets: {a: http://10.0.0.1:1, b: unix:///run/b.sock}}}" + ROUTES


def test_an_upstream_may_have_several_targets(read: Read) -> None:
    upstream = read(TWO).settings.upstreams["ai"]
    assert upstream.places() == {
        ("targets", "a"): "http://10.0.0.1:1",
        ("targets", "b"): "unix:///run/b.sock",
    }


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        pytest.param(
            "{url: http://a, targets: {a: http://b}}",
            "1:17: upstreams.ai: has both url and targets: write its url among the targets",
            id="both",
        ),
        pytest.param("{}", "1:17: upstreams.ai: says not where it is: add url: or targets:", id="neither"),
        pytest.param("{targets: {}}", "1:27: upstreams.ai.targets: must not be empty", id="none"),
        pytest.param(
            "{targets: {A: http://a}}",
            "1:28: upstreams.ai.targets.A: must be lower-case letters and digits, "
            "joined by single '-' or '_'",
            id="name",
        ),
        pytest.param(
            "{targets: {a: nowhere}}",
            "1:31: upstreams.ai.targets.a: must begin with http://, https:// or unix:///; "
            "did you mean 'http://nowhere'?",
            id="url",
        ),
        pytest.param(
            "{url: http://a, tls: {key_file: k.pem}}",
            "1:38: upstreams.ai.tls: key_file needs cert_file beside it",
            id="key-alone",
        ),
        pytest.param(
            "{url: http://a, health: {}}", "1:41: upstreams.ai.health.path: is missing", id="no-path"
        ),
        pytest.param(
            "{url: http://a, eject: {failures: 0}}",
            "1:51: upstreams.ai.eject.failures: must be at least 1",
            id="failures",
        ),
        pytest.param(
            "{targets: {a: http://a, b: http://127.0.0.1:8080}}",
            "1:44: upstreams.ai.targets.b: is the gateway's own proxy listener, "
            "so a request would go round in circles: name the server behind it",
            id="loop",
        ),
    ],
)
def test_what_is_wrong_is_told_at_its_place(problems: Problems, written: str, problem: str) -> None:
    assert problems(f"upstreams: {{ai: {written}}}{ROUTES}") == [f"config.yaml:{problem}"]


def test_an_upstream_of_the_command_line_takes_the_place_of_all_targets(read: Read) -> None:
    upstream = read(TWO, {}, {"upstream": "http://127.0.0.1:9"}).settings.upstreams["ai"]
    assert (upstream.url, upstream.targets) == ("http://127.0.0.1:9", None)


def test_security_for_a_connection_without_tls_is_worth_a_warning(read: Read) -> None:
    warnings = read(f"upstreams: {{ai: {{url: http://a, tls: {{server_name: b}}}}}}{ROUTES}").warnings
    assert [str(each) for each in warnings] == [
        "config.yaml:1:38: upstreams.ai.tls: has no meaning here: no url of it begins with https://"
    ]
