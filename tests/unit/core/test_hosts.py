"""Guarantees of gateway/core/hosts.py: no web page can lead its visitors' browsers to us by its name."""

import pytest

from gateway.core.decision import Allow, NeedKey
from gateway.core.hosts import NEAR, NOT_SOLD, Hosts
from gateway.core.ours import Ours
from gateway.core.policy import admit
from gateway.core.refusal import Deny, Reason
from gateway.core.routes import Anonymous, Route, RouteTable
from tests.unit.core.samples import A, networks, table, view
from tests.unit.core.showings import FOREIGN as ALIEN

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


NOT_SOLD_NAMES = "box.local  a.b.LOCAL:80  x.localhost  keyhatch.internal  nas.home.arpa"
ALIKE = """
    box.lan  box.home  evil.test  local.evil.test  x.local.evil.test  .local  -.local  a..local  x.local.
    box.local:x  evil.test:.local  x@.local  evil.testlocal  a/.local  x.arpa  xhome.arpa  home.arpa
"""


@pytest.mark.parametrize("host", NOT_SOLD_NAMES.split())
def test_names_that_nobody_can_own_are_ours_where_that_was_asked_for(host: str) -> None:
    assert host in NEAR
    assert host not in Hosts()
    assert host in Hosts(["keys.example.org"], NOT_SOLD)


@pytest.mark.parametrize("host", ALIKE.split())
def test_a_name_that_only_looks_so_is_not(host: str) -> None:
    assert host not in NEAR


def test_a_caller_who_called_nobody_or_one_of_strangers_too_did_not_call_us() -> None:
    assert NEAR.hold((b"localhost",))
    assert NEAR.hold((b"127.0.0.1:8080", b"box.local"))
    assert not NEAR.hold(())
    assert not NEAR.hold((b"",))
    assert not NEAR.hold((b"127.0.0.1", b"evil.test"))
    assert not NEAR.hold((b"localhost, evil.test",))
    assert not NEAR.hold((b"b\xfcro",))


# --- What the decision makes of it ------------------------------------------------------------------------

HOME = networks("127.0.0.0/8", "::1/128", "10.0.0.0/8")
DOORS = table(
    Route("files", "/files/**", public=True),
    Route("home", "/home/**", scopes=("chat:write",), anonymous=Anonymous(HOME, frozenset({"chat:*"}))),
    Route("shut", "/shut", scopes=("chat:write",), anonymous=Anonymous(HOME, frozenset({"models:read"}))),
)


@pytest.mark.parametrize(
    "called", [(b"evil.test:8080",), (), (b"localhost", b"evil.test"), (b"ai.example.evil.test",)], ids=str
)
@pytest.mark.parametrize("path", ["/home/a", "/shut"])
def test_nobody_is_anonymous_who_may_be_a_page_that_leads_its_own_name_here(
    called: tuple[bytes, ...], path: str
) -> None:
    decision = admit(view(path=path, peer="10.9.9.9", called=called), DOORS, Ours("kh"))
    assert isinstance(decision, Deny)
    assert (decision.reason, decision.detail) == (Reason.CREDENTIAL_MISSING, "host")
    assert isinstance(admit(view(("x-api-key", A), path=path, called=called), DOORS, Ours("kh")), NeedKey)


def test_what_is_shown_beside_does_not_make_such_a_caller_another() -> None:
    asked = view(
        ("authorization", f"Bearer {ALIEN}"), path="/home/a", peer="10.9.9.9", called=(b"evil.test",)
    )
    decision = admit(asked, DOORS, Ours("kh"))
    assert isinstance(decision, Deny)
    assert decision.reason is Reason.CREDENTIAL_MISSING


def test_a_caller_from_elsewhere_does_not_learn_that_others_need_no_key() -> None:
    asked = view(path="/home/a", peer="192.0.2.1", called=(b"evil.test",))
    assert admit(asked, DOORS, Ours("kh")) == Deny(Reason.CREDENTIAL_MISSING, {}, "home")


def test_by_a_name_that_was_configured_one_may_be_anonymous() -> None:
    named = RouteTable(DOORS.routes, hosts=Hosts(["ai.example"]))
    asked = view(path="/home/a", peer="10.9.9.9", called=(b"AI.example:8080",))
    assert isinstance(admit(asked, named, Ours("kh")), Allow)
    assert isinstance(admit(asked, DOORS, Ours("kh")), Deny)


def test_a_public_route_may_be_called_by_any_name() -> None:
    assert isinstance(admit(view(path="/files/x", called=(b"evil.test",)), DOORS, Ours("kh")), Allow)
