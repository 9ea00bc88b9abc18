"""Guarantees of gateway/plane/aiohttp_tunnel.py are held on the wire, byte by byte: tests/conformance."""
