"""Guarantees of gateway/service/for_life.py: what takes a restart is told by the name that people write."""

from gateway.config.model import Settings
from gateway.service.for_life import FOR_LIFE, is_among, takes_restart

PAIR = {"cert_file": "a", "key_file": "b"}


def settings(**sections: object) -> Settings:
    """A configuration with these sections."""
    return Settings.model_validate(sections)


def test_nothing_differs_from_itself() -> None:
    assert list(takes_restart(settings(), settings())) == []


def test_names_are_those_of_the_file() -> None:
    other = settings(keys={"last_used_flush": "2s"}, server={"watch_config": "on"})
    assert list(takes_restart(settings(), other)) == ["server.watch_config", "keys.last_used_flush"]
    assert "keys.last_used_flush_s" in FOR_LIFE


def test_tls_comes_and_goes_with_a_restart_and_changes_its_files_without() -> None:
    plain, secure = settings(), settings(server={"tls": PAIR})
    assert list(takes_restart(plain, secure)) == list(takes_restart(secure, plain)) == ["server.tls"]
    others = settings(server={"tls": {**PAIR, "cert_file": "c", "client_ca_file": "d", "min_version": "1.3"}})
    assert list(takes_restart(secure, others)) == []


def test_a_part_of_an_option_is_among_it_and_a_longer_name_is_not() -> None:
    assert is_among("server.tls.key_file", ("server.tls",))
    assert is_among("server.admin", ("server.admin",))
    assert not is_among("server.admin_names", ("server.admin",))
