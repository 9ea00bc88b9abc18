"""Guarantees of gateway/admin/hosts.py: no web page can lead its visitors' browsers to the admin listener."""

import pytest

from gateway.admin.hosts import Hosts

OURS = """
    127.0.0.1  127.0.0.1:8081  192.0.2.7:1  [::1]  [::1]:8081  [2001:db8::7]:443
    localhost  localhost:8081  LOCALHOST  keys.example.org  KEYS.example.org:9  keyhatch:8081  my-gateway  k8s
"""
FOREIGN = """
    evil.test  evil.test:8081  localhost.evil.test  127.0.0.1.evil.test  keys.example.org.evil.test
    localhost:80@evil.test  localhost:  localhost:x  localhost:8o  127.0.0.1:+1  evil.test#localhost  ,
    [::1  [::1]x  [localhost]  [127.0.0.1]  ::1  127.1  0x7f000001  2130706433
"""
HOSTS = Hosts(["Keys.example.org", "keyhatch"])


@pytest.mark.parametrize("host", OURS.split())
def test_addresses_names_without_a_dot_and_configured_names_are_ours(host: str) -> None:
    assert host in HOSTS


@pytest.mark.parametrize("host", [*FOREIGN.split(), ""])
def test_any_other_host_is_not(host: str) -> None:
    assert host not in HOSTS


def test_without_configured_names_no_name_with_a_dot_is() -> None:
    assert "keys.example.org" not in Hosts()
