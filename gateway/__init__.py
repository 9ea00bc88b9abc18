"""Keyhatch: a self-hosted API-key gateway.

One small process stands in front of a server that has no keys of its own. It checks each
request's key against its own store and scope rules, forwards what is allowed, and refuses the
rest with a reason. Imports inside this package go down only; the floors are written in
``pyproject.toml`` and held by import-linter.
"""

__version__ = "0.1.0"
