"""The peers, in the order in which they first take their turn. A new one is a file here and a line below."""

from bench.peers.contract import Peer
from bench.peers.envoy import Envoy
from bench.peers.haproxy import HAProxy
from bench.peers.keyhatch import Keyhatch
from bench.peers.nginx import Nginx

ALL: tuple[Peer, ...] = (Nginx(), HAProxy(), Envoy(), Keyhatch("lean"), Keyhatch("aiohttp"))

REFERENCES = ("nginx", "envoy")
"""The names of the peers that the report's ratios are taken against."""
