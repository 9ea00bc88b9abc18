"""The kinds of value a configuration holds: how each is read from text, checked, and written back.

A file, a variable and a flag all give text, so every reader here takes text (or a value already read) and
raises `Unfit` with what to write instead. No reader repeats the value in its message; hints may.
"""

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_network
from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, PlainValidator

from gateway.config.problems import Unfit
from gateway.config.quantities import read_duration, read_size, write_duration, write_size
from gateway.core.keys import PREFIX_PATTERN, Network
from gateway.core.prefixes import prefix_problem
from gateway.core.scopes import RESERVED_RESOURCE, is_grant, is_scope

_ADDRESS: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9*.-]*)):([0-9]{1,5})")
_URL: Final = re.compile(
    r"https?://(?:([^/?#]*)@)?(?:\[([^\]]*)\]|([^:/?#@\[\]]*))(?::([0-9]{1,5}))?([/?#].*)?", re.DOTALL
)
_SENT_HOST: Final = re.compile(r"(?:\[([^\]]*)\]|([^:/?#@\[\]]*))(?::([0-9]{1,5}))?")
_HOST: Final = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?")
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9]|[_-](?![_-])){0,62}(?<![_-])")
_ROUTE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_METHOD: Final = re.compile(r"[A-Z][A-Z0-9_-]{0,31}")
_SWITCH: Final = {
    **dict.fromkeys(("on", "true", "yes", "1", "t", "y"), True),
    **dict.fromkeys(("off", "false", "no", "0", "f", "n"), False),
}
_OWN_IDS: Final = f"{RESERVED_RESOURCE}-"
HEAD_BYTES_MOST: Final = 2**20
UNIX_URL: Final = "unix://"
SOCKET_PATH_BYTES_MAX: Final = 103  # what every system takes: macOS has the least
MEMORY_URL: Final = "memory:"
SQLITE_URL: Final = "sqlite:///"


@dataclass(frozen=True, slots=True)
class Address:
    """A socket to listen on. Port 0 picks a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_address(value: object) -> Address:
    """`127.0.0.1:8080`, `localhost:8080`, `[::1]:8080`. All interfaces have to be said (0.0.0.0, [::])."""
    if isinstance(value, Address):
        return value
    match = _ADDRESS.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise Unfit("must be HOST:PORT, like 127.0.0.1:8080 or '[::1]:8080'")
    ipv6, name, port = match.groups()
    if int(port) > 65_535:
        raise Unfit("has no such port: 65535 is the highest")
    if ipv6 is None and name in ("", "*"):
        raise Unfit(
            f"says no host: 127.0.0.1:{port} for this machine alone, 0.0.0.0:{port} for every network"
        )
    host = ipv6 or name
    if not _is_host(host, bracketed=ipv6 is not None):
        raise Unfit("has no such host: write an address or a name, like 127.0.0.1 or localhost")
    return Address(host, int(port))


def _is_host(host: str, *, bracketed: bool) -> bool:
    try:
        if bracketed:
            IPv6Address(host)
        elif not re.search("[A-Za-z_]", host):
            IPv4Address(host)
    except ValueError:
        return False
    return bracketed or _HOST.fullmatch(host) is not None


def read_host_name(value: object) -> str:
    """A name by which a host is called, without a port: `keys.example.com`."""
    name = value.lower() if isinstance(value, str) else ""
    if not re.search("[a-z_]", name) or _HOST.fullmatch(name) is None:
        raise Unfit("must be the name of a host alone, like keys.example.com")
    return name


def read_network(value: object) -> Network:
    """One address or a CIDR. IPv4 in IPv6's clothes is refused: peers are compared as IPv4."""
    text = str(value)
    try:
        network = ip_network(text.replace("%", " "), strict=False)  # a zone means something on one machine
    except ValueError:
        raise Unfit("must be an address or a network, like 192.168.1.0/24 or '::1/128'") from None
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped:
        raise Unfit("must be written as IPv4, because it is IPv4")
    if "/" in text and str(network.network_address) != str(ip_network(text.partition("/")[0])[0]):
        raise Unfit("names an address inside the network, not the network", f"did you mean '{network}'?")
    return network


def read_expiry(value: object) -> float | None:
    """A duration, or `never` said out loud."""
    return None if value == "never" else read_duration(value)


def read_optional_size(value: object) -> int | None:
    """A size, or null for no limit."""
    return None if value is None else read_size(value)


def read_head_size(value: object) -> int:
    """A size that a head may be limited to."""
    return _size_within(value, 2**10, HEAD_BYTES_MOST)


def read_target_size(value: object) -> int:
    """A size that a target may be limited to. That it fits in its head is asked where both are known."""
    return _size_within(value, 256, HEAD_BYTES_MOST)


def _size_within(value: object, least: int, most: int) -> int:
    size = read_size(value)
    if not least <= size <= most:
        hint = "a number without a unit counts bytes" if str(value).isdigit() else ""
        raise Unfit(f"must be {write_size(least)} to {write_size(most)}", hint)
    return size


def read_upstream_url(value: object) -> str:
    """`http://HOST[:PORT]`, `https://…` or `unix:///PATH`: paths are forwarded as they were received."""
    text = str(value)
    if text.startswith(UNIX_URL):
        return _socket_url(text)
    if not text.startswith(("http://", "https://")):
        hint = "" if "://" in text else f"did you mean 'http://{text}'?"
        raise Unfit("must begin with http://, https:// or unix:///", hint)
    match = _URL.fullmatch(text)
    if match is None:
        raise Unfit("must be http://HOST:PORT, like http://127.0.0.1:11434")
    user, ipv6, name, port, rest = match.groups()
    if user is not None:
        raise Unfit("must not hold a user or password: the address of an upstream is no secret")
    if rest not in (None, "/"):
        raise Unfit("must end after host and port: requests keep the path they came with")
    if not _is_host(ipv6 or name, bracketed=ipv6 is not None):
        raise Unfit("has no such host: write an address or an ASCII name, like 127.0.0.1 or ollama")
    if port is not None and not 1 <= int(port) <= 65_535:
        raise Unfit("has no such port: 1 to 65535")
    return text.removesuffix("/")


def read_host_policy(value: object) -> str:
    """`upstream`, `preserve`, or what to send as `Host`: a name or an address, with a port or without."""
    text = str(value)
    if text in ("upstream", "preserve"):
        return text
    match = _SENT_HOST.fullmatch(text)
    if match is None or not _is_host(match[1] or match[2], bracketed=match[1] is not None):
        raise Unfit("must be upstream, preserve, or a HOST[:PORT] to send, like localhost:11434")
    if match[3] is not None and not 1 <= int(match[3]) <= 65_535:
        raise Unfit("has no such port: 1 to 65535")
    return text


def _socket_url(text: str) -> str:
    path = text.removeprefix(UNIX_URL)
    if not path.startswith("/") or path.endswith("/") or not path.isprintable():
        raise Unfit("must name a socket by its whole path, like unix:///run/app.sock")
    if not hasattr(socket, "AF_UNIX"):
        raise Unfit("names a socket, and Windows has none for it: give the server a port, and name that")
    if len(path.encode()) > SOCKET_PATH_BYTES_MAX:
        raise Unfit(f"is too long for a socket: {SOCKET_PATH_BYTES_MAX} bytes are possible")
    return text


def read_store_url(value: object) -> str:
    """`sqlite:///FILE` (three slashes: relative), `sqlite:////FILE` (four: absolute) or `memory:`."""
    text = str(value)
    if text == MEMORY_URL:
        return text
    path = text.removeprefix(SQLITE_URL)
    if path == text or path in ("", "/") or not path.isprintable():
        raise Unfit("must be sqlite:///FILE (relative), sqlite:////FILE (absolute) or memory:")
    if any(char in path for char in "?#%"):
        raise Unfit("must name a plain file: '?', '#' and '%' have no meaning here")
    return text


def read_prefix(text: str) -> str:
    """What every key begins with."""
    if PREFIX_PATTERN.fullmatch(text) is None:
        raise Unfit("must be 1 to 16 lower-case letters and digits, a letter first")
    return text


def read_name(text: str) -> str:
    """An upstream's name: a metrics label, and part of a variable's name."""
    if _NAME.fullmatch(text) is None:
        raise Unfit("must be lower-case letters and digits, joined by single '-' or '_'")
    return text


def read_route_id(text: str) -> str:
    """A route's id: a metrics label, and what log lines call it."""
    if _ROUTE_ID.fullmatch(text) is None:
        raise Unfit("must be up to 64 letters, digits, '.', '_' and '-'")
    if text.lower().startswith(_OWN_IDS):
        raise Unfit(f"must not begin with '{_OWN_IDS}': those are the gateway's own routes")
    return text


def read_path_prefix(text: str) -> str:
    """What is cut from the front of a path, or put there."""
    problem = prefix_problem(text)
    if problem is not None:
        hint = f"did you mean '{text.rstrip('/')}'?" if text.endswith("/") and len(text) > 1 else ""
        raise Unfit(problem, hint)
    return text


def read_method(text: str) -> str:
    """A method's name as it stands on the wire."""
    if text in ("TRACE", "CONNECT"):
        raise Unfit("TRACE and CONNECT are never forwarded")
    if _METHOD.fullmatch(text) is None:
        hint = f"did you mean '{text.upper()}'?" if _METHOD.fullmatch(text.upper()) else ""
        raise Unfit("must be a method in upper case", hint)
    return text


def read_catalogue_scope(text: str) -> str:
    """A plain scope that keys and routes may name."""
    if not is_scope(text):
        raise Unfit("must be resource:action or a word, in lower case: models:read, admin")
    if text.startswith(f"{RESERVED_RESOURCE}:"):
        raise Unfit(f"'{RESERVED_RESOURCE}:…' is reserved for managing the gateway")
    return text


def read_route_scope(text: str) -> str:
    """A plain scope that a route asks for."""
    if "*" in text and is_grant(text):
        raise Unfit("must be a plain scope: keys hold wildcards, routes name what they need")
    return read_catalogue_scope(text)


def read_grant(text: str) -> str:
    """A scope, or a wildcard over scopes, that a caller without a key counts as holding."""
    if not is_grant(text):
        raise Unfit("must be resource:action, resource:*, *:action, one word or *")
    if text.startswith(f"{RESERVED_RESOURCE}:"):
        raise Unfit("nobody manages the gateway without a key")
    return text


def given(value: object) -> object:
    """Refuse a key that was written with nothing behind it, where nothing could be read two ways."""
    if value is None:
        raise Unfit("has no value: give it one, or remove the key")
    return value


def read_switch(value: object) -> bool:
    """`on` or `off`; what other programs call them (true, yes, 1) will do."""
    if value is None:
        raise Unfit("has no value")
    if isinstance(value, bool):
        return value
    word = value.lower() if isinstance(value, str) else ""
    if word not in _SWITCH:
        raise Unfit("must be on or off")
    return _SWITCH[word]


def off_by_name(value: object) -> object:
    """What YAML may read as a switch where `off` is one word among others."""
    return "off" if value is False else value


def lower(value: object) -> object:
    """Words that people shout in variables (`DEBUG`)."""
    return value.lower() if isinstance(value, str) else value


def text_or_nothing(value: object) -> object:
    """A key without a description describes itself."""
    return "" if value is None else value


T = TypeVar("T")
Some = Annotated[tuple[T, ...], Field(min_length=1)]
AddressField = Annotated[Address, PlainValidator(read_address), PlainSerializer(str, return_type=str)]
HostName = Annotated[str, PlainValidator(read_host_name)]
NetworkField = Annotated[Network, PlainValidator(read_network), PlainSerializer(str, return_type=str)]
Duration = Annotated[float, PlainValidator(read_duration), PlainSerializer(write_duration, return_type=str)]
Expiry = Annotated[
    float | None,
    PlainValidator(read_expiry),
    PlainSerializer(lambda s: "never" if s is None else write_duration(s), return_type=str),
]
HeadSize = Annotated[int, PlainValidator(read_head_size), PlainSerializer(write_size, return_type=str)]
TargetSize = Annotated[int, PlainValidator(read_target_size), PlainSerializer(write_size, return_type=str)]
OptionalSize = Annotated[
    int | None,
    PlainValidator(read_optional_size),
    PlainSerializer(lambda size: None if size is None else write_size(size), return_type=str | None),
]
UpstreamUrl = Annotated[str, PlainValidator(read_upstream_url)]
HostPolicy = Annotated[str, PlainValidator(read_host_policy)]
StoreUrl = Annotated[str, PlainValidator(read_store_url)]
Prefix = Annotated[str, AfterValidator(read_prefix)]
Name = Annotated[str, AfterValidator(read_name)]
RouteId = Annotated[str, AfterValidator(read_route_id)]
PathPrefix = Annotated[str, AfterValidator(read_path_prefix)]
Method = Annotated[str, AfterValidator(read_method)]
CatalogueScope = Annotated[str, AfterValidator(read_catalogue_scope)]
RouteScope = Annotated[str, AfterValidator(read_route_scope)]
Grant = Annotated[str, AfterValidator(read_grant)]
Switch = Annotated[bool, PlainValidator(read_switch)]
Given = BeforeValidator(given)
Lower = BeforeValidator(lower)
OffByName = BeforeValidator(off_by_name)
TextOrNothing = Annotated[str, BeforeValidator(text_or_nothing)]
