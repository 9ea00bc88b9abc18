"""Data planes: they move bytes between callers and upstreams and know nothing about keys.

Every plane keeps the contract in `contract` and passes one conformance suite (tests/conformance).
"""
