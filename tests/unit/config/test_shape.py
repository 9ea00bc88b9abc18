"""The shape of the settings is read from the settings."""

import pytest

from gateway.config.model import Settings
from gateway.config.problems import Loc
from gateway.config.route_sections import AnonymousSettings, RouteSettings
from gateway.config.sections import Section, ServerSettings
from gateway.config.shape import Leaf, keys_of, leaves, section_at
from gateway.config.upstream_sections import TimeoutSettings, UpstreamSettings


@pytest.mark.parametrize(
    ("loc", "section"),
    [
        ((), Settings),
        (("server",), ServerSettings),
        (("upstreams", "any"), UpstreamSettings),
        (("upstreams", "any", "timeouts"), TimeoutSettings),
        (("routes", 3), RouteSettings),
        (("routes", 3, "anonymous"), AnonymousSettings),
        (("routes",), None),
        (("scopes", "a:b"), None),
        (("server", "proxy"), None),
        (("server", "proxy", "deeper", "still"), None),
        (("gone",), None),
        (("gone", "deeper"), None),
    ],
    ids=str,
)
def test_the_section_at_a_place_is_known(loc: Loc, section: type[Section] | None) -> None:
    assert section_at(loc) is section


def test_keys_are_those_that_people_write() -> None:
    assert list(keys_of(TimeoutSettings)) == ["connect", "first_byte", "idle"]


def test_every_value_outside_the_routes_is_a_leaf() -> None:
    found = {".".join(leaf.loc): leaf.is_list for leaf in leaves()}
    assert found == {
        "server.proxy": False,
        "server.names": True,
        "server.admin": False,
        "server.admin_names": True,
        "server.plane": False,
        "server.trusted_proxies": True,
        "server.tls.cert_file": False,
        "server.tls.key_file": False,
        "server.tls.client_ca_file": False,
        "server.tls.client_cert": False,
        "server.tls.min_version": False,
        "server.tls.admin": False,
        "server.watch_config": False,
        "store.url": False,
        "vault.key_file": False,
        "vault.key": False,
        "keys.prefix": False,
        "keys.default_expiry": False,
        "keys.max_active_per_owner": False,
        "keys.last_used_flush": False,
        "keys.signed_url_max": False,
        "keys.usage_kept": False,
        "logging.level": False,
        "logging.format": False,
        "logging.access": False,
        "limits.head": False,
        "limits.fields": False,
        "limits.target": False,
        "limits.body": False,
        "limits.head_timeout": False,
        "limits.idle": False,
        "limits.connections": False,
        "limits.connections_per_peer": False,
        "scopes": False,
        "upstreams.*.url": False,
        "upstreams.*.targets": False,
        "upstreams.*.balance": False,
        "upstreams.*.health.path": False,
        "upstreams.*.health.every": False,
        "upstreams.*.health.timeout": False,
        "upstreams.*.health.rise": False,
        "upstreams.*.health.fall": False,
        "upstreams.*.eject.failures": False,
        "upstreams.*.eject.for": False,
        "upstreams.*.tls.ca_file": False,
        "upstreams.*.tls.cert_file": False,
        "upstreams.*.tls.key_file": False,
        "upstreams.*.tls.server_name": False,
        "upstreams.*.preset": False,
        "upstreams.*.mount": False,
        "upstreams.*.cors": False,
        "upstreams.*.host": False,
        "upstreams.*.origin": False,
        "upstreams.*.forwarded_headers": False,
        "upstreams.*.credential": False,
        "upstreams.*.credential_in": False,
        "upstreams.*.pass_caller_credential": False,
        "upstreams.*.timeouts.connect": False,
        "upstreams.*.timeouts.first_byte": False,
        "upstreams.*.timeouts.idle": False,
        "routes": True,
    }
    assert Leaf(("server", "proxy"), is_list=False) in leaves()
