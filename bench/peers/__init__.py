"""The peers, in the order in which they first take their turn. A new one is a file here and a line below."""

from bench.peers.auth_request import AuthRequest
from bench.peers.caddy import Caddy
from bench.peers.contract import Peer
from bench.peers.envoy import Envoy
from bench.peers.haproxy import HAProxy
from bench.peers.keyhatch import Keyhatch
from bench.peers.litellm import LiteLLM
from bench.peers.nginx import Nginx

ALL: tuple[Peer, ...] = (
    Nginx(),
    HAProxy(),
    Envoy(),
    Caddy(),
    Keyhatch("lean"),
    AuthRequest(),
    Keyhatch("lean", keys=10_000),
    Keyhatch("lean", keys=1_000_000),
    Keyhatch("aiohttp"),
    LiteLLM(),
)

QUICK = ("nginx", "envoy", "keyhatch-lean")
"""Who takes part in ``make bench-quick``."""

REFERENCES = ("nginx", "envoy")
"""The names of the peers that the report's ratios are taken against."""
