"""Where records live: `sqlite` for everyone, `memory` for tests and as the reference.

Each store implements `gateway.keeper.ports.KeyStore` and passes one contract suite (tests/contract). A write
is durable when it returns, and every accident leaves as a `StoreUnavailable` whose text names the file and
the mend. No store knows what a key may do; no text from here holds a secret or a digest.
"""
