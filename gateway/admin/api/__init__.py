"""The management API: `/api/v1` on the admin listener.

One table (`operations`) says what can be asked: the router, the OpenAPI document and the tests are made from
it. A request's way: `access` (whose key is this, and may it manage at all), `asked` (query, body and
preconditions, held to their shapes), `keys` or `record` (the desk, with the rules of who may on every
record), and back as JSON, or as one of the refusals in `problems`.
"""
