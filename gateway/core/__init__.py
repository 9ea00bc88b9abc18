"""The heart: what a key is, which route a request meets, and whether it may pass.

Everything in this package is pure: values in, values out. It reads no clock, opens no socket, draws no
random number and imports only the standard library, so each rule can be tested by a table and proved by
a property. Time arrives as a number called `now` (seconds since 1970, UTC); randomness arrives as bytes.
"""
