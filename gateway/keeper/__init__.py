"""Use cases: stateful, asyncio allowed, no HTTP and no SQL.

The gatekeeper answers planes, the keyring serves people (CLI, REST, console), usage remembers who knocked,
live exchanges are found again when their key ends. What they need from the outside stands in `ports`.
"""
