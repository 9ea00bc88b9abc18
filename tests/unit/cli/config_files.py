"""Configurations that the tests of the command line write."""

GOOD = """\
server:
  proxy: 127.0.0.1:9000
scopes:
  models:read: List models
  chat:write: Ask for completions
upstreams:
  local-ai: {url: "http://127.0.0.1:11434"}
routes:
  - {id: models, path: /v1/models, methods: [GET], upstream: local-ai, scopes: [models:read]}
  - {id: chat, path: /v1/**, upstream: local-ai, scopes: [chat:write]}
  - {id: either, path: /either, upstream: local-ai, scopes: [chat:write], any_of: [models:read]}
  - {id: welcome, path: /, methods: [GET], upstream: local-ai, public: true}
  - {id: any-key, path: /any, upstream: local-ai, scopes: []}
  - id: at-home
    path: /home/**
    upstream: local-ai
    scopes: [chat:write]
    anonymous: {from: [127.0.0.0/8], scopes: [chat:write]}
  - id: half-open
    path: /half
    upstream: local-ai
    scopes: [chat:write]
"""

BAD = """\
server:
  prxy: 127.0.0.1:9000
routes:
  - {id: one, path: /, upstream: nowhere, scopes: []}
  - {id: two, path: /two, upstream: nowhere}
"""
