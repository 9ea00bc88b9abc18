"""A gateway must not be its own upstream: a request would go round in circles until the sockets run out.

What is known without asking the machine: an address is itself however it is written, `localhost` is both
loopback addresses, a listener on every network is on loopback too, and who connects to 0.0.0.0 or [::]
arrives at loopback. A name is only known to be itself; what it resolves to may change at any time.
"""

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final
from urllib.parse import urlsplit

from gateway.config.fields import Address
from gateway.config.problems import Loc
from gateway.config.rules import Finding
from gateway.config.upstream_sections import UpstreamSettings

_PORTS: Final = {"http": 80, "https": 443}
_V4, _V6 = IPv4Address("127.0.0.1"), IPv6Address("::1")

_Place = IPv4Address | IPv6Address | str


def urls_of(upstreams: Mapping[str, UpstreamSettings]) -> Mapping[Loc, str]:
    """All URLs of upstreams, each by the place where it is written."""
    return {
        ("upstreams", name, *at): url
        for name, upstream in upstreams.items()
        for at, url in upstream.places().items()
    }


def loops(listeners: Mapping[str, Address], urls: Mapping[Loc, str]) -> Iterator[Finding]:
    """Every URL (by its place) that leads to one of the gateway's own listeners (`proxy`, `admin`)."""
    for place, url in urls.items():
        for name, address in listeners.items():
            if _reaches(url, address):
                message = (
                    f"is the gateway's own {name} listener, so a request would go round in circles: "
                    "name the server behind it"
                )
                yield Finding(place, message)
                break


def _reaches(url: str, listener: Address) -> bool:
    parts = urlsplit(url)
    if parts.scheme == "unix":  # the gateway listens on no such socket
        return False
    if (parts.port or _PORTS[parts.scheme]) != listener.port:
        return False
    there, here = _places(parts.hostname or ""), _places(listener.host)
    return any(_listens(place, at) for place in here for at in there)


def _listens(here: _Place, at: _Place) -> bool:
    """Whether a listener at `here` is met at `at`."""
    if isinstance(at, str) or isinstance(here, str):
        return here == at
    if at.is_unspecified:  # to connect to every address is to connect to this machine
        at = _V4 if at.version == 4 else _V6
    if here.is_unspecified:
        return at.is_loopback and (here.version == 6 or at.version == 4)
    return here == at


def _places(host: str) -> tuple[_Place, ...]:
    name = host.lower().removesuffix(".")
    if name == "localhost":
        return _V4, _V6
    try:
        found = ip_address(name)
    except ValueError:
        return (name,)
    return (getattr(found, "ipv4_mapped", None) or found,)
